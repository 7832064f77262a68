"""What a run is asked to do: the options and the contract together, checked.

Knows no Locust; the options arrive as a namespace, the environment as a mapping. The key is in none of these values.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mixtral_contract.contract.openapi import DOCUMENT, Contract, ContractError, Model, Operation
from mixtral_contract.contract.presets import Preset, is_paid, preset_at, presets, spoken_at
from mixtral_contract.load.costs.cost import Cost, read_cost
from mixtral_contract.load.prompt_files.formats import read_prompts
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt, PromptFile, PromptFileError
from mixtral_contract.load.settings.digests import workload_digest
from mixtral_contract.load.settings.objectives import Slo, parse_slo
from mixtral_contract.load.settings.request_options import read_changes
from mixtral_contract.load.settings.stage_options import read_staging
from mixtral_contract.load.settings.stages import Staging
from mixtral_contract.load.units.usage_error import UsageError, read_option
from mixtral_contract.load.workload.arrivals import Arrival, Arrivals, parse_arrivals, played
from mixtral_contract.load.workload.lengths import Lengths, parse_lengths
from mixtral_contract.load.workload.request_changes import RequestChanges
from mixtral_contract.load.workload.trace_file import TraceError, read_trace
from mixtral_contract.primitives import command_line
from mixtral_contract.primitives.base_url import BaseUrl

__all__ = ["MOCK_KEY", "Settings", "UsageError", "check_load", "read_key", "read_settings"]

MOCK_KEY = "mock-valid"
"""The key that the mock server accepts without any set-up; it opens nothing else."""

_LEAST_SPEED = 1e-9

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Settings:
    """One run's settings; `key_variable` None means the mock's own key, `model` None the contract's first one."""

    operation: Operation
    target: BaseUrl
    model: str | None
    key_variable: str | None
    arrivals: Arrivals
    trace: tuple[Arrival, ...]
    max_in_flight: int
    prompt_tokens: Lengths
    output_tokens: Lengths
    prefix_share: float
    images: int
    prompt_file: PromptFile | None
    turns: int
    think_s: float
    seed: int
    warmup_s: float
    timeout_s: float
    max_error_share: float
    give_up_s: float | None
    """For how long nothing may be answered before the run ends; None for any time."""
    slo: Slo
    is_paid: bool
    """Whether a completion may cost somebody money."""
    cost: Cost
    staging: Staging | None
    """How the run goes through several loads; None for one that has just one."""
    out: Path
    changes: RequestChanges = field(default_factory=RequestChanges)
    """What the user says about every request."""
    label: str | None = None
    """What the user calls the run."""
    workload: str | None = None
    """A digest of what was read from files."""

    @property
    def own_prompts(self) -> tuple[OwnPrompt, ...]:
        """The user's own prompts; none when the run makes them."""
        return () if self.prompt_file is None else self.prompt_file.prompts

    @property
    def path(self) -> str:
        """What requests are posted to: the operation's path, or that of --endpoint."""
        return self.changes.path or self.operation.path

    @property
    def request_target(self) -> str:
        """The path as it is sent, below the target's own, with the query."""
        return f"{self.changes.path or self.target.target(self.operation.path)}{self.changes.query_text()}"

    @property
    def limits_answers(self) -> bool:
        """Whether each request carries its longest answer."""
        return self.changes.limits_answers(self.operation.request.properties)

    @property
    def contract_model(self) -> Model:
        """The contract's model that is asked for; its first one when the name is not the contract's."""
        return self.operation.model(self.model) or self.operation.models[0]


def read_settings(options: argparse.Namespace, host: str | None) -> Settings:
    """The settings in these options, for the target at `host`.

    Raises: UsageError when they make no sense, alone or together.
    """
    target, path = read_address(options, host)
    changes = read_changes(options, path)
    contract = read_contract(options.spec)
    known = presets(contract)
    operation = _operation(contract, options, target, known)
    slo = read_option("--slo", lambda: parse_slo(options.slo or ""))
    staging, arrivals_text = read_staging(options, slo)
    arrivals = read_option("--arrivals", lambda: parse_arrivals(arrivals_text))
    _check_together(options, arrivals)
    if options.timeout <= 0:
        raise UsageError(f"--timeout: expected more than 0 s, got {options.timeout:g} s")
    if options.give_up is not None and options.give_up <= 0:
        raise UsageError(f"--give-up: expected more than 0 s, got {options.give_up:g} s")
    prompts = read_option("--prompt-tokens", lambda: parse_lengths(str(options.prompt_tokens)))
    outputs = read_option("--output-tokens", lambda: parse_lengths(str(options.output_tokens)))
    prompt_file = read_option("--prompts", lambda: _prompt_file(options, operation), PromptFileError)
    own = () if prompt_file is None else prompt_file.prompts
    trace = read_option("--arrivals", lambda: _trace(arrivals, options.speed, own), TraceError)
    preset = preset_at(target, known, operation.dialect)
    return Settings(
        operation=operation,
        target=target,
        model=options.model or None,
        key_variable=options.api_key_env or (_usual_variable(known, target) if changes.sends_key else None),
        arrivals=arrivals,
        trace=trace,
        max_in_flight=options.max_in_flight,
        prompt_tokens=prompts,
        output_tokens=outputs,
        prefix_share=options.prefix_share,
        images=options.images,
        prompt_file=prompt_file,
        turns=options.turns,
        think_s=float(options.think_time),
        seed=options.seed,
        warmup_s=float(options.warmup),
        timeout_s=float(options.timeout),
        max_error_share=options.max_error_share,
        give_up_s=options.give_up,
        slo=slo,
        is_paid=is_paid(target, known) if options.paid is None else options.paid,
        cost=read_cost(
            options,
            preset,
            prompts=prompts,
            outputs=outputs,
            own=own,
            trace=trace,
            is_bounded=changes.limits_answers(operation.request.properties) and not options.images,
            context_tokens=(operation.model(options.model or None) or operation.models[0]).context_window,
        ),
        staging=staging,
        changes=changes,
        out=read_option("--out", lambda: command_line.writable(Path(options.out)), ValueError),
        label=options.label or None,
        workload=workload_digest(own, trace, (prompts, outputs)),
    )


def _check_together(options: argparse.Namespace, arrivals: Arrivals) -> None:
    if options.turns > 1 and arrivals.is_open and (options.find or options.sweep):
        raise UsageError("--turns: expected 1 with --find, or rates in --sweep: what they search is a rate of requests")
    for flag, value in {"--prompts-format": options.prompts_format, "--prompts-column": options.prompts_column}.items():
        if value and not options.prompts:
            raise UsageError(f"{flag}: expected --prompts with it, got none")
    if options.prompts and (options.images or options.prefix_share):
        flag = "--images" if options.images else "--prefix-share"
        raise UsageError(f"{flag}: expected 0 with --prompts, which are sent as they are")
    if not _LEAST_SPEED <= options.speed < math.inf or (options.speed != 1 and arrivals.kind != "trace"):
        raise UsageError(f"--speed: expected a number above 0, with --arrivals trace, got {options.speed:g}")


def _prompt_file(options: argparse.Namespace, operation: Operation) -> PromptFile | None:
    if not options.prompts:
        return None
    return read_prompts(
        Path(options.prompts),
        options.prompts_format or None,
        documented=operation.request.properties,
        turns=options.turns,
        column=options.prompts_column or None,
    )


def _trace(arrivals: Arrivals, speed: float, own: Sequence[OwnPrompt]) -> tuple[Arrival, ...]:
    if arrivals.kind != "trace":
        return ()
    if arrivals.trace is not None:
        return tuple(read_trace(arrivals.trace, speed))
    times_ms = [each.timestamp_ms for each in own if each.timestamp_ms is not None]
    if not own or len(times_ms) < len(own):
        got = f"{len(own) - len(times_ms)} of {len(own)} prompts without one" if own else "no --prompts"
        raise TraceError(f"trace: expected a FILE behind it, or --prompts with timestamps, got {got}")
    return tuple(played(times_ms, speed))


def check_load(users: int | None, run_time_s: float | None, warmup_s: float) -> None:
    """Checks Locust's own options of a run without a web page; None is an option that was not given.

    Raises: UsageError.
    """
    if users is not None and users < 1:
        raise UsageError(f"--users: expected at least 1, got {users}")
    if run_time_s is None:
        return
    if run_time_s <= 0:
        raise UsageError(f"--run-time: expected more than 0 s, got {run_time_s:g} s")
    if warmup_s >= run_time_s:
        raise UsageError(f"--warmup: expected less than the run time of {run_time_s:g} s, got {warmup_s:g} s")


def read_secrets(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Every value of the settings' variables that a request carries and no output may show: the key first, "" for none.

    Raises: UsageError when a variable holds none.
    """
    key = read_key(settings.key_variable, environ) if settings.changes.sends_key else ""
    return (key, *read_option("--header", lambda: settings.changes.secrets(environ)))


def read_key(variable: str | None, environ: Mapping[str, str]) -> str:
    """The API key that the variable holds; the mock's own for None.

    Raises: UsageError when there is none or a header cannot carry it; the message never holds it.
    """
    if variable is None:
        return MOCK_KEY
    if not _VARIABLE.fullmatch(variable) and variable not in environ:
        # somebody may have given the key itself
        raise UsageError("--api-key-env: expected the NAME of a variable, got something else (not shown)")
    key = environ.get(variable, "").strip()
    if not key:
        state = "is empty" if variable in environ else "is not set"
        raise UsageError(f"--api-key-env: expected a variable that holds the API key, got {variable}, which {state}")
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"--api-key-env: expected printable ASCII, got something else in {variable} (not shown)")
    return key


def read_address(options: argparse.Namespace, host: str | None) -> tuple[BaseUrl, str | None]:
    """The target's address, and the whole path of the completions where --endpoint says it.

    Raises: UsageError when there is none.
    """
    if not options.endpoint:
        return read_target(host), None
    endpoint = read_option("--endpoint", lambda: BaseUrl.parse(options.endpoint), ValueError)
    if not endpoint.path:
        raise UsageError("--endpoint: expected the whole URL of the completions, got one without a path")
    return replace(endpoint, path=""), endpoint.path


def read_target(host: str | None) -> BaseUrl:
    """The address of the target.

    Raises: UsageError when it is none.
    """
    if not host:
        raise UsageError(
            "--host: expected the target's base URL such as http://127.0.0.1:8000, got none "
            "(python -m load lists the options of a load run)"
        )
    return read_option("--host", lambda: BaseUrl.parse(host), ValueError)


def _operation(
    contract: Contract, options: argparse.Namespace, target: BaseUrl, known: Mapping[str, Preset]
) -> Operation:
    spoken = None if options.dialect else spoken_at(target, contract, known)
    operation = spoken[0] if spoken else contract.operations.get(options.dialect or "")
    if operation is None:
        names = ", ".join(sorted(contract.operations))
        raise UsageError(f"--dialect: expected one of {names}, got {options.dialect!r}")
    if options.model and "model" not in operation.request.properties:
        raise UsageError(f"--model: expected none, the dialect {operation.dialect} has no such field")
    return operation


def read_contract(path: str | None) -> Contract:
    """The contract in that file, our own for None.

    Raises: UsageError.
    """
    file = Path(path) if path else DOCUMENT
    modified_ns = file.stat().st_mtime_ns if file.is_file() else 0
    return read_option("--spec", lambda: _contract(file, modified_ns), ContractError)


@cache
def _contract(file: Path, _modified_ns: int) -> Contract:
    """Read once, for a run's settings are read several times while its clock already goes; anew when it has changed."""
    return Contract.load(file)


def _usual_variable(known: Mapping[str, Preset], target: BaseUrl) -> str | None:
    """The variable for an address that is known by name, None for this machine."""
    preset = preset_at(target, known)
    if preset is not None and preset.api_key_env is not None:
        return preset.api_key_env
    if target.is_loopback:
        return None
    raise UsageError(f"--api-key-env: expected the name of the variable with the key for {target.host}, got none")
