from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.accounts.accounts import PRICE, Account
from mixtral_contract.mock.accounts.accounts_file import _FIELDS, AccountsError, load
from mixtral_contract.mock.accounts.pricing import Price
from mixtral_contract.mock.accounts.token_bucket import Limit
from tests.support.repository import ROOT

EXAMPLE = ROOT / "mock_server" / "accounts.yaml"
SCHEMA = ROOT / "mixtral_contract" / "mock" / "accounts" / "accounts.schema.yaml"

RIGHT: dict[str, tuple[str, str, Any]] = {
    "digits": ("key: 12345", "key", "12345"),
    "name": ("name: team-a", "name", "team-a"),
    "default name": ("purpose: x", "name", "account-1"),
    "credits": ("credits: 0.10", "credits", Decimal("0.10")),
    "all digits": ("credits: '999999999999.999999999999'", "credits", Decimal("999999999999.999999999999")),
    "no credits": ("credits: 0", "credits", Decimal(0)),
    "unlimited": ("credits: unlimited", "credits", None),
    "default price": ("credits: 1", "price", Price(PRICE)),
    "per call": ("price_per_call: 0.3", "price", Price(Decimal("0.3"))),
    "for nothing": ("price_per_call: 0", "price", Price()),
    "per tokens": ("price_per_1k_tokens: 0.2", "price", Price(Decimal(0), Decimal("0.2"), Decimal("0.2"))),
    "per prompt": ("price_per_1k_prompt_tokens: 0.2", "price", Price(Decimal(0), Decimal("0.2"), Decimal(0))),
    "both": (
        "price_per_call: 1\n    price_per_1k_completion_tokens: 0.2",
        "price",
        Price(Decimal(1), Decimal(0), Decimal("0.2")),
    ),
    "requests": ("requests_per_minute: 7", "requests", Limit(7, 7)),
    "burst": ("requests_per_minute: 7\n    burst: 2", "requests", Limit(7, 2)),
    "tokens": ("tokens_per_minute: 1000", "tokens", Limit(1000, 1000)),
    "models": ("models: [nvidia, mixtral-8x7b-instruct]", "models", frozenset(["nvidia", "mixtral-8x7b-instruct"])),
    "forbidden": ("forbidden: true", "forbidden", True),
    "not forbidden": ("forbidden: false", "forbidden", False),
    "expiry": ("valid_until: 1970-01-01T00:00:01.000002Z", "valid_until_ns", 1_000_002_000),
    "zone": ("valid_until: 1970-01-01T02:00:00+02:00", "valid_until_ns", 0),
}
"""The rest of one account, and what a field of it is then."""

WRONG = {
    "credits: abc": "accounts[0].credits: expected a decimal, not negative, got 'abc'",
    "credits: -1": "accounts[0].credits: expected a decimal, not negative, got '-1'",
    "credits: .5": "accounts[0].credits: expected a decimal, not negative, got '.5'",
    "credits: 1e3": "accounts[0].credits: expected a decimal, not negative, got '1e3'",
    "credits: nan": "accounts[0].credits: expected a decimal, not negative, got 'nan'",
    "credits: '1234567890123'": "accounts[0].credits: expected a decimal, not negative, got '1234567890123'",
    "credits: ٣": "accounts[0].credits: expected a decimal, not negative, got '٣'",
    "credits:": "accounts[0].credits: expected a decimal, not negative, got ''",
    "credits: [1]": "accounts[0].credits: expected a decimal, not negative, got a list",
    "price_per_call: unlimited": "accounts[0].price_per_call: expected a decimal, not negative, got 'unlimited'",
    "price_per_1k_tokens: 1\n    price_per_1k_prompt_tokens: 1": (
        "accounts[0].price_per_1k_prompt_tokens: expected no price_per_1k_tokens beside it, got one"
    ),
    "requests_per_minute: 0": "accounts[0].requests_per_minute: expected a whole number from 1 to 999999999, got '0'",
    "tokens_per_minute: 1.5": "accounts[0].tokens_per_minute: expected a whole number from 1 to 999999999, got '1.5'",
    "burst: 2": "accounts[0].burst: expected requests_per_minute beside it, got none",
    "models: nvidia": "accounts[0].models: expected a list of at least one model or dialect, got 'nvidia'",
    "models: []": "accounts[0].models: expected a list of at least one model or dialect, got an empty list",
    "models: [nvdia]": (
        "accounts[0].models[0]: expected a model or a dialect of the contract, such as nvidia, got 'nvdia'"
    ),
    "forbidden: yes": "accounts[0].forbidden: expected true or false, got 'yes'",
    "valid_until: 2030-01-01": (
        "accounts[0].valid_until: expected a date and time with its zone, such as 2030-12-31T23:59:59Z, "
        "got '2030-01-01'"
    ),
    "valid_until: 2030-01-01T00:00:00": "accounts[0].valid_until: expected a date and time with its zone",
    "valid_until: soon": "accounts[0].valid_until: expected a date and time with its zone",
    "name: team a": "accounts[0].name: expected up to 64 letters, digits, dots, dashes and underscores, got 'team a'",
    "purpose: {a: b}": "accounts[0].purpose: expected one line of text, got a mapping",
    "credit: 1": "accounts[0]: expected a known field, such as credits, got 'credit'",
    "tokens_per_min: 1": "accounts[0]: expected a known field, such as tokens_per_minute, got 'tokens_per_min'",
}
"""The rest of one account that is wrong, and the error."""

BEYOND_A_SCHEMA = {"credits: .5", "models: [nvdia]"}
"""A schema sees a number, and knows no contract."""


def _load(contract: Contract, tmp_path: Path, text: str) -> tuple[Account, ...]:
    path = tmp_path / "accounts.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, contract)


def _error(contract: Contract, tmp_path: Path, text: str) -> str:
    with pytest.raises(AccountsError) as caught:
        _load(contract, tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{tmp_path / 'accounts.yaml'}: ")
    return message.removeprefix(f"{tmp_path / 'accounts.yaml'}: ")


def _one(rest: str) -> str:
    key = "" if rest.startswith("key:") else "key: the-key-1\n    "
    return f"accounts:\n  - {key}{rest}\n"


@pytest.mark.parametrize("case", RIGHT)
def test_field__is_read(contract: Contract, tmp_path: Path, case: str) -> None:
    """As the text that it is: no amount is a binary fraction, no key a number."""
    rest, field, expected = RIGHT[case]
    (account,) = _load(contract, tmp_path, _one(rest))
    assert getattr(account, field) == expected


@pytest.mark.parametrize("rest", WRONG)
def test_wrong_field__is_named_with_its_account(contract: Contract, tmp_path: Path, rest: str) -> None:
    """What was expected and what was found, in one line without the key."""
    message = _error(contract, tmp_path, _one(rest))
    assert message.startswith(WRONG[rest])
    assert "the-key-1" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping with accounts, got nothing"),
        ("- 1", "expected a mapping with accounts, got a list"),
        ("account: []", "the file: expected a known field, such as accounts, got 'account'"),
        ("accounts: {}", "accounts: expected a list of at least one account, got a mapping"),
        ("accounts: []", "accounts: expected a list of at least one account, got an empty list"),
        ("accounts: [a]", "accounts[0]: expected a mapping with a key, got a text"),
        ("accounts: [{credits: 1}]", "accounts[0].key: expected a key, got none"),
        (
            "accounts: [{key: a}, {key: b, name: account-1}]",
            "accounts[1].name: expected a name of its own, got that of accounts[0]",
        ),
        (
            "accounts: [{key: a, name: anonymous}]",
            "accounts[0].name: expected a name of its own, got that of calls without a key",
        ),
        ("accounts: [{key: a, key: b}]", "line 1: expected each name once, got one again"),
        ("accounts: [{[a]: b}]", "line 1: expected a name, got a list or a mapping"),
        ("accounts: &a [*a]", "expected lists and mappings that end, got one within itself or too many within"),
        ("accounts: [{key: a}]\n---\naccounts: []", "expected YAML, got something else at line 2, column 1"),
    ],
)
def test_wrong_file__is_explained(contract: Contract, tmp_path: Path, text: str, message: str) -> None:
    """Where it is wrong and how."""
    assert _error(contract, tmp_path, text) == message


@pytest.mark.parametrize(
    "text",
    [
        "accounts: [{key: sk-secret-1}, {key: sk-secret-1}]",
        "accounts: [{key: 'sk-secret-1 '}]",
        "accounts: [{key: [sk-secret-1]}]",
        "accounts: [{sk-secret-1: {credits: 5}}]",
        "accounts: {sk-secret-1: {credits: 5}}",
        "sk-secret-1: {credits: 5}",
        "accounts: [sk-secret-1]",
        "accounts: [{key: a, name: sk-secret-1}, {key: sk-secret-1}]",
        "accounts: [{key: sk-secret-1, name: sk-secret-1}]",
        "accounts: [{key: *sk-secret-1}]",
        "accounts: [{key: sk-secret-1: 2}]",
        "accounts: [{key: !sk-secret-1 }",
        "accounts: [{key: sk-secret-1, key: sk-secret-1}]",
        "accounts:\n\t- key: sk-secret-1",
        "accounts: [{key: ! {sk-secret-1: a}}]",
    ],
)
def test_key__is_in_no_message(contract: Contract, tmp_path: Path, text: str) -> None:
    """Wherever in the file it stands."""
    assert "secret" not in _error(contract, tmp_path, text)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x00", b"[" * 100_000])
def test_no_yaml__is_told(contract: Contract, tmp_path: Path, content: bytes) -> None:
    """In one line."""
    path = tmp_path / "accounts.yaml"
    path.write_bytes(content)
    with pytest.raises(AccountsError) as caught:
        load(path, contract)
    assert "\n" not in str(caught.value)


def test_file_that_is_not_there__is_told(contract: Contract, tmp_path: Path) -> None:
    """A folder is none either."""
    with pytest.raises(AccountsError, match="No such file"):
        load(tmp_path / "none.yaml", contract)
    with pytest.raises(AccountsError, match="Is a directory"):
        load(tmp_path, contract)


def test_repeated_alias__is_read_once(contract: Contract, tmp_path: Path) -> None:
    """However many lists repeat it: a file of a few lines never fills the memory."""
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))]
    assert _error(contract, tmp_path, "\n".join(lines)) == "the file: expected accounts as a field, got another"


def test_example__is_read(contract: Contract) -> None:
    """Every field that there is, and accounts of every kind."""
    accounts = load(EXAMPLE, contract)
    text = EXAMPLE.read_text(encoding="utf-8")
    assert all(f"#   {field} " in text for field in _FIELDS)
    assert any(account.credits is not None for account in accounts)
    assert any(account.requests is not None for account in accounts)
    assert any(account.tokens is not None for account in accounts)
    assert any(account.models is not None for account in accounts)
    assert any(account.forbidden for account in accounts)
    assert any(account.valid_until_ns is not None for account in accounts)


def test_schema__knows_every_field() -> None:
    """The published schema and the reader speak of the same fields."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    assert schema["$defs"]["account"]["properties"].keys() == _FIELDS.keys()


@pytest.mark.parametrize("rest", [*(rest for rest, _, _ in RIGHT.values()), *sorted(WRONG.keys() - BEYOND_A_SCHEMA)])
def test_schema__agrees_with_the_reader(contract: Contract, tmp_path: Path, rest: str) -> None:
    """An editor that goes by it marks what the mock refuses, and nothing else."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    document = yaml.load(_one(rest), Loader=_Yaml12)  # noqa: S506  it makes plain values only
    accepted = jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(document)
    try:
        _load(contract, tmp_path, _one(rest))
    except AccountsError:
        assert not accepted
    else:
        assert accepted


class _Yaml12(yaml.SafeLoader):
    """Reads dates and `yes` as the texts that they are to an editor (YAML 1.2)."""


_Yaml12.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml12.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))
