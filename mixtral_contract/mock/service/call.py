"""One request on its way through the service, and what the checks found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.accounts.accounts import AccountState
from mixtral_contract.mock.accounts.rate_limits import Quota
from mixtral_contract.mock.completions.completion import Completion
from mixtral_contract.mock.completions.generator import CompletionRequest, Draft
from mixtral_contract.mock.fixtures.matching import Match
from mixtral_contract.mock.incidents.incident import Incident
from mixtral_contract.mock.messages.messages import Request
from mixtral_contract.mock.replies.answering import ScriptedAnswer
from mixtral_contract.primitives.bounded.work import Work


class Admitted(NamedTuple):
    """What is always found out about calls with the same head, where that depends on nothing but the head."""

    operation: Operation
    standing: AccountState


class Call:
    """One request on its way through the checks.

    `quota` is what the limits of the key said, None where it has none; `price` and `left` are what the completion
    costs and what the account has left, in its own smallest unit of money. `refused_at` is the step that refused it,
    `met` the fixture's line that its completion would say, `scripted` the answer where that is more than a text. `work`
    is what reading its body may cost, None for as much as any.
    """

    operation: Operation
    standing: AccountState
    body: Mapping[str, Any]
    completion_request: CompletionRequest
    script: Draft
    completion: Completion
    price: int
    left: int
    incidents: tuple[Incident, ...] = ()
    met: Match | None = None
    scripted: ScriptedAnswer | None = None

    def __init__(self, request: Request, now_ns: int) -> None:
        self.request = request
        self.now_ns = now_ns
        self.quota: Quota | None = None
        self.refused_at: str | None = None
        self.work: Work | None = None
