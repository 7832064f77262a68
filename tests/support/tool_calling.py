"""What makes the other server call functions, as OpenAI's own does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.other_server import Answer, Body, Defect, Request

_CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris","unit":"C"}'},
}
_DONE = "[DONE]"


def calling(reason: Callable[[Request], str], *, called: Callable[[Request], bool] = lambda _: True) -> Defect:
    """A server that calls a function where one is asked for, and ends with that finish_reason.

    Where it is not `called` the answer is the text that it would have been.
    """

    def answer(request: Request, answer: Answer) -> Answer | None:
        if answer.status != 200 or not request.asks("tools") or request.asks("tool_choice") == "none":
            return None
        calls = {"content": None, "tool_calls": [_CALL]} if called(request) else {"content": "Let me"}
        if answer.events is None:
            choice = answer.body["choices"][0]
            choice["message"] = {"role": "assistant", **calls}
            choice["finish_reason"] = reason(request)
        else:
            base = {name: value for name, value in answer.events[0].items() if name != "choices"}
            fragments = [{"index": 0, **_CALL}] if called(request) else []
            deltas: list[tuple[Body, Any]] = [({"role": "assistant", **calls, "tool_calls": fragments}, None)]
            deltas.append(({}, reason(request)))
            answer.events = [
                {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": ends}]} for delta, ends in deltas
            ]
            answer.events.append(_DONE)
        return answer

    return Defect(answer=answer, tolerant=frozenset({"tools"}))


def with_an_object(request: Request, answer: Answer) -> Answer | None:
    """A call whose arguments are an object, where a text belongs."""
    made = calling(lambda _: "tool_calls").answer
    answer = (made(request, answer) if made else None) or answer
    if answer.events is None and request.asks("tools") and answer.status == 200:
        function = {"name": "get_weather", "arguments": {"city": "Paris", "unit": "C"}}
        answer.body["choices"][0]["message"]["tool_calls"] = [{**_CALL, "function": function}]
    return answer


def is_named(request: Request) -> bool:
    """Whether the request names the function to call."""
    return isinstance(request.asks("tool_choice"), dict)
