"""One mock: what it decides by, how fast it speaks and the clock it reads; the edges share it."""

from __future__ import annotations

import asyncio
import itertools
import os
import weakref
from collections.abc import Callable, Sequence

from mixtral_contract.mock.fixtures.added_fixtures import AddedFixtures
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.journal.entry_json import Origin, line, redactor
from mixtral_contract.mock.journal.journal import Entry, Journal
from mixtral_contract.mock.journal.metrics import Metrics
from mixtral_contract.mock.messages.limits import Limits
from mixtral_contract.mock.messages.messages import Routes
from mixtral_contract.mock.service.service import Service
from mixtral_contract.mock.timing.clock import Clock
from mixtral_contract.mock.timing.engine import Deployment, Engine
from mixtral_contract.mock.timing.scheduler import Pacer


class Mock:
    """Everything that one server is made of, whatever edge it has.

    `offset_ns` is what the clock is ahead of `time.monotonic_ns()`; `shared` says that there are other processes with
    mocks of their own behind the same port, so that this one does not know everything. `broken` makes the service
    that violates the clauses named, `routes` what the mock answers beside the contract.
    """

    def __init__(
        self,
        service: Service,
        pace: Deployment,
        clock: Clock,
        limits: Limits | None = None,
        *,
        journal: Journal | None = None,
        broken: Callable[[Sequence[str]], Service],
        routes: Callable[[Mock], Routes],
    ) -> None:
        self.service = service
        self.incidents: Incidents = service.incidents
        self.limits = limits or Limits()
        self.pace = pace
        self.clock: Callable[[], int] = clock
        self.offset_ns = clock.offset_ns
        self.started_ns = clock()
        self.shared = False
        self.breaks: tuple[str, ...] = ()
        self._broken = broken
        self.fixtures = AddedFixtures()
        self.metrics: Metrics = Metrics()
        self.journal: Journal = Journal() if journal is None else journal
        self.journal.readers.append(self.metrics.add)
        self._redact = redactor(service.admission.keys)
        self.connections = itertools.count(1)
        self.routes = routes(self)
        self._pacers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pacer] = weakref.WeakKeyDictionary()

    def line(self, entry: Entry) -> bytes:
        """An entry of the journal as a line of JSON, without keys."""
        return line(entry, self.origin, bodies=self.journal.keeps_bodies)

    @property
    def origin(self) -> Origin:
        """What its journal's entries have in common."""
        return Origin(self.offset_ns, self._redact, os.getpid())

    @property
    def kv_share(self) -> float:
        """The share of the engine's KV budget in use; 0 where the pace has none."""
        return max((pacer.engine.load.kv_share for pacer in self._pacers.values()), default=0.0)

    def pacer(self) -> Pacer:
        """The pacer of the running event loop; all replies that leave through one loop share its engine."""
        loop = asyncio.get_running_loop()
        if loop not in self._pacers:
            self._pacers[loop] = Pacer(Engine(self.pace), self.clock)
        return self._pacers[loop]

    def set_pace(self, pace: Deployment) -> None:
        """Sets the pace of all completions to come; those under way or waiting end by the pace that they began by."""
        self.pace = pace
        for pacer in self._pacers.values():
            pacer.engine.replace(pace)

    def can_break(self, name: str) -> bool:
        """Whether there is a break of the clause."""
        try:
            self._broken([name])
        except KeyError:
            return False
        return True

    def set_breaks(self, names: Sequence[str]) -> None:
        """Violates these clauses from now on, and no others; a break that counts begins anew.

        Raises: KeyError for an unknown one.
        """
        service = self._broken(names)
        service.checks.on_call = self.service.checks.on_call
        self.service = service
        self.breaks = tuple(names)
