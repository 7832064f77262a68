"""Replaces what the model would say by what a fixture, or the request itself, says."""

from __future__ import annotations

import contextlib

import orjson

from mixtral_contract.mock.completions.completion import Text
from mixtral_contract.mock.completions.features import UnanswerableError
from mixtral_contract.mock.completions.generator import CompletionGenerator, token_limit
from mixtral_contract.mock.fixtures.added_fixtures import AddedFixtures
from mixtral_contract.mock.fixtures.asked import AskedRequest
from mixtral_contract.mock.fixtures.conditions import PredicateError
from mixtral_contract.mock.fixtures.matching import NoMatch
from mixtral_contract.mock.messages.messages import Refusal
from mixtral_contract.mock.replies.answering import answer
from mixtral_contract.mock.replies.reader import ReplyError, read
from mixtral_contract.mock.replies.scripted_reply import ScriptedRefusal, ScriptedReply
from mixtral_contract.mock.service.call import Call
from mixtral_contract.primitives.tokenizer import tokenizer

HEADER = "x-mock-reply"
"""Says what this request is answered with: a reply as JSON, or its text."""

_SECOND_NS = 1_000_000_000


class ScriptedReplies:
    """The check of a mock with scripted replies, and of requests that bring theirs along."""

    def __init__(self, scripts: AddedFixtures, generator: CompletionGenerator) -> None:
        self._scripts = scripts
        self._generator = generator

    def apply(self, call: Call) -> Refusal | None:
        """Says what the call is answered with, if anything does; the refusal when that, or none, says so."""
        headers = call.request.headers
        if HEADER in headers:
            try:
                return self._say(call, _of_header(headers[HEADER]))
            except ReplyError as error:
                return Refusal("invalid-request", str(error))
        fixtures = self._scripts.current(call.now_ns)
        asked = AskedRequest(call.operation.dialect, call.completion_request, call.body, headers)
        try:
            met = fixtures.meet(asked)
            if isinstance(met, NoMatch):
                return Refusal("no-fixture", met.text(), status=404) if fixtures.refuse_unmatched else None
            reply = met.reply(asked)
        except (ReplyError, PredicateError) as error:
            return Refusal("no-fixture", str(error), status=500)
        refusal = self._say(call, reply)
        if refusal is None:
            call.met = met
        return refusal

    def _say(self, call: Call, reply: ScriptedReply) -> Refusal | None:
        """Lets the call be answered with the reply."""
        if reply.refusal is not None:
            return _refusal(call, reply.refusal)
        asked, failure = call.completion_request, reply.failure
        if failure is not None and not asked.stream:
            return _refusal(call, ScriptedRefusal(failure.status, failure.message))
        text = reply.text
        probable = asked.features is not None and asked.features.top_logprobs is not None
        if text is not None and not probable:
            call.script = call.script.saying(Text(tokenizer(asked.model.tokenizer).split(text)), asked)
            return None
        try:
            call.scripted = answer(
                reply,
                asked,
                prompt_tokens=call.script.prompt_tokens,
                limit=token_limit(asked, call.script),
                digest=call.script.digest,
                name=self._generator.new_id(),
                created=call.now_ns // _SECOND_NS,
            )
        except UnanswerableError as error:
            return Refusal("invalid-request", f"{error.field}: {error}", error.field)
        return None


def _of_header(value: str) -> ScriptedReply:
    """The reply of a header; what begins like no JSON object, list or text is the text itself.

    Header fields are read as Latin-1, and clients write UTF-8 into them.
    """
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    if value[:1] not in ("{", "[", '"'):
        return read(value, HEADER)
    try:
        return read(orjson.loads(value), HEADER)
    except orjson.JSONDecodeError as error:
        raise ReplyError(f"{HEADER}: expected a reply as JSON, or a text, got {error}") from None


def _refusal(call: Call, refusal: ScriptedRefusal) -> Refusal:
    response = call.operation.responses.get(refusal.status)
    return Refusal(
        response.conditions[0] if response is not None and response.conditions else "scripted",
        refusal.message or (response.description if response is not None else "scripted refusal"),
        wait_s=refusal.retry_after_s,
        status=refusal.status,
    )
