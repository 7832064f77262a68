"""What is wrong in an answer as a whole."""

from __future__ import annotations

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.http.faults import DETECTORS, fault_of

CHUNK = 'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": null}]}\n\n'
LAST = 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
ERROR = 'data: {"error": {"message": "overloaded"}}\n\n'
DONE = "data: [DONE]\n\n"
GOOD = CHUNK + LAST + DONE


def answer(
    body: str, media_type: str = "text/event-stream", *, status: int = 200, ending: str = "complete"
) -> Exchange:
    """An answer with that body."""
    received = ((1, body.encode()),)
    request = Request("POST", "http://x", (), b"{}")
    return Exchange(request, status, (("Content-Type", media_type),), received, ending=ending)


@pytest.mark.parametrize(
    ("exchange", "fault"),
    [
        (answer(GOOD), None),
        (answer(": keep-alive\n\n" + GOOD), None),
        (answer('{"choices": []}', "application/json"), None),
        (answer('{"error": {}}', "application/json", status=500), None),
        (answer(ERROR, status=503), None),
        (answer('{"choi', "application/json", ending="truncated"), "cut answer"),
        (answer(CHUNK, ending="timeout"), "cut stream"),
        (answer(GOOD, "text/plain"), "no event stream"),
        (answer(CHUNK + "data: {oops\n\n" + LAST + DONE), "event without JSON"),
        (answer('{"error": {"message": "busy"}}', "application/json"), "error in a 200"),
        (answer(CHUNK + ERROR), "error in a stream"),
        (answer(CHUNK + DONE), "no finish_reason"),
        (answer(CHUNK + LAST), "no [DONE]"),
    ],
)
def test_fault__is_the_deepest_of_the_answer(exchange: Exchange, fault: str | None) -> None:
    """One, whatever it leads to; a refusal has none."""
    assert fault_of(exchange) == fault


def test_each_fault__has_a_detector_and_one_clause() -> None:
    """In the contract's order."""
    assert tuple(DETECTORS) == clauses.FAULTS
    about = [clause.fault for clause in clauses.load().values() if clause.fault]
    assert sorted(about) == sorted(clauses.FAULTS)
