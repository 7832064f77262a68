"""The part of a runner that is alone: it measures and reports."""

from __future__ import annotations

from locust.env import Environment
from locust.runners import LocalRunner

from load._measuring import start_measuring
from load._reporting import Reporting
from load._role import ReportingRole
from load._run import Run
from load._settings import Settings


class LocalRole(ReportingRole):
    """Listens to the events of a `LocalRunner`."""

    def __init__(self, environment: Environment, runner: LocalRunner) -> None:
        super().__init__(environment, runner)
        self._run: Run | None = None

    def begin(self, settings: Settings, reporting: Reporting) -> None:
        """Starts the run in this process."""
        self._run = start_measuring(self.environment, settings, run_id=reporting.run_id, worker=0)

    def stop(self, reporting: Reporting) -> None:  # noqa: ARG002 -- a master needs it
        """Ends the run's window."""
        if self._run is not None:
            self._run.stop()

    def finish(self, reporting: Reporting) -> None:
        """Hands over the counts; Locust has waited for the users."""
        if self._run is not None:
            self._run.close()
            reporting.merge(self._run.take())
