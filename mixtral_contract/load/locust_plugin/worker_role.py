"""The part of a worker: it measures, and sends the master what it counted."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import Any

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner

from mixtral_contract.load.locust_plugin.process_run import ProcessRun
from mixtral_contract.load.locust_plugin.reporting_role import listen, options_of
from mixtral_contract.load.settings.settings import UsageError, read_settings
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.workload.arrivals import Share

RUN_KEY = "load_run"
"""Where the counts stand in a worker's regular reports, and the run's id in the options that it gets."""

WORKERS_KEY = "load_workers"
"""Where the ids of all workers of the run stand in those options, in the order in which they share the schedule."""

FINISH = "load_run_finish"
"""Sent by the master: send no more requests, wait `stop_timeout_s` for those that run, report."""

FINISHED = "load_run_finished"
"""Sent by a worker: its last counts, and how many requests it recorded in all."""

STAGE = "load_run_stage"
"""Sent by the master: go through this stage, with your share of its load."""

STAGED = "load_run_staged"
"""Sent by a worker: what it counted of the stage."""

SPENT = "load_run_spent"
"""Sent by a worker: its share of the budget has no room for a further request."""

SENT = "load_run_sent"
"""Sent by a worker: all of its share of a trace has left."""

HOPELESS = "load_run_hopeless"
"""Sent by a worker again and again while nothing answers it."""

_LOOK_EVERY_S = 0.02
_START_S = 30.0
"""How long a stage waits in a worker whose run has not started yet."""

logger = logging.getLogger(__name__)


class WorkerRole:
    """Listens to the events of a `WorkerRunner`."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        self._environment = environment
        self._runner = runner
        self._measuring: ProcessRun | None = None
        self._stage_over = Event()
        self._stage_over.set()

    def listen(self) -> None:
        """Registers for the events of a run, and for the master's message."""
        listen(
            self._environment.events,
            test_start=self._on_start,
            report_to_master=self._on_report,
            test_stopping=self._on_stopping,
            test_stop=self._on_stop,
            quitting=self._on_quitting,
        )
        # in a greenlet of its own, for it waits for users; the runner's must go on listening
        self._runner.register_message(FINISH, self._on_finish, concurrent=True)
        self._runner.register_message(STAGE, self._on_stage, concurrent=True)

    def _on_start(self, **_: Any) -> None:
        options = options_of(self._environment)
        try:
            self._measuring = ProcessRun(
                self._environment,
                read_settings(options, self._environment.host),
                run_id=getattr(options, RUN_KEY),
                share=self._share(getattr(options, WORKERS_KEY)),
                on_spent=lambda: self._say(SPENT),
                # in a greenlet of its own: the loop may call it, which must not wait
                on_sent=lambda: gevent.spawn(self._say, SENT),
                on_hopeless=lambda: self._say(HOPELESS),
            )
        except UsageError as error:
            logger.error("%s", error)  # noqa: TRY400 -- a traceback says nothing to whom it concerns
            self._environment.process_exit_code = 2
            self._runner.quit()

    def _say(self, what: str) -> None:
        self._runner.send_message(what, {"run_id": getattr(options_of(self._environment), RUN_KEY)})

    def _share(self, workers: list[str]) -> Share:
        """The part of this worker; of a schedule there is none left for one that came when the run had begun."""
        client_id = self._runner.client_id
        return Share(workers.index(client_id) if client_id in workers else len(workers), len(workers))

    def _on_report(self, data: dict[str, Any], **_: Any) -> None:
        if self._measuring is None:
            return
        run = self._measuring.run
        data[RUN_KEY] = {"run_id": run.run_id, "in_flight": run.in_flight}
        # of a run with stages each stage is reported by itself, at its end
        if run.settings.staging is None:
            data[RUN_KEY]["counts"] = run.drain_counts()

    def _on_stage(self, msg: Message, **_: Any) -> None:
        run_id = msg.data["run_id"]
        measuring = self._started(run_id)
        if measuring is None or measuring.run.is_over:
            return
        self._stage_over.clear()
        try:
            stage = Stage.from_wire(msg.data["stage"])
            part = measuring.perform(stage)
            # one that has sent anything of a stage says so, also when the run ends meanwhile
            self._runner.send_message(STAGED, {"run_id": run_id, "number": stage.number, "part": part.to_wire()})
        finally:
            self._stage_over.set()

    def _started(self, run_id: str) -> ProcessRun | None:
        """The run of that id, once it has started here; None when it does not."""
        ends_s = time.monotonic() + _START_S
        while time.monotonic() < ends_s:
            if self._measuring is not None and self._measuring.run.run_id == run_id:
                return self._measuring
            time.sleep(_LOOK_EVERY_S)
        return None

    def _on_finish(self, msg: Message, **_: Any) -> None:
        self._environment.stop_timeout = msg.data["stop_timeout_s"]
        self._runner.stop()

    def _on_stopping(self, **_: Any) -> None:
        if self._measuring is not None:
            self._measuring.run.stop()

    def _on_stop(self, **_: Any) -> None:
        if self._measuring is None:
            return
        measuring, self._measuring = self._measuring, None
        self._stage_over.wait()
        measuring.close()
        run = measuring.run
        message = {"run_id": run.run_id, "counts": run.drain_counts(), "recorded": run.recorded}
        self._runner.send_message(FINISHED, message)
        # Locust would wait as long again before it calls this worker ready
        self._environment.stop_timeout = 0

    def _on_quitting(self, **_: Any) -> None:
        if self._measuring is not None:
            self._environment.stop_timeout = 0
            self._runner.quit()
