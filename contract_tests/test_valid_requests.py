"""REQ: what must be accepted."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mixtral_contract.suite.generation import strategies
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.combined_requests import DISPUTED
from mixtral_contract.suite.target.endpoint import Endpoint, speaks_of_choices
from mixtral_contract.suite.verdicts.verdict import (
    Info,
    NotRun,
    Tolerable,
    Unsupported,
    Violation,
    require,
)

_PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="
_HELLO = "Say hello in one word."


def _user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def _prompt_tokens(exchange: Exchange) -> int:
    usage = exchange.json.get("usage") if isinstance(exchange.json, dict) else None
    if not isinstance(usage, dict) or not isinstance(usage.get("prompt_tokens"), int):
        raise Unsupported("no usage.prompt_tokens to compare", exchange=exchange)
    return int(usage["prompt_tokens"])


@pytest.mark.clause("REQ-01")
def test_documented_examples__are_answered(endpoint: Endpoint) -> None:
    """Each example of the contract gets a 200."""
    for body in endpoint.operation.examples.values():
        named = {**body, "model": endpoint.target.model} if endpoint.target.model and "model" in body else body
        endpoint.complete(named)


@pytest.mark.clause("REQ-02")
def test_one_user_message__is_answered(endpoint: Endpoint) -> None:
    """The simplest request gets a 200."""
    exchange = endpoint.seen.answer
    endpoint.settle(exchange)
    if exchange.status in (404, 410):
        endpoint.seen.completion  # noqa: B018  raises that the model is gone
    completed = speaks_of_choices(exchange)
    require(completed, expected="200 and a completion", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-03")
def test_system_message__is_accepted(endpoint: Endpoint) -> None:
    """A system message may come first."""
    endpoint.complete(endpoint.body(messages=[{"role": "system", "content": "Be brief."}, _user(_HELLO)]))


@pytest.mark.clause("REQ-04")
def test_text_parts__are_accepted(endpoint: Endpoint) -> None:
    """Content may be an array of text parts."""
    endpoint.complete(endpoint.body(messages=[_user([{"type": "text", "text": _HELLO}])]))


@pytest.mark.clause("REQ-05")
def test_text_part__costs_what_the_string_costs(endpoint: Endpoint) -> None:
    """Both forms of one text have equal prompt_tokens."""
    whole = endpoint.complete(endpoint.body(messages=[_user(_HELLO)]))
    parts = endpoint.ask(endpoint.body(messages=[_user([{"type": "text", "text": _HELLO}])]))
    endpoint.settle(parts)
    if parts.status != 200:
        raise Unsupported(f"parts are refused: {parts.summary}", exchange=parts)
    counts = _prompt_tokens(whole), _prompt_tokens(parts)
    require(counts[0] == counts[1], expected=f"{counts[0]} prompt tokens", got=f"{counts[1]}", exchange=parts)


@pytest.mark.clause("REQ-06")
def test_image__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: refused, counted, or ignored."""
    text = {"type": "text", "text": "What is in this image?"}
    plain = endpoint.ask(endpoint.body(messages=[_user([text])]))
    seen = endpoint.ask(endpoint.body(messages=[_user([text, {"type": "image_url", "image_url": {"url": _PIXEL}}])]))
    if plain.status == 200 and seen.status == 200:
        grown = _prompt_tokens(seen) - _prompt_tokens(plain)
        raise Info(f"accepted, {grown} prompt tokens more" if grown else "accepted and not counted", exchange=seen)
    raise Info(seen.summary, exchange=seen)


@pytest.mark.clause("REQ-07")
def test_messages_alone__are_answered(endpoint: Endpoint) -> None:
    """Every other field has a default."""
    required = {name: value for name, value in endpoint.body().items() if name in endpoint.operation.request.required}
    if endpoint.target.model:
        raise Unsupported(f"the model to ask for is {endpoint.target.model}, not the default")
    endpoint.complete(required)


@pytest.mark.clause("REQ-08")
def test_missing_model__is_the_default(endpoint: Endpoint) -> None:
    """The documented default answers."""
    endpoint.complete(endpoint.body(model=...))


@pytest.mark.clause("REQ-09")
@given(data=st.data())
def test_numbers_within_bounds__are_accepted(endpoint: Endpoint, data: st.DataObject) -> None:
    """Each bound itself, the default, then numbers between, for every field whose bounds a document prints."""
    request = endpoint.operation.request
    for name, raw in request.properties.items():
        bounds = [raw[keyword] for keyword in ("minimum", "maximum") if keyword in raw]
        if bounds and "x-source" in raw:
            between: list[object] = []
            if not endpoint.target.paid:
                default = [raw["default"]] if "default" in raw else []
                between = [*default, data.draw(strategies.within(request.field(name)), label=name)]
            for value in (*bounds, *between):
                if (name, value) not in DISPUTED:
                    endpoint.complete(endpoint.body(**{name: value}))


@pytest.mark.clause("REQ-10")
def test_top_p_of_0__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: accepted, or refused and with what."""
    exchange = endpoint.ask(endpoint.body(top_p=0))
    raise Info("accepted" if exchange.status == 200 else exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-11")
def test_stop__is_accepted_as_string_and_as_list(endpoint: Endpoint) -> None:
    """Both documented forms get a 200."""
    endpoint.complete(endpoint.body(stop="###"))
    endpoint.complete(endpoint.body(stop=["###", "END"]))
    if not endpoint.client.frugal:
        endpoint.complete(endpoint.body(stop=["###"]))


@pytest.mark.clause("REQ-12")
def test_null__stands_for_an_absent_field(endpoint: Endpoint) -> None:
    """Every optional field may be null at once."""
    request = endpoint.operation.request
    optional = [name for name in request.properties if name not in request.required]
    endpoint.complete(endpoint.body(**{name: None for name in optional if request.field(name).is_valid(None)}))


@pytest.mark.clause("REQ-13")
def test_unknown_field__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: accepted, or refused and with what."""
    exchange = endpoint.ask(endpoint.body(no_document_names_this=1))
    raise Info("accepted" if exchange.status == 200 else exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-14")
def test_whole_number_with_a_fraction_of_zero__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: 5.0 is an integer in JSON Schema, and none in many languages."""
    exchange = endpoint.ask(endpoint.body(max_tokens=5.0))
    raise Info("accepted" if exchange.status == 200 else exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-15")
@given(text=strategies.texts())
@example(text="\U0001f408 \U00020bb7")
@example(text='"\\\b\f\n\r\t\u2028\u2029\u0000')
@example(text="\u05e9\u05dc\u05d5\u05dd \u202eabc \u0301\u0301\u0301")
@example(text="\ue000\uf8ff \ufdd0 \ufffe \U0010ffff")
@example(text="")
def test_any_unicode_text__is_processed(endpoint: Endpoint, text: str) -> None:
    """RFC 8259 section 8.1: JSON text is Unicode; a 5xx is the server's failure on it, a 4xx a limit of its own."""
    endpoint.seen.completion  # noqa: B018  a server that always fails is not to be blamed on the text
    exchange = endpoint.ask(endpoint.body(messages=[_user(text)]))
    require((exchange.status or 0) < 500, expected=f"200 for {text!r}", got=exchange.summary, exchange=exchange)
    if exchange.status != 200:
        raise Tolerable(exchange.summary, expected=f"200 for {text!r}", exchange=exchange)


@pytest.mark.clause("REQ-16")
def test_two_user_messages__never_make_it_fail(endpoint: Endpoint) -> None:
    """Accepted or refused, but no 5xx."""
    exchange = endpoint.ask(endpoint.body(messages=[_user("hello"), _user(_HELLO)]))
    require((exchange.status or 0) < 500, expected="200 or a 4xx", got=exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-17")
def test_assistant_last__what_becomes_of_it(endpoint: Endpoint) -> None:
    """Recorded: accepted, or refused and with what."""
    messages = [_user(_HELLO), {"role": "assistant", "content": "Hel"}]
    exchange = endpoint.ask(endpoint.body(messages=messages))
    raise Info("accepted" if exchange.status == 200 else exchange.summary, exchange=exchange)


@pytest.mark.clause("REQ-18")
@given(messages=strategies.conversations())
@example(messages=[{"role": ("user", "assistant")[i % 2], "content": f"{i}"} for i in range(7)])
def test_alternating_conversation__is_accepted(endpoint: Endpoint, messages: list[dict[str, str]]) -> None:
    """Any number of turns, the user first and last."""
    endpoint.complete(endpoint.body(messages=messages))


@pytest.mark.clause("REQ-19")
def test_prompt_beyond_the_window__is_refused(endpoint: Endpoint) -> None:
    """As the client's fault: a gateway that answers 500 is asked again and again."""
    if endpoint.target.paid:
        raise NotRun("a prompt that long is not sent where it may be billed")
    window = endpoint.operation.models[0].context_window or 0
    messages = [_user("cat " * (window + window // 8))]
    exchange = endpoint.ask(endpoint.body(messages=messages))
    endpoint.seen.completion  # noqa: B018  a server that always fails is not to be blamed on the length
    refused = 400 <= (exchange.status or 0) < 500
    require(refused, expected="a 4xx", got=f"{exchange.summary} for {window} tokens and more", exchange=exchange)


@pytest.mark.clause("REQ-23")
def test_long_prompt_within_the_window__is_accepted(endpoint: Endpoint) -> None:
    """A sixteenth of the window; a gateway with a limit of its own on bodies refuses what the model takes."""
    if endpoint.target.paid:
        raise NotRun("a prompt that long is not sent where it may be billed")
    window = endpoint.operation.models[0].context_window or 0
    endpoint.complete(endpoint.body(messages=[_user("cat " * (window // 16) + _HELLO)]))


@pytest.mark.clause("REQ-20")
@example(text='"\\ud83d"')
@example(text='"\\udc08 a"')
@given(text=st.sampled_from(['"a \\ud800"', '"\\udfff\\ud83d"']))
def test_half_of_a_surrogate_pair__never_makes_it_fail(endpoint: Endpoint, text: str) -> None:
    """RFC 8259 section 8.2: the grammar lets it in, and what a receiver does is unpredictable; a 5xx is its failure."""
    if endpoint.target.paid:
        raise NotRun("a server that takes it for a text would bill its completion")
    endpoint.seen.completion  # noqa: B018  a server that always fails is not to be blamed on the text
    raw = json.dumps(endpoint.body(messages=[_user("TEXT")])).replace('"TEXT"', text)
    exchange = endpoint.ask(raw=raw.encode())
    if (exchange.status or 0) >= 500:
        raise Violation(f"{exchange.summary} for {text}", expected="no 5xx", exchange=exchange)


@pytest.mark.clause("REQ-21")
def test_json__is_read_in_every_notation(endpoint: Endpoint) -> None:
    """RFC 8259 sections 2, 6 and 7: space around each token, escapes in any string, exponents in numbers."""
    spaced = json.dumps(endpoint.body(), separators=(" ,\r\n", " :\t "))
    endpoint.complete(raw=f"\r\n\t {spaced} \n".encode())
    escaped = json.dumps(endpoint.body()).replace('"messages"', '"\\u006dessages"')
    endpoint.complete(raw=escaped.encode())
    if "temperature" in endpoint.operation.request.properties:
        number = json.dumps(endpoint.body(temperature=5)).replace('"temperature": 5', '"temperature": 5E-1')
        endpoint.complete(raw=number.encode())


@pytest.mark.clause("REQ-22")
def test_members__are_read_in_any_order(endpoint: Endpoint) -> None:
    """RFC 8259 section 4: an object is an unordered collection."""
    message = {"content": _HELLO, "role": "user"}
    body = endpoint.body(messages=[message])
    endpoint.complete(dict(reversed(body.items())))
