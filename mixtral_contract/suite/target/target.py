"""The server under test: where it is, which dialects it speaks, whose keys to use; and the mock started for it.

Keys come from environment variables, by name; the built-in keys of the mock are no secrets.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from mixtral_contract.contract import model_list
from mixtral_contract.contract.openapi import DOCUMENT, Contract, Operation
from mixtral_contract.contract.presets import Preset, Price, presets, spoken_at
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.http import connection
from mixtral_contract.suite.http.exchange import Request

MOCK = "mock"
MOCK_KEYS = {
    "valid": "mock-valid",
    "exhausted": "mock-exhausted",
    "forbidden": "mock-forbidden",
    "limited": "mock-limited",
}
_REACH_S = 10
_TELL_S = 1
"""The mock tells of itself at once; who takes longer is another server."""
_STATE = {"clock", "dialects", "incidents"}
"""What the mock tells of itself, among other things."""
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_MOCK_ITL_MS = 0.5
"""The mock's pace: slow enough to tell a stream from a buffered one, fast enough for a thousand answers."""


class TargetError(ValueError):
    """The command line names no usable target; the message says why in one line."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server under test.

    `base_url` is None for a mock that is still to be started; `keys` holds a key per role (`valid` unless none is sent,
    and where there is one `exhausted`, `forbidden`, `limited`); `model` is None for the documented default; `paid` says
    that completions may cost money, `price` what one costs where that is published. `notes` say in a line each what was
    taken because nobody said it.
    """

    name: str
    base_url: str | None
    dialects: tuple[str, ...]
    keys: Mapping[str, str]
    model: str | None = None
    paid: bool = False
    price: Price | None = None
    is_live: bool = False
    notes: tuple[str, ...] = ()

    def path(self, operation: Operation) -> str:
        """Where the target has an operation below its address: the mock has all dialects at once."""
        return operation.template if self.name == MOCK else operation.path


def choose(
    contract: Contract,
    *,
    name: str | None = None,
    base_url: str | None = None,
    dialect: str | None = None,
    model: str | None = None,
    api_key_env: str | None = None,
    special_key_envs: Mapping[str, str] = MappingProxyType({}),
    no_key: bool = False,
    dry_run: bool = False,
    free: bool = False,
) -> Target:
    """The target that the command line means.

    `special_key_envs` names the variables of the keys `exhausted`, `forbidden` and `limited`; `no_key`: none is sent. A
    `dry_run` needs no key. An address without a dialect speaks its vendor's, or what no vendor's address speaks.
    Every server but the mock may bill completions, a gateway on this machine too, unless it is `free`.

    Raises: TargetError for an unknown name or dialect, a bad address, a dialect that nothing tells or a missing key.
    """
    known = presets(contract)
    _check_names(contract, known, name, dialect)
    key = _stand_in_key if dry_run else _key
    special = {role: key(variable) for role, variable in special_key_envs.items()}
    if no_key and api_key_env is not None:
        raise TargetError("--no-key: expected no --api-key-env beside it, got one")
    if base_url is not None:
        base_url = _address(base_url).url
    variable = None if no_key else api_key_env
    preset = known.get(name or "")
    if preset is not None:
        variable = None if no_key else api_key_env or preset.api_key_env
        keys = special if variable is None else {"valid": key(variable), **special}
        found = _preset(preset, contract, base_url, keys, model)
        return replace(found, paid=found.paid and not free)
    if base_url is None or name == MOCK:
        if no_key:
            raise TargetError("--no-key: expected the address of another server than the mock, got none")
        dialects = (dialect,) if dialect else tuple(contract.operations)
        return Target(MOCK, base_url, dialects, {**MOCK_KEYS, **special}, model)
    address = _address(base_url)
    operation, notes = _operation(contract, known, address, dialect)
    if variable is None and not no_key and not address.is_loopback and not operation.is_key_optional:
        variable = _default_env(known, operation.dialect)
    local_key = {} if no_key or not address.is_loopback else {"valid": MOCK_KEYS["valid"]}
    keys = local_key if variable is None else {"valid": key(variable)}
    if not keys and not no_key:
        notes = (*notes, "key: none is sent; --api-key-env names the variable with one")
    keys = {**keys, **special}
    return Target(base_url, base_url, (operation.dialect,), keys, model, paid=not free, notes=notes)


def _check_names(contract: Contract, known: Mapping[str, Preset], name: str | None, dialect: str | None) -> None:
    if name not in (None, MOCK, *known):
        raise TargetError(f"--target: expected one of {', '.join((MOCK, *known))}, got {name!r}")
    if dialect is not None and dialect not in contract.operations:
        raise TargetError(f"--dialect: expected one of {', '.join(contract.operations)}, got {dialect!r}")


def _preset(
    preset: Preset, contract: Contract, base_url: str | None, keys: Mapping[str, str], model: str | None
) -> Target:
    address = base_url or preset.base_url
    vendor = not contract.operations[preset.dialect].is_for_any_server
    return Target(preset.name, address, (preset.dialect,), keys, model, preset.paid, preset.price, is_live=vendor)


def _operation(
    contract: Contract, known: Mapping[str, Preset], address: BaseUrl, dialect: str | None
) -> tuple[Operation, tuple[str, ...]]:
    """What the address speaks, and the line that says why where nobody said it."""
    if dialect is not None:
        return contract.operations[dialect], ()
    spoken = spoken_at(address, contract, known)
    if spoken is None:
        raise TargetError(f"--base-url: expected --dialect with it ({', '.join(contract.operations)}), got none")
    return spoken[0], (spoken[1],)


def with_model(target: Target, contract: Contract) -> Target:
    """The target with a model to ask for, where the dialect wants one and nobody named it: the server is asked.

    Raises: TargetError when the server names too many to take the first.
    """
    operation = contract.operations[target.dialects[0]]
    if target.base_url is None or target.name == MOCK or target.model or not operation.is_for_any_server:
        return target
    server, key = _address(target.base_url), target.keys.get("valid")
    credential = operation.credentials[0]
    headers = {} if key is None else {credential.header: credential.value(key)}
    try:
        name, note = model_list.find(server, headers, operation.models[0].name)
    except model_list.ModelListError as error:
        raise TargetError(str(error)) from None
    return replace(target, model=name, notes=(*target.notes, note))


def reach(base_url: str) -> None:
    """Returns when something listens at the address.

    Raises: TargetError when nothing does.
    """
    address = _address(base_url)
    try:
        socket.create_connection((address.host, address.port), timeout=_REACH_S).close()
    except OSError as error:
        raise TargetError(f"{base_url}: expected a server, got none ({error})") from error


def is_mock(base_url: str) -> bool:
    """Whether the mock's control API answers there: its completions cost nothing."""
    try:
        answer = connection.send(Request("GET", f"{base_url.rstrip('/')}/_mock/state"), timeout_s=_TELL_S)
    except OSError:
        return False
    return answer.status == 200 and isinstance(answer.json, dict) and answer.json.keys() >= _STATE


@contextmanager
def running(target: Target, spec: Path = DOCUMENT, *, options: Sequence[str] = ()) -> Iterator[Target]:
    """The target with an address: as it is, or the mock started (with more options) for as long as this lasts."""
    if target.base_url is not None:
        yield target
        return
    command = [
        sys.executable,
        "-P",
        "-m",
        "mixtral_contract.mock",
        "--port",
        "0",
        "--itl-ms",
        str(_MOCK_ITL_MS),
        "--require-key",
        "--spec",
        str(spec),
    ]
    command += options
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address.startswith("http"):
                raise TargetError(f"python -m mock_server: expected its address, got exit status {process.wait(5)}")
            yield replace(target, base_url=address)
        finally:
            process.terminate()


def _key(variable: str) -> str:
    _require_name(variable)
    key = os.environ.get(variable, "").strip()
    if not key:
        raise TargetError(f"expected the API key in the environment variable {variable}, got none")
    return key


def _require_name(variable: str) -> None:
    if not _VARIABLE.fullmatch(variable) and variable not in os.environ:
        # somebody may have given the key itself
        raise TargetError(
            "expected the NAME of an environment variable with the API key, got something else (not shown)"
        )


def _stand_in_key(variable: str) -> str:
    _require_name(variable)
    return f"dry-run-{variable}"


def _default_env(known: Mapping[str, Preset], dialect: str) -> str:
    found = (preset.api_key_env for preset in known.values() if preset.dialect == dialect)
    return next(filter(None, found), "API_KEY")


def _address(base_url: str) -> BaseUrl:
    try:
        return BaseUrl.parse(base_url)
    except ValueError as error:
        raise TargetError(f"--base-url: {error}") from error
