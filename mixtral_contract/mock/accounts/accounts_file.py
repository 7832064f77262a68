"""Accounts from a YAML file: what each field may be, and what is wrong with one that is not.

Every value is the text that stands in the file, so that an amount of money is never a binary fraction and a key of
digits never a number. No message repeats a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.accounts.accounts import ANONYMOUS, PRICE, Account
from mixtral_contract.mock.accounts.pricing import Price
from mixtral_contract.mock.accounts.token_bucket import Limit
from mixtral_contract.primitives.bounded import yaml_strings as texts

_KEY = re.compile(r"[\x21-\x7e]{1,256}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_SHOWN = 60
"""How many characters of a wrong value a message repeats."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TOKEN_PRICES = ("price_per_1k_prompt_tokens", "price_per_1k_completion_tokens")


class AccountsError(ValueError):
    """The file has no usable accounts; the message says where and why in one line."""


class _UnexpectedError(ValueError):
    """One value is not what it should be; the message says what was expected."""


def load(path: Path, contract: Contract) -> tuple[Account, ...]:
    """The accounts in a YAML file, for a server that keeps the contract.

    Raises: AccountsError when the file cannot be read, or says something that an account is not.
    """
    try:
        return tuple(_accounts(texts.read(path), contract))
    except ValueError as error:
        raise AccountsError(f"{path}: {error}") from error


def of(entries: Sequence[Mapping[str, Any]], contract: Contract) -> tuple[Account, ...]:
    """The accounts that such mappings describe, with the fields of the file; a value may be its text or its value.

    Raises: AccountsError when they say something that an account is not.
    """
    return tuple(_accounts({"accounts": [_in_texts(entry) for entry in entries]}, contract))


def _in_texts(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _in_text(value) for name, value in entry.items()}


def _in_text(value: Any) -> Any:
    """As the file would have it; a Decimal keeps its digits, and a binary fraction is told by its shortest text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, int | float | Decimal) else value


def _accounts(document: Any, contract: Contract) -> Iterator[Account]:
    if not isinstance(document, dict):
        raise AccountsError(f"expected a mapping with accounts, got {_kind(document)}")
    _check_names("the file", document, ("accounts",))
    entries = document.get("accounts")
    if not isinstance(entries, list) or not entries:
        raise AccountsError(f"accounts: expected a list of at least one account, got {_kind(entries)}")
    keys: dict[str, int] = {}
    names: dict[str, str] = {ANONYMOUS.name: "calls without a key"}
    for index, entry in enumerate(entries):
        where = f"accounts[{index}]"
        account = _account(where, index, entry, contract)
        if account.key in keys:
            raise AccountsError(f"{where}.key: expected a key of its own, got that of accounts[{keys[account.key]}]")
        if account.name in names:
            raise AccountsError(f"{where}.name: expected a name of its own, got that of {names[account.name]}")
        keys[account.key], names[account.name] = index, where
        yield account
    for index, entry in enumerate(entries):
        if entry.get("name") in keys:
            # names stand in logs and journals, where no key may stand
            raise AccountsError(f"accounts[{index}].name: expected a name that is no key, got one")


def _account(where: str, index: int, entry: Any, contract: Contract) -> Account:
    if not isinstance(entry, dict):
        raise AccountsError(f"{where}: expected a mapping with a key, got {_kind(entry)}")
    _check_names(where, entry, _FIELDS)
    if "key" not in entry:
        raise AccountsError(f"{where}.key: expected a key, got none")
    value = {}
    for name, text in entry.items():
        field = _FIELDS[name]
        try:
            value[name] = field.read(text)
        except _UnexpectedError as error:
            got = "something else" if name == "key" else _shown(text)
            raise AccountsError(f"{where}.{name}: expected {error}, got {got}") from error
        if field.needs is not None and field.needs not in entry:
            raise AccountsError(f"{where}.{name}: expected {field.needs} beside it, got none")
    return Account(
        key=value["key"],
        name=value.get("name", f"account-{index + 1}"),
        purpose=value.get("purpose", ""),
        credits=value.get("credits"),
        price=_price(where, value),
        requests=_limit(value, "requests_per_minute", "burst"),
        tokens=_limit(value, "tokens_per_minute"),
        models=_models(where, value.get("models"), contract),
        forbidden=value.get("forbidden", False),
        valid_until_ns=value.get("valid_until"),
    )


def _price(where: str, value: Mapping[str, Any]) -> Price:
    both = value.get("price_per_1k_tokens")
    for name in _TOKEN_PRICES:
        if both is not None and name in value:
            raise AccountsError(f"{where}.{name}: expected no price_per_1k_tokens beside it, got one")
    if not {"price_per_call", "price_per_1k_tokens", *_TOKEN_PRICES} & value.keys():
        return Price(PRICE)
    nothing = Decimal(0)
    prompt, completion = (value.get(name, nothing if both is None else both) for name in _TOKEN_PRICES)
    return Price(value.get("price_per_call", nothing), prompt, completion)


def _limit(value: Mapping[str, Any], name: str, burst: str = "") -> Limit | None:
    return Limit(value[name], value.get(burst, value[name])) if name in value else None


def _models(where: str, names: list[str] | None, contract: Contract) -> frozenset[str] | None:
    if names is None:
        return None
    operations = contract.operations.values()
    known = [*contract.operations, *(model.name for operation in operations for model in operation.models)]
    for index, name in enumerate(names):
        if name not in known:
            near = get_close_matches(name, known, n=1) or known
            expected = f"a model or a dialect of the contract, such as {' or '.join(dict.fromkeys(near))}"
            raise AccountsError(f"{where}.models[{index}]: expected {expected}, got {_shown(name)}")
    return frozenset(names)


def _check_names(where: str, mapping: Mapping[str, Any], known: Collection[str]) -> None:
    for name in mapping:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            if near:
                raise AccountsError(f"{where}: expected a known field, such as {near[0]}, got {_shown(name)}")
            # what resembles no field may be a key in the wrong place
            raise AccountsError(f"{where}: expected {' or '.join(known)} as a field, got another")


def _matching(pattern: re.Pattern[str], expected: str) -> Callable[[Any], str]:
    def read(text: Any) -> str:
        if not isinstance(text, str) or not pattern.fullmatch(text):
            raise _UnexpectedError(expected)
        return text

    return read


_read_decimal = _matching(_DECIMAL, "a decimal, not negative")
_read_number = _matching(_NUMBER, "a whole number from 1 to 999999999")


def _amount(text: Any) -> Decimal:
    return Decimal(_read_decimal(text))


def _credits(text: Any) -> Decimal | None:
    return None if text == "unlimited" else _amount(text)


def _number(text: Any) -> int:
    return int(_read_number(text))


def _purpose(text: Any) -> str:
    if not isinstance(text, str) or not text.isprintable():
        raise _UnexpectedError("one line of text")
    return text


def _truth(text: Any) -> bool:
    if text not in ("true", "false"):
        raise _UnexpectedError("true or false")
    return bool(text == "true")


def _names(names: Any) -> list[str]:
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise _UnexpectedError("a list of at least one model or dialect")
    return names


def _moment_ns(text: Any) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _UnexpectedError("a date and time with its zone, such as 2030-12-31T23:59:59Z")
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _shown(value: Any) -> str:
    return repr(value[:_SHOWN]) if isinstance(value, str) else _kind(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return "a text" if value else "nothing"


@dataclass(frozen=True, slots=True)
class _Field:
    """How a field is read, and the field without which it says nothing."""

    read: Callable[[Any], Any]
    needs: str | None = None


_FIELDS: Mapping[str, _Field] = {
    "key": _Field(_matching(_KEY, "up to 256 printable characters of ASCII without spaces")),
    "name": _Field(_matching(_NAME, "up to 64 letters, digits, dots, dashes and underscores")),
    "purpose": _Field(_purpose),
    "credits": _Field(_credits),
    "price_per_call": _Field(_amount),
    "price_per_1k_tokens": _Field(_amount),
    "price_per_1k_prompt_tokens": _Field(_amount),
    "price_per_1k_completion_tokens": _Field(_amount),
    "requests_per_minute": _Field(_number),
    "burst": _Field(_number, needs="requests_per_minute"),
    "tokens_per_minute": _Field(_number),
    "models": _Field(_names),
    "forbidden": _Field(_truth),
    "valid_until": _Field(_moment_ns),
}
