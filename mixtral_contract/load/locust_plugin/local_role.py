"""The part of a runner that is alone: it measures and reports."""

from __future__ import annotations

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment
from locust.runners import LocalRunner

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.locust_plugin.process_run import ProcessRun
from mixtral_contract.load.locust_plugin.reporting_role import ReportingRole
from mixtral_contract.load.locust_plugin.run_report import RunReport
from mixtral_contract.load.locust_plugin.stage_driver import StageDriver
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.workload.arrivals import Share


class LocalRole(ReportingRole):
    """Listens to the events of a `LocalRunner`."""

    def __init__(self, environment: Environment, runner: LocalRunner) -> None:
        super().__init__(environment, runner)
        self._measuring: ProcessRun | None = None
        self._conductor: StageDriver | None = None

    def begin(self, settings: Settings, reporting: RunReport) -> None:
        """Starts the run in this process."""
        measuring = ProcessRun(
            self.environment,
            settings,
            run_id=reporting.run_id,
            share=Share(),
            # in a greenlet of its own: they are called by one that ending the run waits for
            on_spent=lambda: gevent.spawn(self.end),
            on_sent=lambda: gevent.spawn(self.end),
            on_hopeless=self.give_up,
        )
        self._measuring, self._conductor = measuring, None
        if reporting.plan is not None:
            self._conductor = StageDriver(
                reporting.plan,
                reporting,
                perform=measuring.perform,
                is_over=lambda: measuring.run.is_over,
                end=self.end,
            )

    def stop(self, reporting: RunReport) -> None:  # noqa: ARG002 -- a master needs it
        """Ends the run's window."""
        if self._measuring is not None:
            self._measuring.run.stop()

    def finish(self, reporting: RunReport) -> None:
        """Hands over the counts; Locust has waited for the users."""
        if self._conductor is not None:
            self._conductor.join()
        if self._measuring is not None:
            self._measuring.close()
            reporting.merge(self._measuring.run.drain_counts())

    def uncounted(self) -> RunCounts | None:
        """What the run counted: all of it, until it ends."""
        return None if self._measuring is None else self._measuring.run.so_far

    def in_flight(self) -> int:
        """How many requests of the run are on their way."""
        return 0 if self._measuring is None else self._measuring.run.in_flight
