from __future__ import annotations

from typing import Any

import httpx
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.admin.changes import change
from mixtral_contract.mock.breaks.table import BREAKS
from mixtral_contract.mock.build import build
from tests.mock.conftest import Start

_BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}


def _status(address: str, key: str, **fields: Any) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{address}/v1/chat/completions", json=_BODY | fields, headers=headers).status_code


def _break(address: str, *names: str) -> Any:
    return httpx.patch(f"{address}/_mock/state", json={"breaks": names}).raise_for_status().json()["breaks"]


def test_breaks__are_turned_on_and_off(start: Start) -> None:
    """Those that are named, and no others; what was let in with a break on is not let in without it."""
    address = start()
    assert _status(address, "mock-validX") == 401
    assert _break(address, "AUT-12") == ["AUT-12"]
    assert _status(address, "mock-validX") == 200
    assert _break(address, "NEG-07") == ["NEG-07"]
    assert (_status(address, "mock-validX"), _status(address, "mock-valid", temperature=9)) == (401, 200)
    assert _break(address) == []
    assert (_status(address, "mock-validX"), _status(address, "mock-valid", temperature=9)) == (401, 400)


def test_break_from_the_start__can_be_turned_off(start: Start) -> None:
    """As if the mock had been started without it."""
    address = start("--break", "NEG-07")
    assert _status(address, "mock-valid", temperature=9) == 200
    _break(address)
    assert _status(address, "mock-valid", temperature=9) == 400


def test_every_break__can_be_turned_on(contract: Contract) -> None:
    """While the mock runs, as at its start."""
    mock = build(contract)
    for name in BREAKS:
        assert change(mock, {"breaks": [name]}) == {}
        assert mock.breaks == (name,)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [("NEG-07", "breaks"), (["NEG-07"] * 101, "breaks"), (["NEG-07", "XX-01"], "breaks[1]"), ([7], "breaks[0]")],
)
def test_break_that_is_none__changes_nothing(contract: Contract, wanted: Any, field: str) -> None:
    """The fault is told by its place."""
    mock = build(contract, breaks=["HTTP-06"])
    assert list(change(mock, {"breaks": wanted, "incidents": ["429"]})) == [field]
    assert (mock.breaks, mock.incidents.status()) == (("HTTP-06",), [])


def test_clock_of_a_scenario__goes_on_through_a_change_of_breaks(contract: Contract) -> None:
    """Who listens to the calls of a mock hears those of the next service too."""
    mock = build(contract)
    heard = mock.service.checks.on_call = lambda *_: None
    mock.set_breaks(["NEG-07"])
    assert mock.service.checks.on_call is heard
