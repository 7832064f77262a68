"""When a run is given up."""

from __future__ import annotations

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.run.answer_watch import NO_ANSWER_S, AnswerWatch
from tests.support.load_records import S, failed, record

LATE_NS = round(NO_ANSWER_S) * S


def test_dead_target__is_given_up() -> None:
    """After some seconds in which nothing answered, not at the first refusal."""
    watch = AnswerWatch(None)
    watch.ask(0)
    watch.end(failed(Outcome.CONNECTION_ERROR), others_wait=False)
    assert not watch.is_hopeless(LATE_NS - 1, None)
    assert watch.is_hopeless(LATE_NS, None)


def test_slow_target__is_waited_for() -> None:
    """Nobody knows that it hangs before its first request has timed out."""
    watch = AnswerWatch(None)
    watch.ask(0)
    assert not watch.is_hopeless(100 * S, None)
    watch.end(failed(Outcome.TIMEOUT), others_wait=True)
    assert watch.is_hopeless(120 * S, None)


def test_target_that_refuses__is_there() -> None:
    """An error is an answer too; it is for a patience to say how many of those are enough."""
    for patience_s, is_hopeless in ((None, False), (30.0, True)):
        watch = AnswerWatch(patience_s)
        watch.ask(0)
        watch.end(failed(Outcome.HTTP_ERROR, 503), others_wait=False)
        assert watch.is_hopeless(40 * S, None) == is_hopeless


def test_patience__counts_from_the_last_answer() -> None:
    """Also from what a stream under way last said; while nobody waits it does not run out."""
    watch = AnswerWatch(5.0)
    watch.ask(0)
    watch.end(record(end_ms=4000), others_wait=True)
    assert not watch.is_hopeless(8 * S, None)
    assert watch.is_hopeless(9 * S, None)
    assert not watch.is_hopeless(9 * S, 6 * S)
    watch.end(record(end_ms=9000), others_wait=False)
    assert not watch.is_hopeless(60 * S, None)
