"""RSP: the whole answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mixtral_contract.contract.openapi import JSON
from mixtral_contract.suite.generation.schema_oracle import Oracle
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.combined_requests import is_completion
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.header_values import CLOCK_S, date_s
from mixtral_contract.suite.verdicts.text_limits import (
    FEW,
    LONGEST_TOKEN,
    REPEATABLE,
    ROOMY,
    is_brief,
    require_count,
    require_cut,
    require_ended,
    require_kept,
    stop_in,
)
from mixtral_contract.suite.verdicts.verdict import Unsupported, require

_LONG_TASK = "Count from one to two hundred in words."


def _object(exchange: Exchange) -> Mapping[str, Any]:
    if not isinstance(exchange.json, dict):
        # that it should be one is said by the clauses of its keys and of its schema
        raise Unsupported(f"no JSON object to look at: {exchange.summary}", exchange=exchange)
    return dict(exchange.json)


def _answers(endpoint: Endpoint) -> list[Exchange]:
    """The completions that the passive clauses look at."""
    return [endpoint.seen.completion, *(each for each in (endpoint.seen.second_answer,) if each.status == 200)]


def _choice(exchange: Exchange) -> Mapping[str, Any]:
    choices = _object(exchange).get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unsupported("no choice to look at", exchange=exchange)
    return choices[0]


def _message(exchange: Exchange) -> Mapping[str, Any]:
    message = _choice(exchange).get("message")
    if not isinstance(message, dict):
        raise Unsupported("no message to look at", exchange=exchange)
    return message


def _text(exchange: Exchange) -> str:
    content = _message(exchange).get("content")
    if not isinstance(content, str):
        raise Unsupported("no text to look at", exchange=exchange)
    return content


def _usage(exchange: Exchange) -> Mapping[str, int]:
    usage = _object(exchange).get("usage")
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    if not isinstance(usage, dict) or not all(isinstance(usage.get(name), int) for name in names):
        raise Unsupported("no usage to look at", exchange=exchange)
    return usage


@pytest.mark.clause("RSP-01")
def test_completion__has_every_key(endpoint: Endpoint) -> None:
    """The contract's required keys, at the top, in the choice and in usage."""
    schema = endpoint.operation.success.media_types[JSON]
    for exchange in _answers(endpoint):
        require(isinstance(exchange.json, dict), expected="a JSON object", got=exchange.summary, exchange=exchange)
        body = _object(exchange)
        missing = [name for name in schema.required if name not in body]
        require(not missing, expected=", ".join(schema.required), got=f"no {', '.join(missing)}", exchange=exchange)


@pytest.mark.clause("RSP-02")
def test_object__is_chat_completion(endpoint: Endpoint) -> None:
    """The constant of the contract."""
    for exchange in _answers(endpoint):
        found = _object(exchange).get("object")
        require(found == "chat.completion", expected="chat.completion", got=found, exchange=exchange)


@pytest.mark.clause("RSP-03")
def test_created__is_the_time_of_the_answer(endpoint: Endpoint) -> None:
    """Within five minutes of the Date header."""
    for exchange in _answers(endpoint):
        created, answered_s = _object(exchange).get("created"), date_s(exchange)
        if created is None or answered_s is None:
            raise Unsupported("no created or no Date to compare", exchange=exchange)
        near = isinstance(created, int) and abs(created - answered_s) <= CLOCK_S
        require(near, expected=f"about {answered_s:.0f}", got=created, exchange=exchange)


@pytest.mark.clause("RSP-04")
def test_choices__are_one_with_index_0(endpoint: Endpoint) -> None:
    """Nobody asked for more."""
    for exchange in _answers(endpoint):
        choices = _object(exchange).get("choices")
        listed = choices if isinstance(choices, list) else []
        indexes = [choice.get("index") if isinstance(choice, dict) else None for choice in listed]
        require(indexes == [0], expected="one choice with index 0", got=f"indexes {indexes}", exchange=exchange)


@pytest.mark.clause("RSP-05")
def test_role__is_assistant(endpoint: Endpoint) -> None:
    """The message is the assistant's."""
    for exchange in _answers(endpoint):
        role = _message(exchange).get("role")
        require(role == "assistant", expected="assistant", got=role, exchange=exchange)


@pytest.mark.clause("RSP-06")
def test_content__is_a_string(endpoint: Endpoint) -> None:
    """Text, not parts."""
    for exchange in _answers(endpoint):
        content = _message(exchange).get("content")
        require(isinstance(content, str), expected="a string", got=type(content).__name__, exchange=exchange)


@pytest.mark.clause("RSP-07")
def test_finish_reason__is_known(endpoint: Endpoint) -> None:
    """One of the contract's values; an agent that is told of calls looks for them."""
    known = endpoint.operation.success.media_types[JSON].field("choices").items.field("finish_reason")
    for exchange in _answers(endpoint):
        choice = _choice(exchange)
        reason, message = choice.get("finish_reason"), choice.get("message")
        require(known.is_valid(reason), expected=f"one of {known.raw.get('enum')}", got=reason, exchange=exchange)
        called = isinstance(message, dict) and bool(message.get("tool_calls"))
        require(called or reason != "tool_calls", expected="tool_calls beside it", got=reason, exchange=exchange)


@pytest.mark.clause("RSP-08")
def test_text_cut_by_max_tokens__says_length(endpoint: Endpoint) -> None:
    """Two tokens of a long task are a cut."""
    exchange = _cut(endpoint)
    reason = _choice(exchange).get("finish_reason")
    if reason == "stop" and is_brief(_text(exchange)):
        roomy = endpoint.complete({**_long_task(endpoint), "max_tokens": ROOMY})
        require_cut(_text(exchange), _text(roomy), exchange)
    require(reason == "length", expected="finish_reason length", got=reason, exchange=exchange)


@pytest.mark.clause("RSP-09")
def test_completion_tokens__keep_max_tokens(endpoint: Endpoint) -> None:
    """Usage reports no more than was allowed."""
    for exchange in _answers(endpoint):
        found, most = _usage(exchange)["completion_tokens"], endpoint.body()["max_tokens"]
        require(found <= most, expected=f"at most {most} completion tokens", got=found, exchange=exchange)


@pytest.mark.clause("RSP-10")
def test_total_tokens__is_the_sum(endpoint: Endpoint) -> None:
    """Prompt and completion make the total, however the text ends."""
    ended = []
    if not endpoint.line.frugal and "stop" in endpoint.operation.request.properties:
        ended = [_cut(endpoint), endpoint.complete(endpoint.body(stop="e"))]
    for exchange in (*_answers(endpoint), *ended):
        usage = _usage(exchange)
        wanted = usage["prompt_tokens"] + usage["completion_tokens"]
        require(usage["total_tokens"] == wanted, expected=wanted, got=usage["total_tokens"], exchange=exchange)


_BEYOND_ASCII = "\u732b\u0436\u00e9" * 10
_COMMON_WORDS = (
    "morning garden window summer people mother letter number doctor street winter father family friend school river "
    "market button silver island animal bottle butter circle corner dinner finger flower forest ground"
)
"""Words of about six letters, one token each or hardly more."""


@pytest.mark.clause("RSP-11")
def test_earlier_messages__are_counted(endpoint: Endpoint) -> None:
    """The simplest request, and the same with a turn before it, of which neither side alone makes up the difference.

    A word is a token at least, and no tokenizer of English needs many more for words as common as these.
    """
    short = endpoint.seen.completion
    before = [{"role": role, "content": _COMMON_WORDS} for role in ("user", "assistant")]
    longer = endpoint.complete(endpoint.body(messages=[*before, *endpoint.body()["messages"]]))
    count, least = _usage(longer)["prompt_tokens"], _usage(short)["prompt_tokens"] + 1.7 * len(_COMMON_WORDS.split())
    require(count >= least, expected=f"at least {least:.0f}", got=count, exchange=longer)


@pytest.mark.clause("RSP-32")
def test_system_message__is_counted(endpoint: Endpoint) -> None:
    """The simplest request, and the same after a system message; one that is not counted was not read."""
    short = endpoint.seen.completion
    system = {"role": "system", "content": _COMMON_WORDS}
    longer = endpoint.ask(endpoint.body(messages=[system, *endpoint.body()["messages"]]))
    endpoint.settle(longer)
    if longer.status != 200:
        raise Unsupported(f"a system message is refused: {longer.summary}", exchange=longer)
    count, least = _usage(longer)["prompt_tokens"], _usage(short)["prompt_tokens"] + 0.85 * len(_COMMON_WORDS.split())
    require(count >= least, expected=f"at least {least:.0f}", got=count, exchange=longer)


@pytest.mark.clause("RSP-12")
def test_model__is_the_one_asked_for(endpoint: Endpoint) -> None:
    """The answer repeats the request's model."""
    for exchange in _answers(endpoint):
        wanted, found = endpoint.body()["model"], _object(exchange).get("model")
        require(found == wanted, expected=wanted, got=found, exchange=exchange)


@pytest.mark.clause("RSP-13")
def test_id__is_never_the_same(endpoint: Endpoint) -> None:
    """Two answers have two ids."""
    first, second = endpoint.seen.completion, endpoint.seen.second_answer
    if second.status != 200:
        raise Unsupported(f"no second answer: {second.summary}", exchange=second)
    ids = _object(first).get("id"), _object(second).get("id")
    require(ids[0] != ids[1], expected="two ids", got=f"{ids[0]} twice", exchange=second)


@pytest.mark.clause("RSP-14")
def test_whole_text__lacks_the_stop_sequence(endpoint: Endpoint) -> None:
    """A word of the text, asked for again as stop."""
    body = endpoint.body(**_repeatable(endpoint))
    word = stop_in(_text(endpoint.complete(body)))
    stopped = endpoint.complete({**body, "stop": word})
    text = _text(stopped)
    require(word not in text, expected=f"a text without {word!r}", got=repr(text), exchange=stopped)


@pytest.mark.clause("RSP-25")
def test_text_cut_by_max_tokens__is_short(endpoint: Endpoint) -> None:
    """Whatever usage says: two tokens are no page of text."""
    exchange = _cut(endpoint)
    found, most = len(_text(exchange)), FEW * LONGEST_TOKEN
    require(found <= most, expected=f"at most {most} characters", got=f"{found}", exchange=exchange)


@pytest.mark.clause("RSP-29")
def test_text_cut_by_max_tokens__counts_as_many(endpoint: Endpoint) -> None:
    """More than was allowed is billed, fewer is a limit that is not the one asked for."""
    cut = [(_cut(endpoint), FEW), (endpoint.seen.completion, endpoint.body()["max_tokens"]), *_cut_elsewhere(endpoint)]
    for exchange, most in cut:
        found = _usage(exchange)["completion_tokens"]
        if found > most or _choice(exchange).get("finish_reason") == "length":
            require_count(found, most, exchange)


@pytest.mark.clause("RSP-30")
def test_text_before_the_stop_sequence__stays(endpoint: Endpoint) -> None:
    """The text of the same request, up to the sequence, and no beginning of the sequence."""
    whole, word, stopped = _stopped(endpoint)
    require_kept(whole, word, _text(stopped), stopped)


@pytest.mark.clause("RSP-35")
def test_stop_sequence_that_does_not_occur__changes_nothing(endpoint: Endpoint) -> None:
    """The text's own words in the other case, and a pattern that would match every text."""
    body = endpoint.body(**_repeatable(endpoint))
    whole = _text(endpoint.complete(body))
    absent = [each for each in (stop_in(whole).swapcase(), ".*", "[A-Za-z]+") if each not in whole]
    exchange = endpoint.complete({**body, "stop": absent})
    require(_text(exchange) == whole, expected=repr(whole), got=repr(_text(exchange)), exchange=exchange)


@pytest.mark.clause("RSP-36")
def test_text_ended_by_a_stop_sequence__counts_fewer_tokens(endpoint: Endpoint) -> None:
    """Nobody pays for what was not made, or not given."""
    whole, word, stopped = _stopped(endpoint)
    more = endpoint.complete(endpoint.body(**_repeatable(endpoint)))
    goes_on = len(whole) > whole.index(word) + len(word) + LONGEST_TOKEN // 4
    if not (goes_on and whole.startswith(_text(stopped)) and _text(more) == whole):
        raise Unsupported("no text that would have gone on", exchange=stopped)
    found, most = _usage(stopped)["completion_tokens"], _usage(more)["completion_tokens"]
    require(found < most, expected=f"fewer than {most} completion tokens", got=f"{found}", exchange=stopped)


@pytest.mark.clause("RSP-26")
def test_text_ended_by_a_stop_sequence__says_stop(endpoint: Endpoint) -> None:
    """OpenAI's reference: stop if the model hit a natural stop point or a provided stop sequence."""
    body = endpoint.body(**_repeatable(endpoint))
    whole = _text(endpoint.complete(body))
    stopped = endpoint.complete({**body, "stop": stop_in(whole)})
    require_ended(_text(stopped), whole, stopped)
    reason = _choice(stopped).get("finish_reason")
    require(reason == "stop", expected="finish_reason stop", got=reason, exchange=stopped)


@pytest.mark.clause("RSP-27")
def test_each_stop_sequence_of_a_list__counts(endpoint: Endpoint) -> None:
    """Neither the first of the list occurs nor the last; of those between the later one stands first in the list."""
    body = endpoint.body(**_repeatable(endpoint))
    whole = _text(endpoint.complete(body))
    word, later = stop_in(whole), whole.split()[-1]
    stopped = endpoint.complete({**body, "stop": ["#~#~#", later, word, "~#~#~"]})
    text = _text(stopped)
    for each in (word, later):
        require(each not in text, expected=f"a text without {each!r}", got=repr(text), exchange=stopped)


@pytest.mark.clause("RSP-15")
def test_same_seed__gets_the_same_text(endpoint: Endpoint) -> None:
    """Twice the same request at temperature 0."""
    body = endpoint.body(**_repeatable(endpoint))
    first, second = endpoint.complete(body), endpoint.complete(body)
    require(_text(first) == _text(second), expected=repr(_text(first)), got=repr(_text(second)), exchange=second)


@pytest.mark.clause("RSP-33")
def test_seed__is_no_matter_of_temperature(endpoint: Endpoint) -> None:
    """Twice the same request at a high temperature; 0 is a seed like any other."""
    body = endpoint.body(**_hot(endpoint, 0))
    first, second = endpoint.complete(body), endpoint.complete(body)
    require(_text(first) == _text(second), expected=repr(_text(first)), got=repr(_text(second)), exchange=second)


@pytest.mark.clause("RSP-34")
def test_another_seed__gets_another_text(endpoint: Endpoint) -> None:
    """Three seeds at a high temperature, and not one text for all."""
    exchanges = [endpoint.complete(endpoint.body(**_hot(endpoint, seed))) for seed in (0, 1, 2)]
    texts = {_text(exchange) for exchange in exchanges}
    if len(min(texts, key=len)) < LONGEST_TOKEN // 2:
        raise Unsupported(f"a text too short to differ: {min(texts, key=len)!r}", exchange=exchanges[-1])
    require(len(texts) > 1, expected="more than one text", got=f"three times {texts}"[:200], exchange=exchanges[-1])


@pytest.mark.clause("RSP-17")
def test_default_max_tokens__bounds_the_completion(endpoint: Endpoint) -> None:
    """Without max_tokens the documented default holds, neither more nor less."""
    exchange = endpoint.complete(endpoint.body(max_tokens=...))
    found, most = _usage(exchange)["completion_tokens"], endpoint.operation.defaults["max_tokens"]
    require(found <= most, expected=f"at most {most} completion tokens", got=found, exchange=exchange)
    cut_early = found < most and _choice(exchange).get("finish_reason") == "length"
    require(not cut_early, expected=f"a text cut after {most} tokens", got=f"after {found}", exchange=exchange)


@pytest.mark.clause("RSP-19")
def test_whole_answer__keeps_the_schema(endpoint: Endpoint, oracle: Oracle) -> None:
    """Schemathesis has nothing against it."""
    for exchange in _answers(endpoint):
        departures = oracle.departures(endpoint.operation.dialect, exchange)
        require(not departures, expected="the contract's schema", got="; ".join(departures), exchange=exchange)


@pytest.mark.clause("RSP-20")
def test_tokens__are_counted(endpoint: Endpoint) -> None:
    """No text is made of no tokens."""
    for exchange in _answers(endpoint):
        usage, text = _usage(exchange), _text(exchange)
        require(usage["prompt_tokens"] > 0, expected="prompt tokens", got=usage, exchange=exchange)
        require(usage["completion_tokens"] > 0 or not text, expected="completion tokens", got=usage, exchange=exchange)


def _hot(endpoint: Endpoint, seed: int) -> dict[str, Any]:
    """A task with many answers, at a high temperature; the highest is a bound, which has its own clause."""
    high = 0.9 * endpoint.operation.request.properties["temperature"].get("maximum", 1)
    task = [{"role": "user", "content": "Write a short poem about something that nobody has ever written about."}]
    return {"messages": task, "seed": seed, "temperature": high, "max_tokens": ROOMY}


def _stopped(endpoint: Endpoint) -> tuple[str, str, Exchange]:
    """A whole text, a piece of it, and the answer to the same request with that for a stop sequence."""
    body = endpoint.body(**_repeatable(endpoint))
    whole = _text(endpoint.complete(body))
    word = stop_in(whole)
    return whole, word, endpoint.complete({**body, "stop": word})


def _cut_elsewhere(endpoint: Endpoint) -> list[tuple[Exchange, int]]:
    """Answers cut at other places: after one token, and among characters of several bytes; with how many they may have.

    Where completions are counted, one that was asked for already.
    """
    if endpoint.line.frugal:
        least, fewest = endpoint.seen.together("least request"), endpoint.operation.request.properties["max_tokens"]
        return [(least, fewest["minimum"])] if is_completion(least) and "minimum" in fewest else []
    one = endpoint.complete(endpoint.body(max_tokens=1))
    beyond = [{"role": "user", "content": f"Repeat exactly: {_BEYOND_ASCII}"}]
    return [(one, 1), (endpoint.complete(endpoint.body(messages=beyond, max_tokens=FEW)), FEW)]


def _repeatable(endpoint: Endpoint) -> dict[str, Any]:
    return {name: value for name, value in REPEATABLE.items() if name in endpoint.operation.request.properties}


def _cut(endpoint: Endpoint) -> Exchange:
    """The answer to a long task that max_tokens cuts, asked for once by all who look at it."""
    return endpoint.once("cut answer", lambda: endpoint.complete(_long_task(endpoint)))


def _long_task(endpoint: Endpoint) -> dict[str, Any]:
    return endpoint.body(messages=[{"role": "user", "content": _LONG_TASK}], max_tokens=FEW)
