"""One mock: what it decides by, how fast it speaks and the clock it reads; the edges share it."""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import weakref
from collections.abc import Callable, Sequence

from mixtral_contract.contract.openapi import Contract, ContractError
from mixtral_contract.mock.accounts.accounts import Accounts
from mixtral_contract.mock.admin.routes import AdminRoutes
from mixtral_contract.mock.breaks.broken_service import Break, BrokenService
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.fixtures.matching import FixtureSource
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.journal.entry_json import Origin, line, redactor
from mixtral_contract.mock.journal.journal import Entry, Journal
from mixtral_contract.mock.journal.metrics import Metrics
from mixtral_contract.mock.messages.limits import Limits
from mixtral_contract.mock.service.service import Service
from mixtral_contract.mock.timing.clock import Clock
from mixtral_contract.mock.timing.engine import Deployment, Engine, Pace
from mixtral_contract.mock.timing.scheduler import Pacer
from mixtral_contract.primitives.tokenizer import tokenizer


class Mock:
    """Everything that one server is made of, whatever edge it has.

    `offset_ns` is what the clock is ahead of `time.monotonic_ns()`; `shared` says that there are other processes with
    mocks of their own behind the same port, so that this one does not know everything.
    """

    def __init__(
        self,
        service: Service,
        pace: Deployment,
        clock: Clock,
        limits: Limits | None = None,
        *,
        journal: Journal | None = None,
        control_token: str | None = None,
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
        self.fixtures: FixtureSource | None = None
        self.metrics: Metrics = Metrics()
        self.journal: Journal = Journal() if journal is None else journal
        self.journal.readers.append(self.metrics.add)
        self._redact = redactor(service.admission.keys)
        self.connections = itertools.count(1)
        self.side = AdminRoutes(self, control_token)
        self._pacers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pacer] = weakref.WeakKeyDictionary()

    def line(self, entry: Entry) -> bytes:
        """An entry of the journal as a line of JSON, without keys."""
        return line(entry, self.origin)

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


def build(
    contract: Contract,
    *,
    seed: int = 0,
    pace: Deployment | None = None,
    breaks: Sequence[str] = (),
    admission: Accounts | None = None,
    fixtures: FixtureSource | None = None,
    as_observed: bool = False,
    new_id: Callable[[], str] | None = None,
    incidents: Incidents | None = None,
    limits: Limits | None = None,
    journal: Journal | None = None,
    control_token: str | None = None,
) -> Mock:
    """A mock of the contract; `breaks` names the clauses that it violates, `admission` has its accounts, `fixtures`
    holds its scripted replies, `new_id` names its completions, and `journal` takes in what it does.

    `as_observed` makes it behave as the real endpoints were seen to (`spec/observed.yaml`), where that is otherwise.
    `incidents` are what befalls the answers, none at first unless told otherwise.

    Raises: ContractError when the contract has no operation or a model has an unknown tokenizer; KeyError for an
    unknown break.
    """
    if not contract.operations:
        raise ContractError("paths: expected at least one operation, got none")
    for model in (model for operation in contract.operations.values() for model in operation.models):
        try:
            tokenizer(model.tokenizer)  # loaded now, so that the first answer is as fast as the others
        except KeyError as error:
            raise ContractError(f"{model.name}: expected a known tokenizer, got {model.tokenizer!r}") from error
    replies, admission = CompletionGenerator(seed, new_id or Ids()), admission or Accounts()
    incidents = incidents or Incidents(seed)
    service = Service(contract, replies, admission, fixtures, incidents)
    if breaks or as_observed:
        changes = _changes(breaks, as_observed=as_observed)
        service = BrokenService(contract, replies, admission, changes, fixtures=fixtures, incidents=incidents)
    mock = Mock(service, pace or Pace(), Clock(), limits, journal=journal, control_token=control_token)
    mock.breaks, mock.fixtures = tuple(breaks), fixtures
    return mock


def _changes(breaks: Sequence[str], *, as_observed: bool) -> list[Break]:
    from mixtral_contract.contract import observations as observed  # noqa: PLC0415
    from mixtral_contract.mock.breaks.observed import behaviour  # noqa: PLC0415
    from mixtral_contract.mock.breaks.table import BREAKS  # noqa: PLC0415  a mock that keeps the contract does without

    seen = behaviour(observed.load().values()) if as_observed else []
    return [*seen, *(BREAKS[clause]() for clause in breaks)]


class Ids:
    """Names for completions that no other server and no other call has."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begins anew, as a server of its own: for a process that was forked from the one which made this."""
        self._server, self._calls = secrets.token_hex(6), itertools.count(1)

    def __call__(self) -> str:
        """The next name."""
        return f"chatcmpl-{self._server}{next(self._calls):012x}"
