"""STR: the text of a stream, whole, cut or ended."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import LONG_TASK, cut_stream, long_task, repeatable
from mixtral_contract.suite.target.shared_answers import LONG_STREAM
from mixtral_contract.suite.verdicts.stream_fields import whole_text
from mixtral_contract.suite.verdicts.text_limits import (
    FEW,
    LONGEST_TOKEN,
    REPEATABLE,
    ROOMY,
    is_brief,
    require_cut,
    require_ended,
    require_kept,
    require_same,
    same_again,
    stop_in,
)
from mixtral_contract.suite.verdicts.verdict import Unsupported, Violation, require

_FEW = 3
_LONG_TEXT = 80
"""Characters of an answer that no one delta holds."""


@pytest.mark.clause("STR-04")
def test_deltas_joined__are_the_whole_text(endpoint: Endpoint) -> None:
    """The same request, streamed and not; where that costs nothing a long text too."""
    for changes in ({}, LONG_STREAM)[: 1 if endpoint.client.frugal else 2]:
        body = endpoint.body(**REPEATABLE, **changes)
        text = whole_text(endpoint.complete(body).json)
        stream = endpoint.stream({**body, "stream": True})
        if stream.text != text:
            # a model that says something else each time breaks no stream; one that breaks streams does so again
            stream = endpoint.stream({**body, "stream": True})
            same_again(whole_text(endpoint.complete(body).json), text, stream.exchange)
        require_same(text, stream.text, stream.exchange)


@pytest.mark.clause("STR-25")
def test_deltas__are_parts_and_no_running_text(endpoint: Endpoint) -> None:
    """Each content is what was added, not all that was said so far."""
    said = {stream: [content for content in stream.contents if content] for stream in endpoint.seen.streams}
    telling = {stream: contents for stream, contents in said.items() if len(contents) >= _FEW}
    if not telling:
        raise Unsupported(f"{max(map(len, said.values()))} contents are too few to tell")
    for stream, contents in telling.items():
        running = all(after.startswith(before) for before, after in pairwise(contents))
        require(not running, expected="partial deltas", got=repr(contents[:3]), exchange=stream.exchange)


@pytest.mark.clause("STR-26")
def test_long_answer__comes_in_more_than_one_delta(endpoint: Endpoint) -> None:
    """A gateway that asks for a whole answer and sends it as one event streams nothing."""
    stream = endpoint.stream(repeatable(endpoint, stream=True, messages=LONG_TASK, max_tokens=64))
    contents = [content for content in stream.contents if content]
    if len(stream.text) < _LONG_TEXT:
        raise Unsupported(f"{len(stream.text)} characters are too few to tell", exchange=stream.exchange)
    got = f"{len(stream.text)} characters in one"
    require(len(contents) > 1, expected="partial deltas", got=got, exchange=stream.exchange)


@pytest.mark.clause("STR-10")
def test_max_tokens__bounds_the_stream(endpoint: Endpoint) -> None:
    """A cut stream says length."""
    stream = cut_stream(endpoint)
    reasons = stream.finish_reasons
    if reasons == ["stop"] and is_brief(stream.text):
        require_cut(stream.text, endpoint.stream(long_task(endpoint, ROOMY, stream=True)).text, stream.exchange)
    cut = bool(reasons) and all(reason == "length" for reason in reasons)
    require(cut, expected="finish_reason length", got=reasons, exchange=stream.exchange)


@pytest.mark.clause("STR-28")
def test_text_of_a_cut_stream__is_short(endpoint: Endpoint) -> None:
    """Whatever finish_reason says: two tokens are no page of text."""
    stream = cut_stream(endpoint)
    found, most = len(stream.text), FEW * LONGEST_TOKEN
    require(found <= most, expected=f"at most {most} characters", got=f"{found}", exchange=stream.exchange)


@pytest.mark.clause("STR-11")
def test_streamed_text__lacks_the_stop_sequence(endpoint: Endpoint) -> None:
    """A piece of two words, which lies across two tokens; alone, and in a list."""
    _, stop, stream = _stopped(endpoint)
    streams = [stream]
    if not endpoint.client.frugal:
        streams.append(endpoint.stream({**repeatable(endpoint, stream=True), "stop": [stop, "#~#~#"]}))
    for each in streams:
        require(stop not in each.text, expected=f"no {stop!r}", got=repr(each.text), exchange=each.exchange)


@pytest.mark.clause("STR-30")
def test_streamed_text_before_the_stop_sequence__stays(endpoint: Endpoint) -> None:
    """Also what was held back, for it might have begun the sequence; and no beginning of the sequence."""
    whole, stop, stream = _stopped(endpoint)
    try:
        require_kept(whole, stop, stream.text, stream.exchange)
    except Violation:
        same_again(endpoint.stream(repeatable(endpoint, stream=True)).text, whole, stream.exchange)
        raise


@pytest.mark.clause("STR-31")
def test_stream_ended_by_a_stop_sequence__says_stop(endpoint: Endpoint) -> None:
    """OpenAI's reference: stop if the model hit a natural stop point or a provided stop sequence."""
    whole, _, stream = _stopped(endpoint)
    require_ended(stream.text, whole, stream.exchange)
    reasons = stream.finish_reasons
    if not reasons:
        raise Unsupported("no finish_reason, which has its own clause", exchange=stream.exchange)
    stopped = all(reason == "stop" for reason in reasons)
    require(stopped, expected="finish_reason stop", got=reasons, exchange=stream.exchange)


def _stopped(endpoint: Endpoint) -> tuple[str, str, Stream]:
    """A streamed text, a piece of it, and the stream of the same request with that for a stop sequence."""
    body = repeatable(endpoint, stream=True)
    whole = endpoint.stream(body).text
    stop = stop_in(whole)
    return whole, stop, endpoint.stream({**body, "stop": stop})
