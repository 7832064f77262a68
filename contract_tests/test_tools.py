"""TOOL: function calling."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.target import feature_requests
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import NAMED, NAMES, PARAMETERS, QUESTION, TOOLS, user
from mixtral_contract.suite.verdicts.text_limits import require_same, same_again
from mixtral_contract.suite.verdicts.verdict import Violation, require

_CALL = {
    "id": "a1B2c3D4e",
    "type": "function",
    "function": {"name": NAMES[0], "arguments": '{"city":"Paris","unit":"C"}'},
}
"""A call with an id that Mistral's own servers take: nine letters and digits."""

_RESULT = {"role": "tool", "tool_call_id": _CALL["id"], "content": '{"temperature": 21}'}


def _refused(endpoint: Endpoint, **changes: Any) -> None:
    """The target knows functions, and refuses this."""
    feature_requests.calls(feature_requests.with_tool_call(endpoint))
    endpoint.refuse(endpoint.body(**{"messages": user(QUESTION), "tools": TOOLS, **changes}))


@pytest.mark.clause("TOOL-01")
def test_required_call__is_made(endpoint: Endpoint) -> None:
    """Some function is called."""
    exchange = feature_requests.required(endpoint)
    found = feature_requests.message(exchange).get("tool_calls")
    if not found:
        feature_requests.not_cut(exchange)
    require(bool(found), expected="tool_calls", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("TOOL-02")
def test_call__says_what_is_called(endpoint: Endpoint) -> None:
    """An id, the type, and a declared name."""
    exchange = feature_requests.with_tool_call(endpoint)
    listed = feature_requests.message(exchange).get("tool_calls")
    require(listed is None or isinstance(listed, list), expected="a list", got=str(listed)[:200], exchange=exchange)
    for call in feature_requests.calls(exchange):
        name, id_ = feature_requests.function(call).get("name"), call.get("id")
        good = isinstance(id_, str) and id_ and call.get("type") == "function" and name in NAMES
        require(good, expected=f"an id, type function, one of {NAMES}", got=str(call)[:200], exchange=exchange)


@pytest.mark.clause("TOOL-03")
def test_arguments__keep_the_parameters(endpoint: Endpoint) -> None:
    """JSON, and valid."""
    exchange = feature_requests.with_tool_call(endpoint)
    for call in feature_requests.calls(exchange):
        written = feature_requests.function(call).get("arguments")
        good = jsonschema_rs.is_valid(dict(PARAMETERS), feature_requests.parsed(written))
        require(good, expected="arguments that keep the parameters", got=repr(written)[:200], exchange=exchange)


@pytest.mark.clause("TOOL-04")
def test_named_function__is_the_one_called(endpoint: Endpoint) -> None:
    """The other one is left alone; who can call a function and answers with a text took no notice of the choice."""
    exchange = feature_requests.with_tool_call(endpoint)
    ignored = not feature_requests.message(exchange).get("tool_calls")
    if ignored and feature_requests.message(feature_requests.required(endpoint)).get("tool_calls"):
        feature_requests.not_cut(exchange)
        raise Violation(exchange.summary, expected=f"a call of {NAMES[0]}", exchange=exchange)
    names = {str(feature_requests.function(call).get("name")) for call in feature_requests.calls(exchange)}
    require(names == {NAMES[0]}, expected=f"a call of {NAMES[0]}", got=sorted(names), exchange=exchange)


@pytest.mark.clause("TOOL-05")
def test_none__calls_nothing(endpoint: Endpoint) -> None:
    """A text, as if there were no functions."""
    exchange = feature_requests.ask_for_feature(
        endpoint, endpoint.body(messages=user(QUESTION), tools=TOOLS, tool_choice="none")
    )
    found = feature_requests.message(exchange).get("tool_calls")
    require(not found, expected="no call", got=str(found)[:200], exchange=exchange)
    feature_requests.text(exchange)


@pytest.mark.clause("TOOL-06")
def test_finish_reason__says_that_functions_are_called(endpoint: Endpoint) -> None:
    """Where the function was named OpenAI says stop: the client knows; where any had to be called it does not."""
    named, required = feature_requests.with_tool_call(endpoint), feature_requests.required(endpoint)
    called = [each for each in (named, required) if feature_requests.message(each).get("tool_calls")]
    for exchange in called or [named]:
        feature_requests.calls(exchange)
        reason = feature_requests.choices(exchange)[0].get("finish_reason")
        known = ("tool_calls", "stop") if exchange is named else ("tool_calls",)
        require(reason in known, expected=f"finish_reason {' or '.join(known)}", got=reason, exchange=exchange)


@pytest.mark.clause("TOOL-07")
def test_fragments__say_whose_they_are(endpoint: Endpoint) -> None:
    """Indexes count the calls from 0; the first fragment of each names it, and none after it names it otherwise."""
    stream = feature_requests.called_in_stream(endpoint)
    ids: list[Any] = []
    for fragment in feature_requests.fragments(stream):
        index, shown = fragment.get("index"), str(fragment)[:200]
        if not isinstance(index, int) or not 0 <= index < len(ids):
            require(index == len(ids), expected=f"index {len(ids)}", got=shown, exchange=stream.exchange)
            named = fragment.get("id") and feature_requests.function(fragment).get("name")
            require(named, expected="id and name in a call's first fragment", got=shown, exchange=stream.exchange)
            ids.append(fragment["id"])
        id_, wanted = fragment.get("id"), ids[index or 0]
        require(not id_ or id_ == wanted, expected=f"the id {wanted!r}, or none", got=shown, exchange=stream.exchange)


@pytest.mark.clause("TOOL-08")
def test_fragments_joined__are_the_whole_call(endpoint: Endpoint) -> None:
    """The same request, streamed and not: names and arguments of all calls; ids are each answer's own."""
    wanted = feature_requests.named(feature_requests.calls(feature_requests.with_tool_call(endpoint)))
    stream = feature_requests.called_in_stream(endpoint)
    found = feature_requests.named(feature_requests.by_call(feature_requests.fragments(stream)))
    feature_requests.not_cut_stream(stream)
    if found != wanted:
        again = feature_requests.named(feature_requests.calls(endpoint.complete(feature_requests.naming(endpoint))))
        same_again(again, wanted, stream.exchange)
    require_same(repr(wanted), repr(found), stream.exchange)


@pytest.mark.clause("TOOL-09")
def test_result__is_answered(endpoint: Endpoint) -> None:
    """User, call, result: the next turn is the model's, which calls nothing more here."""
    calling = {"role": "assistant", "content": None, "tool_calls": [_CALL]}
    feature_requests.calls(feature_requests.with_tool_call(endpoint))
    messages = [*user(QUESTION), calling, _RESULT]
    endpoint.complete(endpoint.body(messages=messages, tools=TOOLS, tool_choice="none"))


@pytest.mark.clause("TOOL-10")
def test_undeclared_function__is_refused(endpoint: Endpoint) -> None:
    """Named by tool_choice, and nowhere else."""
    _refused(endpoint, tool_choice={**NAMED, "function": {"name": "get_gold_price"}})


@pytest.mark.clause("TOOL-11")
def test_result_of_nothing__is_refused(endpoint: Endpoint) -> None:
    """No message before it calls anything."""
    _refused(endpoint, messages=[*user(QUESTION), _RESULT])


@pytest.mark.clause("TOOL-12")
@given(tool=st.sampled_from([{"type": "function", "function": {}}, {"type": "function"}, {}, 7, "get_weather", None]))
def test_malformed_function__is_refused(endpoint: Endpoint, tool: Any) -> None:
    """What has no name cannot be called."""
    _refused(endpoint, tools=[tool])


@pytest.mark.clause("TOOL-13")
def test_stream_of_a_call__says_so_at_its_end(endpoint: Endpoint) -> None:
    """Once; stop where the function was named, as in a whole answer. Any function is asked for where that is free."""
    named = feature_requests.called_in_stream(endpoint)
    feature_requests.fragments(named)
    _says_at_its_end(named, "tool_calls", "stop")
    if not endpoint.client.frugal:
        required = feature_requests.required_in_stream(endpoint)
        feature_requests.fragments(required)
        _says_at_its_end(required, "tool_calls")


def _says_at_its_end(stream: Stream, *known: str) -> None:
    feature_requests.not_cut_stream(stream)
    reasons = stream.finish_reasons
    good = len(reasons) == 1 and reasons[0] in known
    require(good, expected=f"one finish_reason, {' or '.join(known)}", got=reasons, exchange=stream.exchange)
