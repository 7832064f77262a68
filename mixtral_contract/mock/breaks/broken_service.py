"""A service that violates clauses on purpose, so that a suite that claims to hold them can be seen to fail.

A break acts where its clause lives: on the request before the decision, instead of a completion, on a refusal or a
completion before it becomes a reply, or on the reply (status, headers, content, frames, `together` for the pace,
`edits` for the bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.accounts.accounts import Accounts
from mixtral_contract.mock.completions.completion import Completion
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.fixtures.added_fixtures import AddedFixtures
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.messages.messages import Refusal, Reply, Request
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.service import Service


@dataclass(frozen=True, slots=True)
class Break:
    """How one clause is violated; whatever is None is left alone.

    `route` answers a request before anything else is asked of it, or returns None; `request`, `refusal` and
    `completion` return what stands in the place of theirs, `reply` changes its own; `instead` returns why a call that
    would have been completed is refused, None when it is not.
    """

    route: Callable[[Request], Reply | None] | None = None
    request: Callable[[Operation, Request], Request] | None = None
    instead: Callable[[Call], Refusal | None] | None = None
    refusal: Callable[[Call, Refusal], Refusal] | None = None
    completion: Callable[[Call, Completion], Completion] | None = None
    reply: Callable[[Call, Reply], None] | None = None


Factory = Callable[[], Break]
"""Makes a break for one server; some count what they did."""


class BrokenService(Service):
    """The service with breaks, applied in the order in which they are given."""

    def __init__(
        self,
        contract: Contract,
        replies: CompletionGenerator,
        admission: Accounts,
        breaks: Sequence[Break],
        *,
        fixtures: AddedFixtures | None = None,
        incidents: Incidents | None = None,
    ) -> None:
        super().__init__(contract, replies, admission, fixtures, incidents)
        self._breaks = breaks

    def admit(self, call: Call) -> Reply | None:
        """As the service does, of the changed request."""
        for broken in self._breaks:
            reply = broken.route(call.request) if broken.route is not None else None
            if reply is not None:
                return reply
        operation = self.contract.at(call.request.path).get(call.request.method)
        for broken in self._breaks:
            if broken.request is not None and operation is not None:
                call.request = broken.request(operation, call.request)
        return super().admit(call)

    def prepare(self, call: Call) -> Reply | None:
        """As the service does, but for the calls that are refused instead; these are not billed."""
        refused = super().prepare(call)
        if refused is not None:
            return refused
        for broken in self._breaks:
            refusal = broken.instead(call) if broken.instead is not None else None
            if refusal is not None:
                call.refused_at = "break"
                return self.refuse(call, refusal)
        return None

    def render(self, call: Call, refusal: Refusal) -> Reply:
        """As the service does, the refusal and its reply changed."""
        for broken in self._breaks:
            if broken.refusal is not None:
                refusal = broken.refusal(call, refusal)
        return self._changed(call, super().render(call, refusal))

    def deliver(self, call: Call, completion: Completion) -> Reply:
        """As the service does, the completion and its reply changed."""
        for broken in self._breaks:
            if broken.completion is not None:
                completion = broken.completion(call, completion)
        return self._changed(call, super().deliver(call, completion))

    def _changed(self, call: Call, reply: Reply) -> Reply:
        for broken in self._breaks:
            if broken.reply is not None:
                broken.reply(call, reply)
        return reply
