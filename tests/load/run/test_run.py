"""A run in one process, without Locust and without a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.run.backoff import AFTER_FAILURE_S
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.units.window import Window
from mixtral_contract.load.workload.arrivals import Arrival, Share
from tests.load.settings.test_settings import settings
from tests.support.load_records import MS, S, exchange
from tests.support.scripted_stream_server import DONE, event, usage

KEY = "sk-sesame"
COMPLETION = event({"content": "a"}), event({"content": "b"}), event(finish="stop", usage=usage(2)) + DONE


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        """The time."""
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def run(tmp_path: Path, clock: Clock) -> Iterator[Run]:
    """A run with a warm-up of 1 s that started at 0."""
    started = Run(settings(tmp_path, warmup=1.0), KEY, run_id="r1", share=Share(2, 3), clock_ns=clock)
    yield started
    started.close()


def test_exchange__is_counted_and_written(run: Run, tmp_path: Path) -> None:
    """Once in the tally, once in the file."""
    record = run.close_exchange(exchange(*COMPLETION))
    run.close()
    assert record.outcome is Outcome.OK
    assert RunCounts.from_wire(run.drain_counts()).warmup_outcomes == {"ok": 1}
    (line,) = (tmp_path / "requests-r1-2.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["request"] == "2-1"


def test_take__gives_everything_once(run: Run) -> None:
    """What was taken is not given again; the number of records stays."""
    run.close_exchange(exchange(*COMPLETION))
    assert RunCounts.from_wire(run.drain_counts()).warmup_outcomes.total() == 1
    run.close_exchange(exchange(*COMPLETION))
    assert RunCounts.from_wire(run.drain_counts()).warmup_outcomes.total() == 1
    assert RunCounts.from_wire(run.drain_counts()).warmup_outcomes.total() == 0
    assert run.recorded == 2


def test_stop__ends_the_window_for_what_still_runs(run: Run, clock: Clock) -> None:
    """Tokens that come later count for the request, but not for the rate."""
    clock.now_ns = 2 * S
    late = exchange(*COMPLETION)
    late.started_ns = late.sent_ns = 2 * S - MS
    late.received = [(2 * S - MS, COMPLETION[0]), (2 * S + MS, COMPLETION[1]), (2 * S + 2 * MS, COMPLETION[2])]
    late.end_ns = 2 * S + 3 * MS
    run.stop()
    assert run.is_over
    run.close_exchange(late)
    counted = RunCounts.from_wire(run.drain_counts())
    assert counted.counts["output_tokens"] == 2
    assert counted.counts["window_tokens"] == 1
    assert counted.counts["window_ok"] == 0


def test_stop__says_how_long_the_window_was(run: Run, clock: Clock) -> None:
    """By the run's own clock."""
    assert RunCounts.from_wire(run.drain_counts()).measured_s is None
    clock.now_ns = 5 * S
    run.stop()
    clock.now_ns = 9 * S
    assert RunCounts.from_wire(run.drain_counts()).measured_s == 4


def test_cut_off_exchange__is_unfinished(run: Run) -> None:
    """Whatever had come until then."""
    assert run.close_exchange(exchange(*COMPLETION[:1]), cut_off=True).outcome is Outcome.UNFINISHED


@pytest.mark.parametrize(
    ("received", "status"),
    [
        (b'{"error": {"message": "wrong key sk-sesame"}}', 401),
        (b'data: {"error": "sk-sesame"}\n\n', 200),
        (b"data: sk-sesame\n\n", 200),
        (b'data: {"choices": [{"delta": {}, "finish_reason": "sk-sesame"}]}\n\ndata: [DONE]\n\n', 200),
    ],
)
def test_key__is_written_nowhere(run: Run, tmp_path: Path, received: bytes, status: int) -> None:
    """Even when the server quotes it."""
    run.close_exchange(exchange(received, status=status))
    run.close()
    text = (tmp_path / "requests-r1-2.jsonl").read_text(encoding="utf-8")
    assert "***" in text
    assert KEY not in text + json.dumps(run.drain_counts())


@pytest.mark.parametrize("before", [152, 158, 312, 318])
@pytest.mark.parametrize(
    ("quote", "status"), [("%s", 401), ("data: %s\n\n", 200), ('data: {"choices": "%s"}\n\n', 200)]
)
def test_key__is_not_written_in_part_either(run: Run, quote: str, status: int, before: int) -> None:
    """Wherever a long quotation is cut."""
    record = run.close_exchange(exchange((quote % ("x" * before + KEY)).encode(), status=status))
    assert record.detail is not None
    assert KEY[:3] not in record.detail


def test_requests__differ_between_workers(run: Run, tmp_path: Path) -> None:
    """Forked processes would else send the same prompts."""
    sibling = Run(settings(tmp_path), KEY, run_id="r1", share=Share(3, 4))
    again = Run(settings(tmp_path), KEY, run_id="r2", share=Share(2, 4))
    assert run.next_ask() != sibling.next_ask()
    assert again.next_ask() != again.next_ask()
    sibling.close()
    again.close()


def test_pause__ends_with_the_run(run: Run) -> None:
    """An hour of Retry-After does not keep the run from ending."""
    answer = exchange(b"{}", status=429)
    answer.headers["retry-after"] = "3600"
    record = run.close_exchange(answer)
    waiting = threading.Thread(target=run.pause_after, args=(record, answer), daemon=True)
    waiting.start()
    # the pause is at least this long when nothing ends it
    waiting.join(AFTER_FAILURE_S / 4)
    assert waiting.is_alive()
    run.stop()
    waiting.join(20)
    assert not waiting.is_alive()


def refused(run: Run, clock: Clock, retry_after: str) -> None:
    """The target refuses a request now, and says when to come back."""
    answer = exchange(b"{}", status=429)
    answer.started_ns = answer.sent_ns = clock.now_ns
    answer.headers["retry-after"] = retry_after
    run.close_exchange(answer)


def test_open_loop__is_held_while_the_target_asked_to_wait(run: Run, clock: Clock) -> None:
    """What is due meanwhile is not sent, and counted as held back."""
    clock.now_ns = 2 * S
    assert run.admits(Arrival(2 * S))
    refused(run, clock, "7")
    clock.now_ns = 8 * S
    assert not run.admits(Arrival(8 * S))
    clock.now_ns = 9 * S
    assert run.admits(Arrival(9 * S))
    assert RunCounts.from_wire(run.drain_counts()).counts["held_back"] == 1


def test_closed_loop__is_held_while_the_target_asked_to_wait(run: Run, clock: Clock) -> None:
    """All its users are, also those whose own requests were answered."""
    assert run.wait_while_held()
    refused(run, clock, "3600")
    waiting = threading.Thread(target=run.wait_while_held, daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    run.stop()
    waiting.join(20)
    assert not waiting.is_alive()
    assert not run.wait_while_held()


def test_refusal_without_a_wait__holds_for_a_second(run: Run, clock: Clock) -> None:
    """A target that gives no time is not hammered either."""
    refused(run, clock, "")
    assert not run.admits(Arrival(0))
    clock.now_ns = S
    assert run.admits(Arrival(S))


def test_budget__stops_what_no_longer_fits(tmp_path: Path, clock: Clock) -> None:
    """A request under way keeps its room; the run is told once when there is none left."""
    told: list[bool] = []
    run = Run(settings(tmp_path, budget="2requests"), KEY, run_id="r1", share=Share(), clock_ns=clock)
    run.on_spent = lambda: told.append(True)
    first, second = (run.open_exchange(0) for _ in range(2) if run.admits(Arrival(0)))
    assert not run.admits(Arrival(0))
    assert told == []
    for each in (first, second):
        run.close_exchange(each)
    assert not run.admits(Arrival(0))
    assert not run.admits(Arrival(0))
    assert told == [True]
    assert not run.is_sending
    assert RunCounts.from_wire(run.drain_counts()).counts["out_of_budget"] == 1
    run.close()


def test_budget_of_money__is_spent_by_usage(tmp_path: Path, clock: Clock) -> None:
    """7 prompt tokens and 2 of the answer were less than the most; a refusal costs nothing, a cut answer the most."""
    asked = settings(tmp_path, budget="1usd", price="0.1usd/1k-tokens", prompt_tokens="1000", output_tokens="984")
    assert asked.cost.worst == pytest.approx(0.2)
    run = Run(asked, KEY, run_id="r1", share=Share(), clock_ns=clock)
    for received, status in ((COMPLETION, 200), ((b"{}",), 500)):
        assert run.admits(Arrival(0))
        run.close_exchange(exchange(*received, status=status))
    sent = 0
    while run.admits(Arrival(0)):
        sent += 1
        run.close_exchange(exchange(*COMPLETION[:1]), cut_off=True)
    assert sent == 4
    run.close()


@pytest.fixture
def staged(tmp_path: Path, clock: Clock) -> Iterator[Run]:
    """A run that goes through stages."""
    started = Run(settings(tmp_path, sweep="rate:1..2"), KEY, run_id="r1", share=Share(), clock_ns=clock)
    yield started
    started.close()


def test_stage__counts_its_own_window(staged: Run, clock: Clock) -> None:
    """What is due before is its warm-up, what is due after is in no figure, its tokens neither."""
    staged.begin_stage(Window(1 * S, 2 * S))
    for due_ns in (S // 2, S + S // 2, 2 * S + S // 2):
        clock.now_ns = due_ns
        each = exchange(*COMPLETION)
        each.due_ns = each.started_ns = each.sent_ns = due_ns
        each.received = [(due_ns + MS, piece) for _, piece in each.received]
        each.end_ns = due_ns + 2 * MS
        staged.close_exchange(each)
    counted, _ = staged.end_stage()
    assert (counted.outcomes["ok"], counted.warmup_outcomes["ok"]) == (1, 2)
    assert (counted.counts["window_ok"], counted.counts["window_tokens"]) == (1, 2)


def test_between_stages__nothing_is_sent(staged: Run) -> None:
    """Nor counted as held back: it was nobody's wish."""
    assert not staged.admits(Arrival(0))
    staged.begin_stage(Window(0, S))
    assert staged.admits(Arrival(0))
    staged.rest()
    assert not staged.admits(Arrival(0))
    assert RunCounts.from_wire(staged.drain_counts()).counts["held_back"] == 0


def test_in_flight__are_those_that_have_not_ended(staged: Run) -> None:
    """One that has ended and is not read yet is on its way no more: a user may have sent the next."""
    first, second, third = (staged.open_exchange(0) for _ in range(3))
    third.end_ns = 1  # of the last byte so far
    assert staged.in_flight == 3
    first.complete = True
    assert staged.in_flight == 2
    second.failure = "no end after 120 s"
    assert staged.in_flight == 1


def test_under_way__are_those_that_were_begun_and_not_recorded(staged: Run) -> None:
    """The stage waits for them."""
    first, second = staged.open_exchange(0), staged.open_exchange(0)
    staged.close_exchange(first)
    assert staged.under_way() == [second]
