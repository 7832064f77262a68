"""The part of a master: it gathers what its workers counted, waits for the last of it, and reports.

Locust's own end of a run is too early for that: it gives workers half a second for their last report, whether or not
they still wait for answers. So the master asks each worker to finish, and goes on when all have said so.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import STATE_MISSING, MasterRunner

from mixtral_contract.load.locust_plugin.reporting_role import ReportingRole, listen, options_of
from mixtral_contract.load.locust_plugin.run_report import RunReport
from mixtral_contract.load.locust_plugin.stage_driver import StageDriver
from mixtral_contract.load.locust_plugin.worker_role import (
    FINISH,
    FINISHED,
    HOPELESS,
    RUN_KEY,
    SENT,
    SPENT,
    STAGE,
    STAGED,
    WORKERS_KEY,
)
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.stage_result import StageResult

_PATIENCE_S = 10.0
"""How long a worker may take to finish beyond the time that its requests may take."""

_FRESH_S = 3.0
"""A worker that has not said for so long that nothing answers it was answered."""

_LOOK_EVERY_S = 0.05


class MasterRole(ReportingRole):
    """Listens to the events of a `MasterRunner`, and to its workers."""

    def __init__(self, environment: Environment, runner: MasterRunner) -> None:
        super().__init__(environment, runner)
        self._runner = runner
        self._seen: set[str] = set()
        self._merged: Counter[str] = Counter()
        self._recorded: dict[str, int] = {}
        self._heard: dict[str, tuple[float, int]] = {}
        """Of each worker's last counts: when they came, in seconds of the run, and what was in flight there."""
        self._sent: set[str] = set()
        """The workers that have sent their share of a trace."""
        self._hopeless: dict[str, float] = {}
        """When a worker last said that nothing answers it, in seconds of the run."""
        self._parts: dict[str, StageResult] = {}
        self._stage: Stage | None = None
        self._conductor: StageDriver | None = None

    def listen(self) -> None:
        """Registers for the events of a run, and for what workers send."""
        super().listen()
        listen(self.environment.events, worker_report=self._on_worker_report)
        self._runner.register_message(FINISHED, self._on_finished)
        self._runner.register_message(STAGED, self._on_staged)
        self._runner.register_message(SPENT, self._on_spent)
        self._runner.register_message(SENT, self._on_sent)
        self._runner.register_message(HOPELESS, self._on_hopeless)

    def begin(self, settings: Settings, reporting: RunReport) -> None:  # noqa: ARG002 -- a lone runner needs it
        """Forgets the last run's workers, and tells this one's which run it is."""
        self._seen = {client.id for client in self._runner.clients.all}
        self._merged.clear()
        self._recorded.clear()
        self._sent.clear()
        self._hopeless.clear()
        self._heard = dict.fromkeys(self._seen, (0.0, 0))
        # Locust sends the options to every worker with its first job; the key is none of them
        options = options_of(self.environment)
        setattr(options, RUN_KEY, reporting.run_id)
        setattr(options, WORKERS_KEY, sorted(self._seen))
        self._conductor = None
        if reporting.plan is not None:
            self._conductor = StageDriver(
                reporting.plan,
                reporting,
                perform=lambda stage: self._perform(stage, reporting),
                is_over=lambda: reporting.is_over,
                end=self.end,
            )

    def stop(self, reporting: RunReport) -> None:  # noqa: ARG002 -- no need here
        """Asks the workers to finish, and waits until they have."""
        self._runner.send_message(FINISH, {"stop_timeout_s": self.environment.stop_timeout})
        deadline_s = time.monotonic() + self.environment.stop_timeout + _PATIENCE_S
        while self._working() and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)

    def finish(self, reporting: RunReport) -> None:
        """Tells the report how many workers there were, and what of theirs never came."""
        if self._conductor is not None:
            self._conductor.join()
        reporting.workers = len(self._seen)
        reporting.lost_workers = tuple(sorted(self._seen - self._recorded.keys()))
        reporting.lost_requests = sum(
            recorded - self._merged[client_id] for client_id, recorded in self._recorded.items()
        )

    def take_stock(self, reporting: RunReport) -> None:
        """Tells the report how many workers there are, and who of them is gone."""
        reporting.workers = len(self._seen)
        reporting.lost_workers = tuple(sorted(self._seen - self._working() - self._recorded.keys()))

    def in_flight(self) -> int:
        """What the workers that are there last said."""
        return sum(in_flight for _, in_flight in self._heard_of_present())

    def counted_until_s(self, reporting: RunReport) -> float:
        """When the worker that has been silent for longest last said something; one that is lost says no more."""
        return min((heard_s for heard_s, _ in self._heard_of_present()), default=reporting.now_s)

    def _heard_of_present(self) -> list[tuple[float, int]]:
        working = self._working()
        return [heard for client_id, heard in self._heard.items() if client_id in working]

    def _perform(self, stage: Stage, reporting: RunReport) -> StageResult | None:
        """What all workers together counted of a stage; None when one was lost, for its share of the load was too."""
        self._stage, self._parts = stage, {}
        self._runner.send_message(STAGE, {"run_id": reporting.run_id, "stage": stage.to_wire()})
        while waited_for := self._present() & self._seen - self._parts.keys() - self._recorded.keys():
            time.sleep(_LOOK_EVERY_S)
        del waited_for
        self._stage = None
        parts = list(self._parts.values())
        if not parts:
            return None
        for part in parts[1:]:
            parts[0].merge(part)
        if len(parts) == len(self._seen):
            return parts[0]
        reporting.add_stage(stage, parts[0])
        return None

    def _on_staged(self, msg: Message, **_: Any) -> None:
        report, stage = msg.data, self._stage
        if stage is None or self.reporting is None or report["run_id"] != self.reporting.run_id:
            return
        if report["number"] != stage.number:
            return
        part = StageResult.from_wire(report["part"])
        self._merged[msg.node_id] += part.tally.outcomes.total() + part.tally.warmup_outcomes.total()
        self._parts[msg.node_id] = part

    def _on_spent(self, msg: Message, **_: Any) -> None:
        """The shares are equal: when one is spent the others will be soon, and the load is no longer what was asked."""
        reporting = self.reporting
        if reporting is not None and msg.data["run_id"] == reporting.run_id and not reporting.is_over:
            gevent.spawn(self.end)

    def _on_sent(self, msg: Message, **_: Any) -> None:
        if self.reporting is not None and msg.data["run_id"] == self.reporting.run_id:
            self._sent.add(msg.node_id)
            self._end_when_all_is_sent()

    def _on_hopeless(self, msg: Message, **_: Any) -> None:
        """Gives the run up when no worker that is there has been answered."""
        reporting = self.reporting
        if reporting is None or msg.data["run_id"] != reporting.run_id:
            return
        self._hopeless[msg.node_id] = reporting.now_s
        fresh = {each for each, said_s in self._hopeless.items() if reporting.now_s - said_s < _FRESH_S}
        if self._working() <= fresh:
            self.give_up()

    def _end_when_all_is_sent(self) -> None:
        """Ends the run of a trace when no worker has any of it left; one that is lost will send no more."""
        reporting = self.reporting
        if reporting is not None and not reporting.is_over and self._sent and self._working() <= self._sent:
            gevent.spawn(self.end)

    def _present(self) -> set[str]:
        return {client.id for client in self._runner.clients.all if client.state != STATE_MISSING}

    def _working(self) -> set[str]:
        """The workers that are there and have not finished."""
        return self._present() - self._recorded.keys()

    def _on_worker_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if RUN_KEY in data:
            self._merge(client_id, data[RUN_KEY])
            self._end_when_all_is_sent()

    def _on_finished(self, msg: Message, **_: Any) -> None:
        if self._merge(msg.node_id, msg.data):
            self._recorded[msg.node_id] = msg.data["recorded"]

    def _merge(self, client_id: str, report: dict[str, Any]) -> bool:
        """Adds a worker's counts; whether they belong to this run."""
        if self.reporting is None or self.reporting.is_done or report["run_id"] != self.reporting.run_id:
            return False
        self._seen.add(client_id)
        self._heard[client_id] = self.reporting.now_s, report.get("in_flight", 0)
        if "counts" in report:
            self._merged[client_id] += self.reporting.merge(report["counts"])
        return True
