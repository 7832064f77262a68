from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.verdicts.arrivals import Arrival, arrivals, require_not_held_back
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Unsupported, Violation

MS = 1_000_000
SHORT = [(5, 1), (10, 1)]
EVENT = b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": "one "}}]}).encode() + b"\n\n"


def _stream(arrived: Sequence[tuple[float, int]]) -> Stream:
    """A stream of which so many contents arrived together at each time, in ms after it was asked for."""
    received = tuple((1_000 + round(at_ms * MS), EVENT * contents) for at_ms, contents in arrived)
    end_ns = received[-1][0] + MS
    return Stream(Exchange(Request("POST", "http://x"), 200, received=received, sent_ns=1_000, end_ns=end_ns))


def test_arrivals__are_grouped_and_counted_from_when_the_first_was_expected() -> None:
    """Two reads of one write are one arrival."""
    times = [30 * MS, 30 * MS + 100_000, 45 * MS]
    assert arrivals(times, 10 * MS) == [Arrival(2, 20 * MS), Arrival(1, 15 * MS - 100_000)]


@pytest.mark.parametrize(
    "arrived",
    [
        [(81, 16), (172, 18), (271, 19), (316, 11)],
        [(213, 42), (320, 22)],
        [(1262, 64)],
        [(212, 11), (432, 11), (656, 11), (872, 11), (1093, 11), (1266, 9)],
    ],
    ids=["nginx at 5 ms", "haproxy at 5 ms", "all at the end", "haproxy at 20 ms"],
)
def test_first_contents_together_and_late__are_held_back(arrived: list[tuple[float, int]]) -> None:
    """As nginx and HAProxy with their defaults were seen to pass a stream on."""
    with pytest.raises(Violation, match="together"):
        require_not_held_back(_stream(arrived), _stream(SHORT))


@pytest.mark.parametrize(
    "arrived",
    [
        [(5 * number, 1) for number in range(1, 65)],
        [(50 * number, 2) for number in range(1, 9)],
        [(19, 4), *((23 + 5 * number, 1) for number in range(60))],
        [(300, 1), *((305 + 5 * number, 1) for number in range(60))],
        [*((5 * number, 1) for number in range(1, 40)), (300, 20), *((305 + 5 * number, 1) for number in range(40))],
    ],
    ids=["one by one", "two at a time", "a few late ones", "a late start", "one stall"],
)
def test_contents_over_the_time__are_not(arrived: list[tuple[float, int]]) -> None:
    """Whatever one token of them waited for."""
    require_not_held_back(_stream(arrived), _stream(SHORT))


def test_several_tokens_of_one_step__are_not_accused() -> None:
    """A server that guesses ahead sends the first one when it has it, and then as many as it guessed."""
    steps = [(5, 1), *((5 + 60 * number, 6) for number in range(1, 10))]
    with pytest.raises(Inconclusive, match="makes several at once"):
        require_not_held_back(_stream(steps), _stream(SHORT))


def test_instant_and_short_answers__say_nothing() -> None:
    """The one has no time, the other too few contents to be held."""
    with pytest.raises(Inconclusive, match="15 ms are too short"):
        require_not_held_back(_stream([(20, 64)]), _stream(SHORT))
    with pytest.raises(Unsupported, match="3 contents are too few"):
        require_not_held_back(_stream([(900, 3)]), _stream(SHORT))
