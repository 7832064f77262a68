"""Every client, asked everything; and that the table in docs/clients.md says no more and no less than came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.clients.__main__ import main
from tests.clients.capabilities import CAPABILITIES, TEXT, Seen
from tests.clients.client import CLIENTS, Client, DriverError, driving
from tests.clients.conftest import Needed
from tests.clients.outcome import kept, outcome_of
from tests.clients.table import BEGIN, END, PAGES, table, within
from tests.support.repository import ROOT

_BY_NAME = {capability.name: capability for capability in CAPABILITIES}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_client__does_what_the_table_says(client: Client, installed: Needed) -> None:
    """After a change of a version or of a client: python -m tests.clients."""
    if not client.ours:
        installed(client.language)
    assert outcome_of(client) == kept()[client.name]


def test_table__has_every_client_and_capability() -> None:
    """In the order in which they are asked."""
    assert list(kept()) == [client.name for client in CLIENTS]
    for outcome in kept().values():
        assert list(outcome["capabilities"]) == list(_BY_NAME)


@pytest.mark.parametrize("name", PAGES)
def test_page__shows_the_table(name: str) -> None:
    """Written by python -m tests.clients from the same file."""
    page = (ROOT / name).read_text(encoding="utf-8")
    assert within(page, PAGES[name](kept())) == page


def test_table__names_what_works_not_by_its_reason() -> None:
    """Capabilities with one reason share it; what the journal complains of is said too."""
    capabilities = {"a": "works", "b": "no retry", "c": "no retry", "d": "no error"}
    written = table({"x": {"version": "1.0", "capabilities": capabilities, "faults": ["retry-storm"]}})
    said = "**b · c**: no retry; **d**: no error; does what a client should not: retry-storm"
    assert written.splitlines()[2:] == [f"| x | 1.0 | 1 of 4 | {said} |"]


@pytest.mark.parametrize("document", ["", BEGIN, END + BEGIN, BEGIN + END + BEGIN, BEGIN + END + END])
def test_document_without_its_place__is_refused(document: str) -> None:
    """Rather than written into somewhere else."""
    with pytest.raises(ValueError, match="expected"):
        within(document, "")


def _answer(**known: Any) -> dict[str, Any]:
    nothing = {"text": "", "pieces": 0, "finish_reason": None, "usage": None, "calls": [], "error": None}
    return {**nothing, **known}


_WHOLE = {"text": TEXT, "pieces": 20, "finish_reason": "stop"}
_AUTH = {"type": "AuthError", "status": 401, "message": "no"}
_BUSY = {"type": "BusyError", "status": 429, "message": "no"}
_ONE = {"status": 200, "prompt_tokens": 3, "completion_tokens": 5}
_LIMITED = {"status": 429, "received_ns": 0, "ended_after_ns": 0, "retry_after_s": 1}
_SOON = {"status": 200, "received_ns": 500_000_000}
_LATER = {"status": 200, "received_ns": 1_000_000_000}
_CALL = [["get_weather", '{"city": "Paris", "unit": "C"}']]


@pytest.mark.parametrize(
    ("name", "answer", "requests", "why_not"),
    [
        ("whole answer", _WHOLE, [_ONE], None),
        ("whole answer", {**_WHOLE, "text": TEXT[:-1]}, [_ONE], "the text that arrives"),
        ("whole answer", {**_WHOLE, "finish_reason": None}, [_ONE], "finish_reason is None"),
        ("whole answer", {**_WHOLE, "error": _AUTH}, [_ONE], "raises AuthError"),
        ("stream", {**_WHOLE, "pieces": 1}, [_ONE], "piece by piece"),
        ("usage, whole", {"usage": [3, 5]}, [_ONE], None),
        ("usage, whole", {"usage": [3, 6]}, [_ONE], "another usage"),
        ("usage, streamed", {}, [_ONE], "no usage"),
        ("max_tokens", {"text": TEXT[:9], "finish_reason": "length"}, [_ONE], None),
        ("max_tokens", {"text": TEXT[:9], "finish_reason": "length"}, [{**_ONE, "completion_tokens": 9}], "not reach"),
        ("max_tokens", {"text": TEXT[:9], "finish_reason": "stop"}, [_ONE], "finish_reason is stop"),
        ("max_tokens", {"text": "", "finish_reason": "length"}, [_ONE], "another text"),
        ("stop", {"text": TEXT.partition("souris")[0]}, [_ONE], None),
        ("stop", {"text": TEXT}, [_ONE], "does not reach"),
        ("stop", {"text": TEXT[:5]}, [_ONE], "another text"),
        ("tool call, whole", {"calls": _CALL}, [_ONE], None),
        ("tool call, whole", {"calls": []}, [_ONE], "does not reach"),
        ("tool call, streamed", {"calls": [["get_weather", "{}"]]}, [_ONE], "arguments"),
        ("tool call, streamed", {"error": _AUTH}, [], "raises AuthError: no"),
        ("401: wrong key", {"error": _AUTH}, [{"status": 401}], None),
        ("401: wrong key", {}, [{"status": 401}], "no error"),
        ("401: wrong key", {"error": _AUTH}, [{"status": 401}] * 3, "asks 3 times"),
        ("401: wrong key", {"error": {**_AUTH, "status": None}}, [{"status": 401}], "in its text only"),
        ("400: field named", {"error": {**_AUTH, "status": 400}}, [{"status": 400}], "without the endpoint's message"),
        ("429, then answered", _WHOLE, [_LIMITED, _LATER], None),
        ("429, then answered", _WHOLE, [_LIMITED, _SOON], "before the time"),
        ("429, then answered", {"error": _BUSY}, [_LIMITED], "no retry of its own: raises BusyError"),
        ("lost stream is noticed", {"error": _AUTH}, [_ONE], None),
        ("early end is noticed", {}, [_ONE], "only finish_reason is missing"),
        ("early end is noticed", {"finish_reason": "stop"}, [_ONE], "finish_reason is stop"),
    ],
)
def test_capability__is_judged(
    name: str, answer: dict[str, Any], requests: list[dict[str, Any]], why_not: str | None
) -> None:
    """By what the caller learns and by what the endpoint got."""
    said = _BY_NAME[name].judge(Seen(_answer(**answer), requests))
    assert (said is None) == (why_not is None)
    assert (why_not or "") in (said or "")


def test_driver_that_fails__is_no_answer_of_its_client() -> None:
    """Its log is in the error."""
    missing = Client("x", "missing", ours=True)
    with pytest.raises(DriverError, match="No module named"), driving(missing, ""):
        pass


def test_command_line__names_a_client_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Before any is asked."""
    assert main(["httpy"]) == 2
    assert "got httpy" in capsys.readouterr().err


def test_command_line__asks_for_what_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """In a line, and leaves the outcomes as they are."""
    monkeypatch.setattr("tests.clients.client.ENVIRONMENT", tmp_path)
    before = kept()
    assert main(["LiteLLM"]) == 2
    assert capsys.readouterr().err == "python -m tests.clients: expected clients for python: make clients\n"
    assert kept() == before
