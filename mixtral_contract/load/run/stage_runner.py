"""Goes through a stage in this process: warm-up, window, cool-down, and rest until nothing is under way."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator

from mixtral_contract.load.run.closed_loop import ClosedLoop
from mixtral_contract.load.run.open_loop import OpenLoop
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.stage_result import SAMPLES_PER_S, StageResult
from mixtral_contract.load.units.window import Window
from mixtral_contract.load.workload.arrivals import Arrival, Share, schedule

_NS_PER_S = 1_000_000_000
_GOLDEN = (5**0.5 - 1) / 2
_LOOK_EVERY_S = 0.02
_SETTLING_S = 5.0
"""How long the last records of a stage are waited for, when their requests have ended."""

_AFTER_CUT_S = 1.0
"""A target may notice late that requests were cut off; the next stage waits for that."""


class StageRunner:
    """Goes through stages one after the other; `patience_s` says how long requests may still take when the run ends."""

    def __init__(self, run: Run, sender: Sender, share: Share, patience_s: Callable[[], float]) -> None:
        self._run = run
        self._sender = sender
        self._share = share
        self._patience_s = patience_s

    def perform(self, stage: Stage) -> StageResult:
        """What this process counted of the stage; less than all of it when the run ends meanwhile."""
        run = self._run
        run.wait_until_over(run.held_s)
        start_ns = run.now_ns()
        window = stage.window(start_ns)
        run.begin_stage(window)
        load = self._start(stage, window)
        in_flight = self._watch(stage, window)
        run.close_window()
        window = run.window
        self._cool_down(stage)
        run.rest()
        load.drain(min(self._patience_s(), stage.drain_s) if run.is_over else stage.drain_s)
        self._settle()
        tally, retry_after_s = run.end_stage()
        assert window.end_ns is not None
        return StageResult(window.start_ns / _NS_PER_S, window.end_ns / _NS_PER_S, tally, in_flight, retry_after_s)

    def _start(self, stage: Stage, window: Window) -> OpenLoop | ClosedLoop:
        share = self._share
        if not stage.arrivals.is_open:
            here = stage.users // share.workers + (share.worker < stage.users % share.workers)
            return ClosedLoop(self._run, self._sender, here)
        seed = int(f"{self._run.settings.seed}{stage.number:04}")
        return OpenLoop(self._run, self._sender, self._arrivals(stage, window, seed))

    def _arrivals(self, stage: Stage, window: Window, seed: int) -> Iterator[Arrival]:
        start_ns = window.start_ns - round(stage.warmup_s * _NS_PER_S)
        last_ns = start_ns + round((stage.warmup_s + stage.window_s + stage.cooldown_s) * _NS_PER_S)
        for arrival in schedule(stage.arrivals, self._share, seed):
            due_ns = start_ns + arrival.due_ns
            if due_ns > last_ns or not self._run.is_sending:
                return
            yield dataclasses.replace(arrival, due_ns=due_ns)

    def _watch(self, stage: Stage, window: Window) -> list[int]:
        """Counts what is under way, evenly over the window, until it ends."""
        run = self._run
        samples: list[int] = []
        assert window.end_ns is not None
        slot_ns = _NS_PER_S // SAMPLES_PER_S
        for index in range((window.end_ns - window.start_ns) // slot_ns):
            # each time at another place of its slot: even samples would always meet the same moment of even arrivals
            at_ns = window.start_ns + round((index + index * _GOLDEN % 1) * slot_ns)
            if run.wait_until_over(max(0.0, run.until_s(at_ns))) or (stage.ends_on_429 and run.refused()):
                return samples
            samples.append(run.in_flight)
        run.wait_until_over(max(0.0, run.until_s(window.end_ns)))
        return samples

    def _cool_down(self, stage: Stage) -> None:
        """Lets the load go on until the requests of the window have ended."""
        run = self._run
        # the exchanges themselves are kept, so that no later one can be taken for one of them
        last = run.under_way()
        ends_s = time.monotonic() + stage.cooldown_s
        while time.monotonic() < ends_s and not (stage.ends_on_429 and run.refused()):
            now = {id(exchange) for exchange in run.under_way()}
            if not any(id(exchange) in now for exchange in last) or run.wait_until_over(_LOOK_EVERY_S):
                return

    def _settle(self) -> None:
        """Waits until every request is recorded, and a little for the target's sake when some were cut off."""
        run = self._run
        ends_s = time.monotonic() + _SETTLING_S
        while run.under_way() and time.monotonic() < ends_s:
            time.sleep(_LOOK_EVERY_S)
        if run.was_cut_off():
            run.wait_until_over(_AFTER_CUT_S)
