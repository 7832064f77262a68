"""Leads a run through the stages of its plan, one after the other, and ends the run after the last."""

from __future__ import annotations

import sys
from collections.abc import Callable

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.locust_plugin.run_report import RunReport
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.plan import Plan
from mixtral_contract.load.stages.stage_result import StageResult


class StageDriver:
    """A greenlet that has each stage performed; `perform` returns None when the run cannot go on.

    `is_over` tells whether the run has been ended from outside, and `end` ends it from here.
    """

    def __init__(
        self,
        plan: Plan,
        reporting: RunReport,
        *,
        perform: Callable[[Stage], StageResult | None],
        is_over: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._reporting = reporting
        self._perform = perform
        self._is_over = is_over
        self._end = end
        self._greenlet = gevent.spawn(self._lead)

    def join(self) -> None:
        """Waits for the stage under way; the run is over."""
        self._greenlet.join()

    def _lead(self) -> None:
        while not self._is_over() and (stage := self._plan.stage) is not None:
            part = self._perform(stage)
            if part is None:
                break
            self._reporting.add_stage(stage, part)
            if not self._is_over():
                sys.stdout.write(self._plan.take(part) + "\n")
                sys.stdout.flush()
        self._plan.stop()
        if not self._is_over():
            # in a greenlet of its own, for ending the run waits for this one
            gevent.spawn(self._end)
