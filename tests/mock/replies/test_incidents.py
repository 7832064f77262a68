"""Every incident applies to a scripted reply, beside what the reply does by itself."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.incidents.answers import STATUS
from mixtral_contract.mock.incidents.grammar import KINDS
from mixtral_contract.mock.messages.messages import Ending, Reply, Write
from tests.support.scripted_answers import answered, data_of

SCRIPT: list[Any] = [
    "Höflich ",
    {"pause": 0.5},
    {"comment": "x"},
    {"tool_call": {"name": "f", "arguments": {"x": 1}}},
    {"pause": 0.25},
    "end",
]
CUT: list[Any] = ["Hi there", {"pause": 0.5}, {"cut": "rst"}]
NAMES = ["503" if kind is STATUS else name for name, kind in KINDS.items()]
OF_WHOLE_ANSWERS = {"content-length"}


def _seen(reply: Reply) -> tuple[Any, ...]:
    return (
        reply.status,
        reply.frames and list(reply.frames),
        reply.disturbed,
        len(reply.edits),
        reply.headers.get("content-type"),
    )


def _waits_ns(reply: Reply) -> int:
    return sum(write.before_ns for writes in (reply.disturbed or {}).values() for write in writes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("script", [SCRIPT, CUT], ids=["pauses", "cut"])
def test_incident__is_applied(contract: Contract, name: str, script: list[Any]) -> None:
    """What is sent, or how, is something else; and the header names it."""
    plain = answered(contract, script, stream=name not in OF_WHOLE_ANSWERS)
    befallen = answered(contract, script, incident=name, stream=name not in OF_WHOLE_ANSWERS)
    assert befallen.headers["x-mock-incident"] == name
    never = {"no-finish", "no-done"} if script is CUT else set()
    assert (_seen(befallen) != _seen(plain)) == (name not in never)


def test_stall__adds_to_the_pauses(contract: Contract) -> None:
    """Those of the reply stay."""
    assert _waits_ns(answered(contract, SCRIPT, stream=True)) == 750_000_000
    stalled = answered(contract, SCRIPT, incident="stall:after=1,ms=100", stream=True)
    assert _waits_ns(stalled) == 850_000_000


def test_events__are_counted_without_pauses(contract: Contract) -> None:
    """An error takes the place of the event after so many, and of all that the reply would do then."""
    broken = answered(contract, SCRIPT, incident="error:after=6", stream=True)
    *said, error = data_of(broken)
    assert [orjson.loads(each)["choices"][0]["delta"].get("content") for each in said] == ["", "Hö", "fl", "ich", " "]
    assert "ResourceExhausted" in error
    assert _waits_ns(broken) == 500_000_000
    early = answered(contract, SCRIPT, incident="error:after=2", stream=True)
    assert (len(data_of(early)), early.disturbed) == (3, None)


def test_cut_of_an_incident__comes_before_that_of_the_reply(contract: Contract) -> None:
    """The connection ends once."""
    cut = answered(contract, CUT, incident="cut:after=1,by=fin", stream=True)
    assert cut.disturbed is not None
    endings = [write.ending for writes in cut.disturbed.values() for write in writes if write.ending]
    assert endings == [Ending.FIN]


def test_delay__comes_before_the_pause_of_a_whole_answer(contract: Contract) -> None:
    """Both before the head."""
    delayed = answered(contract, SCRIPT, incident="delay:ms=100")
    assert delayed.disturbed == {-1: (Write(before_ns=750_000_000), Write(before_ns=100_000_000))}
