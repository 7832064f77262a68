"""The suite on servers that do what is lawful and odd: whatever the habit, nothing of it is a failure."""

from __future__ import annotations

import pytest

from tests.support.judging import broken, judged
from tests.support.other_http import other_server
from tests.support.other_server import Style
from tests.support.subtle_defects import SUBTLE
from tests.support.tool_calling import calling, is_named

UNREPEATABLE = {"RSP-15", "RSP-33"}
"""What a server that draws anew each time departs from: the page says that a seed reproduces results."""
NEEDS_CREDITS = {"ERR-05"}
"""402 for want of credits is another tongue's word for 406."""
TIMED = {"SSE-14", "STR-26", "HTTP-16", "STR-21"}

ODDITIES = {
    "foreign error texts": (Style(message="Das geht so nicht: role, messages, temperature"), set[str]()),
    "extra fields": (Style(extras=True), set()),
    "usage null in each chunk": (Style(usage_always=True), set()),
    "several tokens per chunk": (Style(tokens_per_event=3), set()),
    "a first chunk without content": (Style(role="null content"), set()),
    "HTTP/1.0 alone": (Style(old=True), set()),
    "an early refusal that closes": (Style(closing=True), set()),
    "short answers": (Style(brief=True), set()),
    "answers that differ each time": (Style(sampled=True), UNREPEATABLE),
    "a server that is busy now and then": (Style(busy_every=3), set()),
    "a server that is busy half of the time": (Style(busy_every=2), set()),
    "no top_p of 0": (Style(refuses=frozenset({("top_p", 0)})), set()),
    "a tokenizer that counts otherwise": (Style(letters_per_token=2), set()),
    "dated model names": (Style(dated="-2024-04-17"), set()),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_oddity__is_no_failure(name: str) -> None:
    """All clauses; what only some clients miss is NON-STRICT at most."""
    style, departures = ODDITIES[name]
    with other_server(style) as url:
        found = judged(url)
    assert {clause for clause in broken(found) if clause not in NEEDS_CREDITS} <= departures
    assert not [clause for clause, entry in found.items() if entry.verdict == "FAIL"]


@pytest.mark.parametrize("style", [Style(wait_s=1.0), Style(jitter_s=0.3)], ids=["1 s before", "0.3 s of jitter"])
def test_slow_server__is_no_failure(style: Style) -> None:
    """What is measured in time, and what the same answer says meanwhile."""
    with other_server(style) as url:
        assert broken(judged(url, only=TIMED)) == {}


def test_second_between_requests__is_no_failure() -> None:
    """Who comes sooner is told to come back, whatever is asked."""
    asking = {"HTTP-02", "HTTP-09", "HTTP-23", "AUT-07", "AUT-08", "ERR-08", "REQ-16", "NEG-15", "SSE-02", "SSE-22"}
    with other_server(Style(gap_s=1.0)) as url:
        found = judged(url, only=asking)
    assert broken(found) == {}


def test_stop_for_a_named_function__is_no_failure() -> None:
    """OpenAI itself answers so; where any function had to be called it says tool_calls."""
    openai = calling(lambda request: "stop" if is_named(request) else "tool_calls")
    with other_server(defect=openai) as url:
        found = judged(url, only={"TOOL-01", "TOOL-06", "TOOL-08", "TOOL-13"})
    assert {entry.verdict for entry in found.values()} == {"PASS"}


def test_stop_for_any_function__is_a_departure() -> None:
    """An agent that loops on finish_reason ends there, and no choice of the client's has told it."""
    with other_server(defect=calling(lambda _: "stop")) as url:
        found = judged(url, only={"TOOL-06", "TOOL-13"})
    assert broken(found) == {"TOOL-06": "NON-STRICT", "TOOL-13": "NON-STRICT"}


def test_answer_cut_before_its_call__is_no_failure() -> None:
    """A model that thinks aloud first had no room for the call."""
    with other_server(defect=calling(lambda _: "length", called=lambda _: False)) as url:
        found = judged(url, only={"TOOL-01", "TOOL-04", "TOOL-06", "TOOL-08", "TOOL-13"})
    assert {entry.verdict for entry in found.values()} == {"UNSUPPORTED"}


def test_stream_cut_within_its_call__is_no_failure() -> None:
    """The limit ended it, and says so."""
    cut = calling(lambda request: "length" if request.asks("stream") else "tool_calls")
    with other_server(defect=cut) as url:
        found = judged(url, only={"TOOL-08", "TOOL-13"})
    assert {entry.verdict for entry in found.values()} == {"UNSUPPORTED"}


def test_text_that_differs_each_time__is_blamed_on_the_seed_alone() -> None:
    """A stream, a stop sequence and a stream of calls are held against what is the same twice."""
    with other_server(Style(sampled=True)) as url:
        found = judged(url, only={"STR-04", "RSP-35", "RSP-15"})
    assert {name: str(entry.verdict) for name, entry in found.items()} == {
        "RSP-15": "NON-STRICT",
        "RSP-35": "UNSUPPORTED",
        "STR-04": "UNSUPPORTED",
    }


def test_nan_for_a_number__is_blamed_on_no_bound() -> None:
    """Python's own parser reads it; what is no JSON has one clause, and bounds have others."""
    lenient = SUBTLE["NaN for a number"].defect
    with other_server(defect=lenient) as url:
        found = judged(url, only={"NEG-07", "NEG-08", "NEG-09", "NEG-23", "NEG-27"})
    assert broken(found) == {"NEG-27": "NON-STRICT"}
