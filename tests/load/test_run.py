"""A run in one process, without Locust and without a network."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from load._arrivals import Share
from load._outcome import Outcome
from load._pause import AFTER_FAILURE_S
from load._run import Run
from load._tally import Tally
from tests.load.samples import MS, S, exchange
from tests.load.scripted_server import DONE, event, usage
from tests.load.test_settings import settings

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
    assert Tally.from_wire(run.take()).warmup_outcomes == {"ok": 1}
    (line,) = (tmp_path / "requests-r1-2.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["request"] == "2-1"


def test_take__gives_everything_once(run: Run) -> None:
    """What was taken is not given again; the number of records stays."""
    run.close_exchange(exchange(*COMPLETION))
    assert Tally.from_wire(run.take()).warmup_outcomes.total() == 1
    run.close_exchange(exchange(*COMPLETION))
    assert Tally.from_wire(run.take()).warmup_outcomes.total() == 1
    assert Tally.from_wire(run.take()).warmup_outcomes.total() == 0
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
    counted = Tally.from_wire(run.take())
    assert counted.counts["output_tokens"] == 2
    assert counted.counts["window_tokens"] == 1
    assert counted.counts["window_ok"] == 0


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
    assert KEY not in text + json.dumps(run.take())


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
