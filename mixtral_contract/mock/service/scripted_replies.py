"""Replaces what the model would say by what a fixture says."""

from __future__ import annotations

from mixtral_contract.mock.completions.completion import Text
from mixtral_contract.mock.fixtures.matching import FixtureSource, NoMatch, ScriptedReply
from mixtral_contract.mock.messages.messages import Refusal
from mixtral_contract.mock.service.call import Call
from mixtral_contract.primitives.tokenizer import tokenizer


class ScriptedReplies:
    """The check of a mock with scripted replies."""

    def __init__(self, scripts: FixtureSource) -> None:
        self._scripts = scripts

    def apply(self, call: Call) -> Refusal | None:
        """Replaces the call's script by that of the fixture which it meets; the refusal when that, or none, says so."""
        fixtures = self._scripts.current(call.now_ns)
        met = fixtures.meet(call.operation, call.completion_request, call.body)
        if isinstance(met, NoMatch):
            if not fixtures.refuse_unmatched:
                return None
            return Refusal("no-fixture", met.text(), status=404)
        line = met.line
        if line.status is not None:
            return _refusal(call, line, line.status)
        call.met = met
        pieces = tokenizer(call.completion_request.model.tokenizer).split(line.text)
        call.script = call.script.saying(Text(pieces), call.completion_request)
        return None


def _refusal(call: Call, line: ScriptedReply, status: int) -> Refusal:
    response = call.operation.responses.get(status)
    return Refusal(
        response.conditions[0] if response is not None and response.conditions else "scripted",
        line.message or (response.description if response is not None else "scripted refusal"),
        wait_s=line.retry_after_s,
        status=status,
    )
