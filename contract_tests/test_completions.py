"""RSP: the whole answer, key by key."""

from __future__ import annotations

from contextlib import suppress

import pytest

from mixtral_contract.contract.openapi import JSON
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.feature_requests import with_tool_call
from mixtral_contract.suite.verdicts.completion_fields import choice_of, message_of, object_of
from mixtral_contract.suite.verdicts.header_values import CLOCK_S, date_s
from mixtral_contract.suite.verdicts.model_names import is_named
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Unsupported, require


@pytest.mark.clause("RSP-01")
def test_completion__has_every_key(endpoint: Endpoint) -> None:
    """The contract's required keys, at the top, in the choice and in usage."""
    schema = endpoint.operation.success.media_types[JSON]
    for exchange in endpoint.seen.completions:
        require(isinstance(exchange.json, dict), expected="a JSON object", got=exchange.summary, exchange=exchange)
        body = object_of(exchange)
        missing = [name for name in schema.required if name not in body]
        require(not missing, expected=", ".join(schema.required), got=f"no {', '.join(missing)}", exchange=exchange)


@pytest.mark.clause("RSP-02")
def test_object__is_chat_completion(endpoint: Endpoint) -> None:
    """The constant of the contract."""
    for exchange in endpoint.seen.completions:
        found = object_of(exchange).get("object")
        require(found == "chat.completion", expected="chat.completion", got=found, exchange=exchange)


@pytest.mark.clause("RSP-03")
def test_created__is_the_time_of_the_answer(endpoint: Endpoint) -> None:
    """Within five minutes of the Date header."""
    for exchange in endpoint.seen.completions:
        created, answered_s = object_of(exchange).get("created"), date_s(exchange)
        if created is None or answered_s is None:
            raise Unsupported("no created or no Date to compare", exchange=exchange)
        near = isinstance(created, int) and abs(created - answered_s) <= CLOCK_S
        require(near, expected=f"about {answered_s:.0f}", got=created, exchange=exchange)


@pytest.mark.clause("RSP-04")
def test_choices__are_one_with_index_0(endpoint: Endpoint) -> None:
    """Nobody asked for more."""
    for exchange in endpoint.seen.completions:
        choices = object_of(exchange).get("choices")
        listed = choices if isinstance(choices, list) else []
        indexes = [choice.get("index") if isinstance(choice, dict) else None for choice in listed]
        require(indexes == [0], expected="one choice with index 0", got=f"indexes {indexes}", exchange=exchange)


@pytest.mark.clause("RSP-05")
def test_role__is_assistant(endpoint: Endpoint) -> None:
    """The message is the assistant's."""
    for exchange in endpoint.seen.completions:
        role = message_of(exchange).get("role")
        require(role == "assistant", expected="assistant", got=role, exchange=exchange)


@pytest.mark.clause("RSP-06")
def test_content__is_a_string(endpoint: Endpoint) -> None:
    """Text, not parts."""
    for exchange in endpoint.seen.completions:
        content = message_of(exchange).get("content")
        require(isinstance(content, str), expected="a string", got=type(content).__name__, exchange=exchange)


@pytest.mark.clause("RSP-07")
def test_finish_reason__is_known(endpoint: Endpoint) -> None:
    """One of the contract's values; an agent that is told of calls looks for them."""
    known = endpoint.operation.success.media_types[JSON].field("choices").items.field("finish_reason")
    for exchange in endpoint.seen.completions:
        choice = choice_of(exchange)
        reason, message = choice.get("finish_reason"), choice.get("message")
        require(known.is_valid(reason), expected=f"one of {known.raw.get('enum')}", got=reason, exchange=exchange)
        called = isinstance(message, dict) and bool(message.get("tool_calls"))
        require(called or reason != "tool_calls", expected="tool_calls beside it", got=reason, exchange=exchange)


@pytest.mark.clause("RSP-12")
def test_model__is_the_one_asked_for(endpoint: Endpoint) -> None:
    """The answer repeats the request's model, or says which snapshot of it answered."""
    for exchange in endpoint.seen.completions:
        wanted, found = endpoint.body()["model"], object_of(exchange).get("model")
        require(is_named(found, wanted), expected=wanted, got=found, exchange=exchange)


@pytest.mark.clause("RSP-13")
def test_id__is_never_the_same(endpoint: Endpoint) -> None:
    """Two answers have two ids."""
    first, second = endpoint.seen.completion, endpoint.seen.second_answer
    if second.status != 200:
        raise Unsupported(f"no second answer: {second.summary}", exchange=second)
    ids = object_of(first).get("id"), object_of(second).get("id")
    require(ids[0] != ids[1], expected="two ids", got=f"{ids[0]} twice", exchange=second)


@pytest.mark.clause("RSP-19")
def test_whole_answer__keeps_the_schema(endpoint: Endpoint, oracle: Oracle) -> None:
    """Schemathesis has nothing against it, nor against one that calls a function, where functions are known."""
    called = []
    if not endpoint.client.frugal and "tools" in endpoint.operation.request.properties:
        with suppress(Unsupported, Inconclusive):
            called.append(with_tool_call(endpoint))
    for exchange in (*endpoint.seen.completions, *called):
        departures = oracle.departures(endpoint.operation.dialect, exchange)
        require(not departures, expected="the contract's schema", got="; ".join(departures), exchange=exchange)
