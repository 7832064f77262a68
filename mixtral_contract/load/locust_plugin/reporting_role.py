"""What a runner that reports does whether it measures itself or has workers: interrupting, reporting, printing."""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment
from locust.event import Events
from locust.runners import Runner

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.locust_plugin import consent
from mixtral_contract.load.locust_plugin.ctrl_c import all_is_written, keep_reports, was_pressed
from mixtral_contract.load.locust_plugin.run_report import RunReport
from mixtral_contract.load.locust_plugin.web.command_line import CommandLine
from mixtral_contract.load.requests.discovery import fill_in
from mixtral_contract.load.results.live import LiveState, idle, live
from mixtral_contract.load.settings.settings import Settings, UsageError, read_settings

_NEVER = -1
"""Locust's --autoquit when nobody gave one."""

logger = logging.getLogger(__name__)


def listen(events: Events, **listeners: Callable[..., None]) -> None:
    """Registers each listener for the event of its name."""
    for name, listener in listeners.items():
        getattr(events, name).add_listener(listener)


def options_of(environment: Environment) -> argparse.Namespace:
    """The options of the command line, as the web page may have changed them."""
    options = environment.parsed_options
    if not isinstance(options, argparse.Namespace):
        raise TypeError("locust: expected an environment with a command line's options")
    return options


class ReportingRole:
    """A runner's part in a run that ends with a report; a subclass says how the run starts and ends."""

    def __init__(self, environment: Environment, runner: Runner) -> None:
        self.environment = environment
        self.runner = runner
        self.reporting: RunReport | None = None
        self._command_line = CommandLine.of(options_of(environment), environment.host)
        self._runs = 0
        self.refusal: str | None = None
        """Why the run that was asked for last did not start."""

    def listen(self) -> None:
        """Registers for the events of a run.

        Locust fires `quitting` at its latest listeners first. This one has to come before the runner's own, which may
        drop what is still to be counted, and does: it is registered after the runner was made.
        """
        listen(
            self.environment.events,
            test_start=self._on_start,
            spawning_complete=self._on_all_users,
            test_stopping=self._on_stopping,
            test_stop=self._on_stop,
            quitting=self._on_quitting,
            quit=self._on_quit,
        )

    def begin(self, settings: Settings, reporting: RunReport) -> None:
        """Starts what is to be measured; raises UsageError when it cannot."""
        raise NotImplementedError

    def stop(self, reporting: RunReport) -> None:
        """Takes note that no request is to be sent any more."""
        raise NotImplementedError

    def finish(self, reporting: RunReport) -> None:
        """Hands over all that was counted; the last users have ended."""
        raise NotImplementedError

    def take_stock(self, reporting: RunReport) -> None:
        """Tells the report which workers there are so far."""

    def uncounted(self) -> RunCounts | None:
        """What this process counted and did not hand over yet."""
        return None

    def in_flight(self) -> int:
        """How many requests are on their way, as far as is known here."""
        raise NotImplementedError

    def counted_until_s(self, reporting: RunReport) -> float:
        """Until when everything is known here, in seconds from the run's start."""
        return reporting.now_s

    def look(self) -> dict[str, Any]:
        """The run as it is now, for a page."""
        reporting = self.reporting
        if reporting is None:
            return idle(self.runner.state, self.refusal)
        if not reporting.is_done:
            self.take_stock(reporting)
        moment = LiveState(
            state=self.runner.state,
            now_s=reporting.now_s,
            counted_until_s=self._until_s(reporting),
            in_flight=0 if reporting.is_done else self.in_flight(),
            is_sending=reporting.is_sending,
            is_over=reporting.is_done,
        )
        # a stage counts when it has ended
        uncounted = self.uncounted() if reporting.plan is None else None
        summary = reporting.so_far(moment.counted_until_s, uncounted)
        return live(summary, reporting.settings, moment)

    def _until_s(self, reporting: RunReport) -> float:
        if reporting.is_done:
            return reporting.now_s
        staged_until_s = reporting.staged_until_s
        return self.counted_until_s(reporting) if staged_until_s is None else staged_until_s

    def end(self) -> None:
        """Ends the run as its time does: without a web page Locust ends too, with one when --autoquit says so."""
        options = options_of(self.environment)
        if options.headless:
            self.runner.quit()
            return
        self.runner.stop()
        if options.autostart and options.autoquit != _NEVER:
            time.sleep(options.autoquit)
            keep_reports()
            self.runner.quit()
            if self.environment.web_ui is not None:
                self.environment.web_ui.stop()  # type: ignore[no-untyped-call]

    def give_up(self) -> None:
        """Ends the run before its time, because nothing answers."""
        reporting = self.reporting
        if reporting is not None and not reporting.is_over and not reporting.gave_up:
            reporting.gave_up = True
            gevent.spawn(self.end)

    def _on_start(self, **_: Any) -> None:
        self.reporting = self.refusal = None
        options = options_of(self.environment)
        try:
            self._command_line.restore(options)
            settings = self._limited(options)
            consent.refuse(settings, options)
            if notes := fill_in(settings, options, os.environ):
                for note in notes:
                    logger.info("%s", note)
                settings = self._limited(options)
            reporting = RunReport(self.environment, settings, self._folder(settings.out))
            self.begin(settings, reporting)
        except UsageError as error:
            self._refuse(str(error))
        is_given = options.is_stop_timeout_given
        self.environment.stop_timeout = float(options.stop_timeout if is_given else settings.timeout_s)
        self.reporting = reporting

    def _limited(self, options: argparse.Namespace) -> Settings:
        """The settings of a run as asked for, without the secrets where a page named another target."""
        return self._command_line.limit(read_settings(options, self.environment.host), options)

    def _folder(self, out: Path) -> Path:
        """Where a run's results go: of later runs of this process each has a folder of its own."""
        self._runs += 1
        if self._runs == 1:
            return out
        return next(folder for number in itertools.count(2) if not (folder := out / f"run-{number}").exists())

    def _refuse(self, reason: str) -> NoReturn:
        """Says why there is no run, in one line; a run without a web page ends with exit code 2."""
        logger.error("%s", reason)
        self.refusal = reason
        if options_of(self.environment).headless:
            self.environment.process_exit_code = 2
            gevent.spawn(self.runner.quit)
        # ends the greenlet that starts the run; any other exception would be printed with a traceback
        raise gevent.GreenletExit

    def _on_all_users(self, **_: Any) -> None:
        if self.reporting is not None:
            self.reporting.all_users_are_there()

    def _on_stopping(self, **_: Any) -> None:
        if self.reporting is not None:
            self.reporting.stop()
            self.stop(self.reporting)

    def _on_stop(self, **_: Any) -> None:
        if self.reporting is not None and not self.reporting.is_done:
            self.finish(self.reporting)
            self.reporting.report()

    def _on_quitting(self, **_: Any) -> None:
        by_hand = was_pressed()
        keep_reports()
        if self.reporting is not None and not self.reporting.is_done:
            # a signal, not the end of the run time: whoever sends it does not want to wait for long answers
            self.reporting.interrupted = True
            self.reporting.terminated = not by_hand
            self.environment.stop_timeout = 0
            self.runner.quit()

    def _on_quit(self, **_: Any) -> None:
        if self.reporting is not None:
            self.reporting.print()
        all_is_written()
