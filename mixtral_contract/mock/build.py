"""Makes a mock of its options."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence

from mixtral_contract.contract.openapi import Contract, ContractError
from mixtral_contract.mock.accounts.accounts import Accounts
from mixtral_contract.mock.admin.routes import AdminRoutes
from mixtral_contract.mock.breaks.broken_service import Break, BrokenService
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.fixtures.added_fixtures import AddedFixtures
from mixtral_contract.mock.fixtures.matching import FixtureSource
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.journal.journal import Journal
from mixtral_contract.mock.messages.limits import Limits
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.service.service import Service
from mixtral_contract.mock.timing.clock import Clock
from mixtral_contract.mock.timing.engine import Deployment, Pace
from mixtral_contract.primitives.tokenizer import tokenizer


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
    `incidents` are the faults that the answers get, none at first unless told otherwise.

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
    added = AddedFixtures(fixtures)
    replies, admission = CompletionGenerator(seed, new_id or Ids()), admission or Accounts()
    incidents = incidents or Incidents(seed)

    def broken(names: Sequence[str]) -> Service:
        if not names and not as_observed:
            return Service(contract, replies, admission, added, incidents)
        changes = _changes(names, as_observed=as_observed)
        return BrokenService(contract, replies, admission, changes, fixtures=added, incidents=incidents)

    mock = Mock(
        broken(breaks),
        pace or Pace(),
        Clock(),
        limits,
        journal=journal,
        broken=broken,
        routes=lambda mock: AdminRoutes(mock, control_token),
    )
    mock.breaks, mock.fixtures = tuple(breaks), added
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
