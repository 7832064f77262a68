"""Gathers what a run's workers counted and reports it; the clock of the run as a whole runs here."""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from locust.env import Environment

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.locust_plugin.chat_user import ChatUser
from mixtral_contract.load.report.files import REPORT, table, write_results
from mixtral_contract.load.requests.own_lengths import own_lengths, own_lengths_line
from mixtral_contract.load.results.calibration import Calibration, CalibrationError, read_calibration, usual_path
from mixtral_contract.load.results.staged_summary import summarize_stages
from mixtral_contract.load.results.summary import Facts, summarize
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.plan import plan_for
from mixtral_contract.load.stages.stage_result import StageResult
from mixtral_contract.load.units.progress import Progress

_NS_PER_S = 1_000_000_000

logger = logging.getLogger(__name__)


class RunReport:
    """One run as its reporter sees it."""

    def __init__(self, environment: Environment, settings: Settings, folder: Path) -> None:
        self.run_id = uuid.uuid4().hex[:12]
        self.settings = settings
        self.interrupted = False
        self.terminated = False
        """Whether it was a signal, and not somebody at a terminal."""
        self._folder = folder
        self._prompts = _own_lengths(settings)
        self._has_report = False
        self.gave_up = False
        """Whether the run was ended because nothing answered."""
        self.workers = 1
        self.lost_workers: tuple[str, ...] = ()
        self.lost_requests = 0
        self._environment = environment
        self.plan = None if settings.staging is None else plan_for(settings.staging, settings.slo)
        self._tally = RunCounts()
        self._stages: list[tuple[Stage, StageResult]] = []
        self._started_at = dt.datetime.now(dt.UTC)
        self._start_ns = perf_counter_ns()
        self._end_ns: int | None = None
        self._all_users_ns: int | None = None
        self._done_ns: int | None = None
        self._summary: dict[str, Any] | None = None

    @property
    def is_done(self) -> bool:
        """Whether the report is written."""
        return self._summary is not None

    @property
    def is_over(self) -> bool:
        """Whether no request is to be sent any more."""
        return self._end_ns is not None

    def merge(self, taken: Mapping[str, Any]) -> int:
        """Adds what `Run.take` gave; how many requests that were."""
        tally = RunCounts.from_wire(taken)
        self._tally.merge(tally)
        return tally.outcomes.total() + tally.warmup_outcomes.total()

    def add_stage(self, stage: Stage, part: StageResult) -> None:
        """Adds what all workers counted of a stage; those before it become its warm-up."""
        earlier = self._tally.as_warmup()
        earlier.merge(part.tally)
        self._tally = earlier
        self._stages.append((stage, part))

    def all_users_are_there(self) -> None:
        """Notes that the last user has started."""
        if self._all_users_ns is None:
            self._all_users_ns = perf_counter_ns()

    def stop(self) -> None:
        """Notes the end of the window."""
        if self._end_ns is None:
            self._end_ns = perf_counter_ns()

    @property
    def now_s(self) -> float:
        """Seconds since the run's start; of a run that is over, those that it took."""
        return ((self._done_ns or perf_counter_ns()) - self._start_ns) / _NS_PER_S

    @property
    def is_sending(self) -> bool:
        """Whether requests may still be sent."""
        return self._end_ns is None

    @property
    def staged_until_s(self) -> float | None:
        """When the last stage was over that has ended; None for a run without stages."""
        if self.plan is None:
            return None
        return self._stages[-1][1].end_s if self._stages else 0.0

    def so_far(self, counted_until_s: float, uncounted: RunCounts | None = None) -> dict[str, Any]:
        """The summary as if the run had ended then, or with its last stage that did; of a run that is over, its own.

        `uncounted` is what was counted and not merged yet; it is read, and not kept.
        """
        if self._summary is not None:
            return self._summary
        if self._stages:
            return summarize_stages(self.settings, self._facts(), self._tally, self._stages, self.plan)
        end_s = counted_until_s if self._end_ns is None else self._since_start_s(self._end_ns) or 0.0
        tally = self._tally
        if uncounted is not None:
            tally = RunCounts()
            for part in (self._tally, uncounted):
                tally.merge(part)
        return summarize(self.settings, replace(self._facts(), end_s=end_s), tally)

    def report(self) -> None:
        """Writes the results and decides the exit code."""
        self.stop()
        self._done_ns = perf_counter_ns()
        if self._stages:
            self._summary = summarize_stages(self.settings, self._facts(), self._tally, self._stages, self.plan)
        else:
            self._summary = summarize(self.settings, self._facts(), self._tally)
        code: int = self._summary["exit_code"]
        runner = self._environment.runner
        self._has_report, failures = write_results(self._summary, self._folder, self.settings.out)
        for error in failures:
            where = error.filename or self._folder
            logger.error("%s: expected to write the results, got %s", where, error.strerror)
            code = 1
        if self._has_report:
            logger.info("report: %s", self._folder / REPORT)
        if runner is not None and runner.exceptions:
            # a user of ours raised: whatever was measured, something is wrong
            code = 1
        self._environment.process_exit_code = code

    def print(self) -> None:
        """Prints the results in short."""
        if self._summary is not None:
            with suppress(OSError):  # a terminal that was closed
                sys.stdout.write("\n" + table(self._summary, self._folder, has_report=self._has_report))
                sys.stdout.flush()

    def _facts(self) -> Facts:
        environment = self._environment
        options = environment.parsed_options
        shape = environment.shape_class
        others = [each.__name__ for each in environment.user_classes if not issubclass(each, ChatUser)]
        return Facts(
            run_id=self.run_id,
            started_at=self._started_at,
            users=getattr(options, "num_users", None) or 1,
            spawn_rate_per_s=getattr(options, "spawn_rate", None) or 1.0,
            run_time_s=getattr(options, "run_time", None),
            workers=self.workers,
            end_s=self._since_start_s(self._end_ns) or 0.0,
            all_users_s=self._since_start_s(self._all_users_ns),
            interrupted=self.interrupted,
            terminated=self.terminated,
            gave_up=self.gave_up,
            shape=None if shape is None else type(shape).__name__,
            other_users=tuple(others),
            lost_workers=self.lost_workers,
            lost_requests=self.lost_requests,
            calibration=self._calibration(options),
            prompts=self._prompts,
        )

    def _calibration(self, options: Any) -> Calibration | None:
        """That of this machine; None when there is none, of which the notes tell."""
        asked = getattr(options, "calibration", None)
        try:
            return read_calibration(Path(asked) if asked else usual_path(os.environ))
        except CalibrationError as error:
            if asked:
                logger.error("--calibration: %s", error)  # noqa: TRY400 -- a traceback says nothing to whom it concerns
            return None

    def _since_start_s(self, stamp_ns: int | None) -> float | None:
        return None if stamp_ns is None else (stamp_ns - self._start_ns) / _NS_PER_S


def _own_lengths(settings: Settings) -> dict[str, Any] | None:
    """What the user's own prompts are like, which is said before the run; None for a run that makes them."""
    if settings.prompt_file is None:
        return None
    progress = Progress("prompts counted", sys.stderr)
    found = own_lengths(settings.prompt_file, settings.contract_model.tokenizer, progress.step)
    progress.close()
    logger.info("%s", own_lengths_line(found))
    return found
