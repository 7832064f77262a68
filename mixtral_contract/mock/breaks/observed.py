"""The mock as the real endpoints were seen to behave: each observation becomes changes of a request or a reply.

What is seen on a refusal changes how that refusal looks. What is seen on a completion changes its headers; with a
`where` of `WHERE` it refuses what would have been completed.
"""

from __future__ import annotations

import functools
import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mixtral_contract.contract.error_template import fill
from mixtral_contract.contract.observations import COMPLETION, Appearance, Observation
from mixtral_contract.contract.openapi import JSON, Operation
from mixtral_contract.mock.breaks.broken_service import Break
from mixtral_contract.mock.breaks.polling import IMPATIENT, Polling, impatient
from mixtral_contract.mock.messages.messages import Refusal, Reply, Request
from mixtral_contract.mock.service.call import Call

_OBSERVED = "observed"


def behaviour(observations: Iterable[Observation]) -> list[Break]:
    """What makes the mock behave as observed, in the order of the observations.

    Raises: ValueError for a `where` that is not known.
    """
    changes: list[Break] = []
    for observation in observations:
        if observation.where is not None and observation.where not in WHERE:
            known = ", ".join(WHERE)
            raise ValueError(f"{observation.id}.where: expected one of {known}, got {observation.where!r}")
        changes.append(_change(observation))
    return changes


def _change(observation: Observation) -> Break:
    if observation.ignores is not None:
        return Break(request=lambda operation, request: _ignoring(observation, operation, request))
    if observation.where == IMPATIENT:
        return Polling(observation.dialects, functools.partial(dress, answer=observation.answer)).change()
    if COMPLETION in observation.when and observation.where is not None:
        return Break(
            instead=lambda call: _refusal(observation, call),
            reply=lambda call, reply: _refused(observation, call, reply),
        )
    return Break(reply=lambda call, reply: _seen(observation, call, reply))


def _ignoring(observation: Observation, operation: Operation, request: Request) -> Request:
    if operation.dialect not in observation.dialects:
        return request
    return replace(request, fields=tuple(field for field in request.fields if field[0].lower() != observation.ignores))


def _refusal(observation: Observation, call: Call) -> Refusal | None:
    param = _found(observation, call, None)
    if param is None:
        return None
    status = observation.answer.status or 400
    return Refusal(f"{_OBSERVED} {observation.id}", observation.statement, param=param or None, status=status)


def _refused(observation: Observation, call: Call, reply: Reply) -> None:
    if reply.refusal is not None and reply.refusal.condition == f"{_OBSERVED} {observation.id}":
        dress(call, reply, observation.answer)


def _seen(observation: Observation, call: Call, reply: Reply) -> None:
    condition = COMPLETION if reply.refusal is None else reply.refusal.condition
    if condition in observation.when and _found(observation, call, reply.refusal) is not None:
        dress(call, reply, observation.answer)


def _found(observation: Observation, call: Call, refusal: Refusal | None) -> str | None:
    """The field at fault, "" for none in particular; None when this is no case of the observation."""
    if call.operation.dialect not in observation.dialects:
        return None
    return "" if observation.where is None else WHERE[observation.where](call, refusal)


def dress(call: Call, reply: Reply, answer: Appearance) -> None:
    """Makes a reply look as it was observed."""
    values = _values(reply, call)
    reply.status = answer.status or reply.status
    for name, value in (answer.headers or {}).items():
        if value is None:
            reply.headers.pop(name, None)
        else:
            reply.headers[name] = str(fill(value, values))
    if answer.body is not None:
        reply.content, reply.frames = fill(answer.body, values), None
        reply.headers["content-type"] = answer.content_type or JSON
        if isinstance(reply.content, str):
            reply.content = reply.content.encode()


def _values(reply: Reply, call: Call) -> Mapping[str, Any]:
    refusal = reply.refusal or Refusal("", "")
    path = [int(part) if part.isdigit() else part for part in (refusal.param or "").split(".") if part]
    return {
        "{message}": refusal.message,
        "{param}": refusal.param,
        "{loc}": ["body", *path],
        "{uuid}": str(uuid.uuid4()),
        "{cost}": call.standing.text(call.price) if reply.refusal is None else None,
    }


def _media_type(call: Call, _refusal: Refusal | None) -> str | None:
    sent = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return None if sent == JSON else ""


def _role(_call: Call, refusal: Refusal | None) -> str | None:
    param = refusal.param if refusal is not None else None
    return param if param is not None and param.endswith(".role") else None


def _several_choices(call: Call, _refusal: Refusal | None) -> str | None:
    return "n" if call.body.get("n") not in (None, 1) else None


def _tools(call: Call, _refusal: Refusal | None) -> str | None:
    return "tools" if call.body.get("tools") and call.body.get("tool_choice", "auto") == "auto" else None


def _unknown_field(call: Call, _refusal: Refusal | None) -> str | None:
    return next((name for name in call.body if name not in call.operation.request.properties), None)


def _same_role_twice(call: Call, _refusal: Refusal | None) -> str | None:
    roles = [message["role"] for message in call.completion_request.messages]
    spoken = [role for role in roles if role in ("user", "assistant")]
    return "messages" if any(one == other for one, other in itertools.pairwise(spoken)) else None


WHERE: Mapping[str, Callable[[Call, Refusal | None], str | None]] = {
    "always": lambda _call, _refusal: "",
    "media type": _media_type,
    "role": _role,
    "n": _several_choices,
    "tools": _tools,
    "unknown field": _unknown_field,
    "roles do not alternate": _same_role_twice,
    IMPATIENT: impatient,
}
"""What an observation may ask of a call beyond its condition: the field at fault, "" for none; None says no."""
