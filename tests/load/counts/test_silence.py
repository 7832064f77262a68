"""The longest stretch without an answer, from hand-made records."""

from __future__ import annotations

import pytest

from mixtral_contract.load.counts.silence import Silence, longest_silence
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import completions
from tests.support.load_records import S, failed, record, tally


def answers(*sent_s: float) -> list[Record]:
    """Answers that took 150 ms, sent then."""
    return [record([(100.0, 1)], sent_ms=1000 * each, end_ms=150) for each in sent_s]


def refused(*sent_s: float) -> list[Record]:
    """Requests that nobody took, sent then."""
    return [failed(Outcome.CONNECTION_ERROR, sent_ms=1000 * each, end_ms=1) for each in sent_s]


LATE = record([(100.0, 1), (4100.0, 1), (8100.0, 1)], sent_ms=2000, end_ms=8200, usage_tokens=3)
"""A slow stream: a token each 4 s."""


@pytest.mark.parametrize(
    ("records", "found"),
    [
        (answers(*range(10)), None),
        # killed at second 4: users ask again each second, and are refused at once
        ([*answers(0, 1, 2, 3), *refused(4, 5, 6, 7, 8, 9)], Silence(4, 10, lasts=True)),
        # hung in second 3, answering again in second 8
        (
            [*answers(0, 1, 2), record([(100.0, 1)], sent_ms=3000, end_ms=5500), *answers(9)],
            Silence(4, 8, lasts=False),
        ),
        # nobody asks between seconds 3 and 8
        (answers(0, 1, 2, 8, 9), None),
        # hangs until after the window
        ([*answers(0, 1, 2), failed(Outcome.TIMEOUT, sent_ms=3000, end_ms=60_000)], Silence(3, 10, lasts=True)),
        # a stream that goes on is answered
        ([*answers(0, 1), LATE], Silence(3, 6, lasts=False)),
        # nothing ever answers
        (refused(*range(10)), Silence(0, 10, lasts=True)),
    ],
)
def test_longest_stretch__is_found(records: list[Record], found: Silence | None) -> None:
    """Only while somebody waits for an answer."""
    assert longest_silence(tally(*records).timeline, 0.0, 10.0) == found


def test_stretch__is_that_of_the_window() -> None:
    """What was before it or came after it does not count."""
    timeline = tally(*answers(0), *refused(*range(1, 20)), *answers(20)).timeline
    assert longest_silence(timeline, 2.5, 8.5) == Silence(2.5, 8.5, lasts=True)


def test_time_in_vain__is_that_of_failed_requests() -> None:
    """20 answers of 150 ms, and one that timed out after 3 s, of which 1 s was in the window."""
    counted = tally(*completions(20), failed(Outcome.TIMEOUT, sent_ms=4000, end_ms=3000), window=Window(1 * S, 5 * S))
    assert counted.counts["waited_ns"] == 4 * S
    assert counted.counts["waited_in_vain_ns"] == 1 * S
    counted.wait_in_vain(int(4.5 * S), 9 * S, Window(1 * S, 5 * S))
    assert counted.counts["waited_in_vain_ns"] == 1.5 * S
