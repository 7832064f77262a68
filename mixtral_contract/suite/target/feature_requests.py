"""What no document prints a parameter for, asked for once and looked at by several clauses.

A target may refuse such a feature (a server without a parser for tool calls does): then there is nothing to judge, and
the clause is UNSUPPORTED. A refusal of everything is the target's state and stays INCONCLUSIVE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Unsupported, require

ROOMY = 256
"""Tokens enough for a short JSON object."""

LONG_TASK = "Count from one to two hundred in words."
FEW = 4
QUESTION = "What is the weather in Paris?"
PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 40}, "unit": {"type": "string", "enum": ["C", "F"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
NAMES = ("get_weather", "get_tide")
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in NAMES]
NAMED = {"type": "function", "function": {"name": NAMES[0]}}
"""Two functions with the same parameters, and the choice of the first."""

_WHOLE_CHARACTERS = "Repeat exactly: \U0001f408 \u732b caf\u00e9"
_CHARACTER_ROOM = 64
"""Tokens, so that the limit does not cut a character that is made of several."""

Json = dict[str, Any]


def user(text: str) -> list[Json]:
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def repeatable_body(endpoint: Endpoint, **changes: Any) -> Json:
    """A body that asks for the feature, with room for its answer, repeatable where the dialect has fields for it."""
    settings = {"seed": 7, "temperature": 0, "max_tokens": ROOMY}
    known = endpoint.operation.request.properties
    return endpoint.body(**{name: value for name, value in settings.items() if name in known} | changes)


def ask_for_feature(endpoint: Endpoint, body: Json, name: str | None = None) -> Exchange:
    """The exchange when the feature is there; under a name it is asked for once, by whoever looks at it first.

    Raises: Unsupported when the target refuses it, Inconclusive when the target's state decided.
    """
    exchange = endpoint.ask(body) if name is None else endpoint.once(name, lambda: endpoint.ask(body))
    endpoint.settle(exchange)
    if exchange.status == 200:
        return exchange
    simplest = endpoint.seen.answer
    if simplest.status != 200:
        raise Inconclusive(simplest.summary, expected="a completion of the simplest request", exchange=simplest)
    raise Unsupported(f"refused: {exchange.summary}", expected="200", exchange=exchange)


def with_tool_call(endpoint: Endpoint) -> Exchange:
    """The answer to a question with two functions, the first of which has to be called."""
    return ask_for_feature(endpoint, naming(endpoint), "call")


def naming(endpoint: Endpoint) -> Json:
    """The request for that."""
    return repeatable_body(endpoint, messages=user(QUESTION), tools=TOOLS, tool_choice=NAMED)


def required(endpoint: Endpoint) -> Exchange:
    """The answer to the same question, of which any function has to be called."""
    body = repeatable_body(endpoint, messages=user(QUESTION), tools=TOOLS, tool_choice="required")
    return ask_for_feature(endpoint, body, "required call")


def called_in_stream(endpoint: Endpoint) -> Stream:
    """The answer to a question with two functions, the first of which has to be called, streamed."""
    return Stream(ask_for_feature(endpoint, naming(endpoint) | {"stream": True}, "streamed call"))


def required_in_stream(endpoint: Endpoint) -> Stream:
    """The answer to the same question, of which any function has to be called, streamed."""
    body = repeatable_body(endpoint, messages=user(QUESTION), tools=TOOLS, tool_choice="required", stream=True)
    return Stream(ask_for_feature(endpoint, body, "streamed required call"))


def with_logprobs(endpoint: Endpoint) -> Exchange:
    """The answer to the simplest request with log probabilities and three alternatives."""
    return ask_for_feature(endpoint, endpoint.body(logprobs=True, top_logprobs=3), "log probabilities")


def two_choices(endpoint: Endpoint) -> Exchange:
    """The answer to a long task with two choices of a few tokens each."""
    return ask_for_feature(endpoint, endpoint.body(messages=user(LONG_TASK), n=2, max_tokens=FEW), "two choices")


def choices(exchange: Exchange) -> list[Json]:
    """The choices of a whole answer.

    Raises: Unsupported when there are none.
    """
    found = exchange.json.get("choices") if isinstance(exchange.json, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(choice, dict) for choice in found):
        raise Unsupported("no choice to look at", exchange=exchange)
    return found


def message(exchange: Exchange) -> Json:
    """The message of the first choice.

    Raises: Unsupported when there is none.
    """
    found = choices(exchange)[0].get("message")
    if not isinstance(found, dict):
        raise Unsupported("no message to look at", exchange=exchange)
    return found


def text(exchange: Exchange) -> str:
    """The text of the first choice.

    Raises: Violation when its content is none.
    """
    found = message(exchange).get("content")
    require(isinstance(found, str), expected="a text as content", got=repr(found)[:200], exchange=exchange)
    return str(found)


def complete_text(exchange: Exchange) -> str:
    """The text of the first choice, which nothing has cut.

    Raises: Unsupported when the limit cut it: half of it proves nothing; Violation when it is no text.
    """
    not_cut(exchange)
    return text(exchange)


def not_cut(exchange: Exchange) -> None:
    """Nothing when the answer ended by itself.

    Raises: Unsupported when the limit cut it: what is missing might have come.
    """
    if choices(exchange)[0].get("finish_reason") == "length":
        raise Unsupported(f"cut after {ROOMY} tokens", exchange=exchange)


def not_cut_stream(stream: Stream) -> None:
    """The same of a stream."""
    if "length" in stream.finish_reasons:
        raise Unsupported(f"cut after {ROOMY} tokens", exchange=stream.exchange)


def calls(exchange: Exchange) -> list[Json]:
    """The calls of the first choice.

    Raises: Unsupported when there are none: the target does not know the feature, or the limit cut the answer.
    """
    found = message(exchange).get("tool_calls")
    if not isinstance(found, list) or not found:
        raise Unsupported("no call to look at", exchange=exchange)
    not_cut(exchange)
    return [call if isinstance(call, dict) else {} for call in found]


def function(call: Any) -> Json:
    """What a call, or a fragment of one, says of its function; empty when it says nothing readable."""
    found = call.get("function") if isinstance(call, dict) else None
    return found if isinstance(found, dict) else {}


def fragments(stream: Stream) -> list[Json]:
    """The fragments of all calls in a stream, in order.

    Raises: Unsupported when there are none.
    """
    deltas = (choice.get("delta") for choice in stream.choices)
    lists = (delta.get("tool_calls") for delta in deltas if isinstance(delta, dict))
    found = [each for each in lists if isinstance(each, list)]
    made = [fragment for each in found for fragment in each if isinstance(fragment, dict)]
    if not made:
        raise Unsupported("no call to look at", exchange=stream.exchange)
    return made


def by_call(fragments: Sequence[Json]) -> list[Json]:
    """The fragments call by call, for those of several calls may come in turns; each call's in their order."""
    return sorted(fragments, key=lambda each: each["index"] if isinstance(each.get("index"), int) else 0)


def named(calls: Sequence[Json]) -> tuple[str, str]:
    """The names and the arguments of all calls, or of all their fragments, joined."""
    functions = [function(call) for call in calls]
    return joined([each.get("name") for each in functions]), joined([each.get("arguments") for each in functions])


def entries(choice: Mapping[str, Any]) -> list[Json]:
    """The entries of a choice's logprobs; empty when there are none."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    return [entry for entry in content if isinstance(entry, dict)] if isinstance(content, list) else []


def parsed(written: Any) -> Any:
    """The JSON value that a text is; None when it is none."""
    try:
        return json.loads(written) if isinstance(written, str) else None
    except (ValueError, RecursionError):
        return None


def joined(parts: Sequence[Any]) -> str:
    """The texts among the parts, joined."""
    return "".join(part for part in parts if isinstance(part, str))


def beyond_ascii(endpoint: Endpoint) -> dict[str, Any]:
    """A request whose answer should hold characters of two, three and four bytes."""
    room = {"max_tokens": _CHARACTER_ROOM} if "max_tokens" in endpoint.operation.request.properties else {}
    return endpoint.body(messages=[{"role": "user", "content": _WHOLE_CHARACTERS}], **room)
