"""Starts a run in the process that will do it, and ends it there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment

from mixtral_contract.load.locust_plugin.chat_user import ChatUser
from mixtral_contract.load.locust_plugin.opentelemetry import Telemetry, telemetry
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.run.loop_lag import LoopLag
from mixtral_contract.load.run.open_loop import OpenLoop
from mixtral_contract.load.run.quiet_gc import QuietCollector
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.run.stage_runner import StageRunner
from mixtral_contract.load.settings.settings import Settings, read_secrets
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.stage_result import StageResult
from mixtral_contract.load.workload.arrivals import Share, schedule

_WATCH_EVERY_S = 0.5


class ProcessRun:
    """A run under way in this process: its users send, or in an open loop its pump.

    `on_spent` is called when the budget has no room for a further request, `on_sent` when this process has sent its
    part of a trace, `on_hopeless` again and again while nothing answers.

    Raises: UsageError when this process has no key.
    """

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        *,
        run_id: str,
        share: Share,
        on_spent: Callable[[], None],
        on_sent: Callable[[], None],
        on_hopeless: Callable[[], None],
    ) -> None:
        self._environment = environment
        self._collector = QuietCollector()
        key, *secrets = read_secrets(settings, os.environ)
        self.run = Run(settings, key, run_id=run_id, share=share, secrets=secrets)
        self.run.on_spent = on_spent
        self._sender = Sender(self.run, partial(_tell, environment, settings, _telemetry(environment, settings)))
        for user_class in environment.user_classes:
            if issubclass(user_class, ChatUser):
                user_class.load_run, user_class.sender = self.run, self._sender
        self._health = LoopLag(self.run)
        self._on_hopeless = on_hopeless
        self._watch = gevent.spawn(self._watch_answers)
        self._pump: OpenLoop | None = None
        self._stages: StageRunner | None = None
        if settings.staging is not None:
            self._stages = StageRunner(self.run, self._sender, share, self._patience_s)
        elif settings.arrivals.is_open:
            arrivals = schedule(settings.arrivals, share, settings.seed, settings.trace)
            self._pump = OpenLoop(self.run, self._sender, arrivals, on_sent)

    def perform(self, stage: Stage) -> StageResult:
        """Goes through a stage of a run that has them."""
        assert self._stages is not None
        return self._stages.perform(stage)

    def _watch_answers(self) -> None:
        while not self.run.wait_until_over(_WATCH_EVERY_S):
            if self.run.is_hopeless:
                self._on_hopeless()

    def _patience_s(self) -> float:
        return float(self._environment.stop_timeout or 0)

    def close(self) -> None:
        """Ends the run; Locust has waited for the users, the pump waits here as long as they were given."""
        self.run.stop()
        if self._pump is not None:
            self._pump.drain(self._patience_s())
        self._health.close()
        self._watch.join()
        self._sender.close()
        self.run.close()
        self._collector.restore()


class RequestFailedError(Exception):
    """A request that ended without a completion, as Locust's own table of errors names it."""


def _telemetry(environment: Environment, settings: Settings) -> Telemetry | None:
    options = environment.parsed_options
    return telemetry(settings) if options is not None and options.otel else None


def _tell(environment: Environment, settings: Settings, told: Telemetry | None, record: Record) -> None:
    """One honest request event, for Locust's own table, and one for OpenTelemetry where it is wanted."""
    if told is not None:
        told.tell(record)
    failure = f"{record.outcome} {record.status or ''}".rstrip() if record.outcome.failed else None
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type=settings.operation.method,
        name=settings.path,
        response_time=record.e2e_ms,
        response_length=record.received_bytes,
        exception=RequestFailedError(failure) if failure else None,
        context={},
        start_time=time.time() - record.e2e_ms / 1000,
    )
