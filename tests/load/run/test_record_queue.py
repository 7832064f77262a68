"""What has ended is counted in slices, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from mixtral_contract.load.client.event_loop import Loop
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.run import record_queue
from mixtral_contract.load.run.record_queue import RecordQueue
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.workload.arrivals import Share
from tests.load.settings.test_settings import settings
from tests.support.load_records import exchange
from tests.support.scripted_stream_server import DONE, event


class TurningLoop(Loop):
    """A loop that counts its turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0

    def turn(self) -> None:
        """One turn."""
        self.turns += 1
        super().turn()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run without a warm-up."""
    started = Run(settings(tmp_path), "sk-sesame", run_id="r1", share=Share())
    yield started
    started.close()


@pytest.fixture
def loop() -> Iterator[TurningLoop]:
    """A loop."""
    made = TurningLoop()
    yield made
    made.close()


def answer(tokens: int = 2) -> Exchange:
    """A streamed completion with so many tokens, each in a recv of its own."""
    return exchange(*[event({"content": "a"})] * tokens, event(finish="stop") + DONE)


def test_exchanges__are_all_counted_by_the_end(run: Run, loop: TurningLoop) -> None:
    """In the order in which they came; what the run's end cut off is not called a failure."""
    told: list[Record] = []
    settling = RecordQueue(run, loop, told.append)
    for tokens in (1, 2, 3):
        settling.add(answer(tokens))
    settling.add(answer(), cut_off=True)
    settling.finish()
    assert [each.content_events for each in told[:3]] == [1, 2, 3]
    assert [each.outcome for each in told] == [Outcome.OK] * 3 + [Outcome.UNFINISHED]
    assert run.recorded == 4


def test_record__comes_before_what_nobody_waits_for(run: Run, loop: TurningLoop) -> None:
    """A user who needs the answer is not kept waiting for those of others."""
    told: list[int] = []
    settling = RecordQueue(run, loop, lambda record: told.append(record.content_events))
    for _ in range(3):
        settling.add(answer(1))
    waiting = gevent.spawn(settling.record, answer(7))
    waiting.join()
    settling.finish()
    assert waiting.value.content_events == 7
    assert told.index(7) < 3


def test_loop__has_its_turn_between_short_answers(run: Run, loop: TurningLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand refusals that come together are read in slices too."""
    monkeypatch.setattr(record_queue, "SLICE_NS", 0)
    settling = RecordQueue(run, loop, lambda _: None)
    for _ in range(20):
        settling.add(exchange(b"{}", status=503))
    settling.finish()
    assert loop.turns >= 20


def test_loop__has_its_turn_within_a_long_answer(run: Run, loop: TurningLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even one answer is read in slices; those that wait for memory are not."""
    monkeypatch.setattr(record_queue, "SLICE_NS", 0)
    settling = RecordQueue(run, loop, lambda _: None)
    settling.add(answer(400))
    settling.finish()
    assert loop.turns > 10
    monkeypatch.setattr(record_queue, "MOST_BYTES", -1)
    before = loop.turns
    again = RecordQueue(run, loop, lambda _: None)
    again.add(answer(400))
    again.finish()
    assert loop.turns == before
