"""Decides what a request gets, before the first byte of the answer, in one order.

    1  route         no operation at this path                       unknown-url
    2  method        none with this method                           wrong-method
    3  preference    `Prefer: code=NNN` asks for a documented status
       incident      the call gets one that refuses it, with any status
    4  key           none sent; or none of those sent is known       missing-key, wrong-key
    5  permission    the key may not use the model                   forbidden
    6  rate          too many calls with this key                    rate-limited
    7  media type    the body is not said to be JSON, or is coded    invalid-request
    8  JSON          it is none                                      invalid-request
    9  schema        it is not what the contract asks for            invalid-request
    10 model         no such model                                   unknown-model
    11 window        more prompt tokens than the model takes         invalid-request
    12 permission    the key may not use the model that is asked     forbidden
    13 fixture       there are scripted replies, and none for this   no-fixture
    14 credits       too few for this completion                     no-credits
    15 tokens        too many tokens with this key                   rate-limited
    16 turn          the engine has no room for it, or none in time  overloaded
    17               the completion; only this is billed

A condition that the contract documents no response for is not refused, except where nothing is left to answer
(`error_responses.ALWAYS_REFUSED`). An incident that the call got at step 3 changes whatever reply it gets from there
on; a completion that it cuts off is billed all the same, as a gateway bills what it sent.

Steps 1 to 6 and 12 to 17 keep accounts and belong to one thread; 7 to 11 keep nothing, so that a long body may be read
in another. Between 15 and 17 a call may wait for its turn; who calls `prepare` asks the engine, and then settles, which
refuses for want of credits once more if others spent them meanwhile.

A call counts for its key's limit of requests in step 6, whatever becomes of it later; one that the limits refuse takes
nothing of them. A key that has a limit of tokens too is judged by both at once in step 15, when its tokens are known,
so that the wait which it is told is the whole wait: it counts what `usage` will say, and a call that is refused before
step 15 counts nothing.

Knows no socket and no clock: the time, in nanoseconds since 1970, is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON, Contract
from mixtral_contract.mock.accounts import rate_limits as quota
from mixtral_contract.mock.accounts.accounts import Accounts
from mixtral_contract.mock.completions import completion as rendering
from mixtral_contract.mock.completions.completion import Completion
from mixtral_contract.mock.completions.generator import CompletionGenerator, CompletionRequest, Draft
from mixtral_contract.mock.fixtures.added_fixtures import AddedFixtures
from mixtral_contract.mock.incidents.active import HEADER, Incidents
from mixtral_contract.mock.incidents.incident import apply_incidents
from mixtral_contract.mock.messages.messages import Refusal, Reply, Request
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.checks import Checks
from mixtral_contract.mock.service.error_responses import ALWAYS_REFUSED, ErrorResponses
from mixtral_contract.mock.service.scripted_replies import HEADER as REPLY_HEADER
from mixtral_contract.mock.service.scripted_replies import ScriptedReplies
from mixtral_contract.mock.timing.engine import Overload
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache
from mixtral_contract.primitives.bounded.work import TooMuchWorkError, Work

CREDITS_HEADER = "x-remaining-credits"

_SECOND_NS = 1_000_000_000
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 8 * 1024
"""How many bodies that asked a question are kept, and of up to how many bytes."""

_Check = Callable[[Call], Refusal | None]
_Sent = tuple[str, str | None, str | None, bytes]
"""What a reading depends on: the dialect, how the body is said to be typed and coded, and the body."""


class Service:
    """Answers requests by one contract."""

    def __init__(
        self,
        contract: Contract,
        replies: CompletionGenerator,
        admission: Accounts,
        fixtures: AddedFixtures | None = None,
        incidents: Incidents | None = None,
    ) -> None:
        self.contract = contract
        self._replies = replies
        self.admission = admission
        self.refusals = ErrorResponses(contract)
        self.incidents = incidents or Incidents()
        checks = self.checks = Checks(contract, self.refusals, admission, replies, self.incidents)
        wanted = checks.preference, checks.incident
        self._by_head = checks.by_head
        self._admit = (checks.route, checks.method, *wanted, checks.key, checks.permission, checks.rate)
        self._read = (checks.media_type, checks.json, checks.schema, checks.model, checks.window)
        self._fixtures = fixtures or AddedFixtures()
        self._scripted = ScriptedReplies(self._fixtures, replies).apply
        self._permit = (checks.model_permission,)
        self._afford = (checks.credits, checks.tokens)
        self._pay = (checks.payment,)
        self._readings = BoundedCache[_Sent, tuple[Mapping[str, Any], CompletionRequest, Draft]](_REMEMBERED)

    def answer(self, request: Request, now_ns: int) -> Reply:
        """The reply to a request, all steps in one go, with no turn to wait for."""
        call = Call(request, now_ns)
        return self.admit(call) or self.read(call) or self.prepare(call) or self.settle(call)

    def admit(self, call: Call) -> Reply | None:
        """Steps 1 to 6: the refusal, None when the call's body may be read."""
        head = call.request.head
        if head is not None and not self.incidents.on and HEADER not in call.request.headers:
            if head.admission is None:
                head.admission = self._by_head(call.request) or ()
            if head.admission:
                call.operation, call.standing = head.admission
                return None
        return self._run(self._admit, call)

    def read(self, call: Call) -> Reply | None:
        """Steps 7 to 11: the refusal of the body, None when it asks a question; any thread may do this.

        What takes more than `work.MOST_S` of one core is refused.
        """
        try:
            return self.read_within(call, Work())
        except TooMuchWorkError as error:
            return self.too_much_work(call, error)

    def read_within(self, call: Call, work: Work) -> Reply | None:
        """The same within a limit of one's own.

        Raises: TooMuchWorkError when that is over.
        """
        call.work = work
        body, headers = call.request.body, call.request.headers
        key = call.operation.dialect, headers.get("content-type"), headers.get("content-encoding"), body
        known = self._readings.get(key)
        if known is not None:
            call.body, call.completion_request, call.script = known
            return None
        refused = self._run(self._read, call)
        if refused is None and len(body) <= _LONGEST_REMEMBERED and call.script.is_small:
            self._readings.put(key, (call.body, call.completion_request, call.script))
        return refused

    def prepare(self, call: Call) -> Reply | None:
        """Steps 12 to 15: writes the completion into the call, nothing billed yet, or refuses it."""
        account = call.standing.account
        if account.models is not None or account.forbidden:
            refused = self._run(self._permit, call)
            if refused is not None:
                return refused
        if self._fixtures.in_use or REPLY_HEADER in call.request.headers:
            refusal = self._scripted(call)
            if refusal is not None:
                call.refused_at = "fixture"
                return self.refuse(call, refusal)
        if call.scripted is not None:
            call.completion = call.scripted.completion
        else:
            call.completion = self._replies.completion(call.completion_request, call.script, call.now_ns // _SECOND_NS)
        return self._run(self._afford, call)

    def overloaded(self, call: Call, overload: Overload) -> Reply:
        """Step 16: the refusal of a call that does not get its turn; nothing is billed."""
        call.refused_at = "turn"
        refusal = Refusal(overload.condition, overload.message, wait_s=overload.wait_s, status=overload.status)
        return self.refuse(call, refusal)

    def too_much_work(self, call: Call, error: TooMuchWorkError) -> Reply:
        """The refusal of a body that cannot be read within its limit."""
        call.refused_at = "work"
        return self.refuse(call, Refusal("invalid-request", f"body: {error}", status=413))

    def abandon(self, call: Call) -> None:
        """The call gets no completion, or its client left before its turn: its fixture's line is the next call's."""
        met, call.met = call.met, None
        if met is not None:
            met.give_back()

    def settle(self, call: Call) -> Reply:
        """Step 17: the completion, billed; the refusal when others spent the credits while the call waited."""
        refused = self._run(self._pay, call)
        if refused is not None:
            return refused
        call.met = None
        reply = self.deliver(call, call.completion)
        return apply_incidents(call.incidents, reply, HEADER) if call.incidents else reply

    def deliver(self, call: Call, completion: Completion) -> Reply:
        """The reply that carries a completion, whole or as a stream."""
        if call.scripted is not None:
            reply = call.scripted.reply(completion, call.completion_request)
        elif call.completion_request.stream:
            reply = Reply(200, {"content-type": f"{EVENT_STREAM}; charset=utf-8", "cache-control": "no-cache"})
            reply.frames = rendering.frames(completion, include_usage=call.completion_request.include_usage)
        else:
            reply = Reply(200, {"content-type": JSON}, rendering.whole(completion))
        reply.tokens = reply.tokens or completion.steps
        documented = call.operation.success.headers
        if CREDITS_HEADER in documented:
            reply.headers[CREDITS_HEADER] = call.standing.remaining(call.left)
        if call.quota is not None:
            reply.headers |= quota.headers(call.quota, documented)
        return reply

    def refuse(self, call: Call, refusal: Refusal) -> Reply:
        """The reply that refuses a call, with its incidents applied."""
        self.abandon(call)
        return apply_incidents(call.incidents, self.render(call, refusal), HEADER)

    def render(self, call: Call, refusal: Refusal) -> Reply:
        """The reply that carries a refusal."""
        return self.refusals.render(call.operation, refusal)

    def refuse_protocol(self, status: int, message: str, path: str) -> Reply:
        """The refusal of what is no HTTP request, in the shape of the operation that it seems to be meant for."""
        refusal = Refusal("invalid-request", message, status=status)
        return self.refusals.render(self.refusals.nearest(path), refusal)

    def _run(self, checks: Sequence[_Check], call: Call) -> Reply | None:
        for check in checks:
            refusal = check(call)
            if refusal is not None and _is_refused(call, refusal):
                call.refused_at = check.__name__
                return self.refuse(call, refusal)
        return None


def _is_refused(call: Call, refusal: Refusal) -> bool:
    # a status that was asked for needs no condition that leads to it
    if refusal.status is not None or refusal.condition in ALWAYS_REFUSED:
        return True
    return call.operation.response_for(refusal.condition) is not None
