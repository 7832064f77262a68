"""What the official client makes of each incident; its users' programs meet the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from tests.mock.conftest import Start

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
MESSAGES: Any = [{"role": "user", "content": "tell me a joke on cats"}]


class _Requests(list[httpx2.Request]):
    """The requests that a client sent, retries included."""

    @property
    def retries(self) -> list[str]:
        """How often the client says that it tried before."""
        return [request.headers["x-stainless-retry-count"] for request in self]


@contextmanager
def _client(address: str, incident: str, **options: Any) -> Iterator[tuple[OpenAI, _Requests]]:
    requests = _Requests()
    http_client = httpx2.Client(event_hooks={"request": [requests.append]}, timeout=options.get("timeout", 20))
    headers = {"X-Mock-Incident": incident}
    base_url = f"{address}/v1"
    with OpenAI(
        base_url=base_url, api_key="mock-valid", default_headers=headers, http_client=http_client, **options
    ) as client:
        yield client, requests


def _whole(client: OpenAI) -> Any:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES)


def _stream(client: OpenAI) -> Stream[ChatCompletionChunk]:
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 599])
def test_retryable_status__is_retried_to_the_answer(server: str, status: int) -> None:
    """Two refusals and then the answer, which is all that the caller sees."""
    with _client(server, f"{status}(retry_after=0)*2,ok;per=request") as (client, requests):
        assert client.chat.completions.create(model=MODEL, messages=MESSAGES, seed=status).choices
    assert requests.retries == ["0", "1", "2"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 406, 410, 422])
def test_other_status__is_not_retried(server: str, status: int) -> None:
    """Once is enough."""
    with _client(server, str(status)) as (client, requests), pytest.raises(openai.APIStatusError) as raised:
        _whole(client)
    assert (raised.value.status_code, len(requests)) == (status, 1)


def test_storm__outlasts_the_retries(server: str) -> None:
    """Then the caller gets the error with its envelope."""
    with _client(server, "429(retry_after=0)") as (client, requests), pytest.raises(openai.RateLimitError) as raised:
        _whole(client)
    assert (raised.value.code, len(requests)) == ("rate_limit_exceeded", 3)


def test_retry_after_beyond_two_minutes__is_not_waited_for(server: str) -> None:
    """Nor is there any retry."""
    with _client(server, "429(retry_after=121)*1,ok") as (client, requests), pytest.raises(openai.RateLimitError):
        _whole(client)
    assert len(requests) == 1


@pytest.mark.parametrize("incident", ["hangup*1,ok", "hangup(by=rst)*1,ok"])
def test_connection_lost_before_the_head__is_retried(start: Start, incident: str) -> None:
    """As a server that closes an idle connection just when it is used."""
    with _client(start(), incident) as (client, requests):
        assert _whole(client).choices
    assert requests.retries == ["0", "1"]


@pytest.mark.parametrize("incident", ["cut:by=fin", "cut:by=rst", "cut:by=chunk"])
def test_cut_stream__raises_after_the_good_chunks_and_is_not_retried(server: str, incident: str) -> None:
    """What came before it was delivered."""
    chunks = []
    with _client(server, incident) as (client, requests), pytest.raises(openai.APIConnectionError):  # noqa: PT012
        for chunk in _stream(client):
            chunks.append(chunk)  # noqa: PERF402  what came before the error counts
    assert (len(chunks), len(requests)) == (3, 1)


@pytest.mark.parametrize("incident", ["cut:by=fin", "cut:by=rst", "content-length:off=10"])
def test_cut_answer__is_retried_until_the_client_gives_up(server: str, incident: str) -> None:
    """A completion that was already billed is bought three times."""
    with _client(server, incident) as (client, requests), pytest.raises(openai.APIConnectionError):
        _whole(client)
    assert len(requests) == 3


@pytest.mark.parametrize(("envelope", "message"), [("openai", "ResourceExhausted"), ("bare", "error occurred")])
def test_error_event__raises_with_what_the_client_makes_of_it(server: str, envelope: str, message: str) -> None:
    """The text of a bare one is lost."""
    with (
        _client(server, f"error:envelope={envelope}") as (client, requests),
        pytest.raises(openai.APIError, match=message),
    ):
        list(_stream(client))
    assert len(requests) == 1


def test_problem_event__passes_for_a_chunk_without_choices(server: str) -> None:
    """No error is raised: who reads `chunk.choices[0]` gets a TypeError instead."""
    with _client(server, "error:envelope=problem") as (client, _):
        *_, last = _stream(client)
    assert last.choices is None


@pytest.mark.parametrize("incident", ["end", "no-finish", "no-done"])
def test_clean_early_end__raises_nothing(server: str, incident: str) -> None:
    """Who does not look for finish_reason takes a truncated text for a whole one."""
    with _client(server, incident) as (client, _):
        chunks = list(_stream(client))
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert (reasons[-1] is None) == (incident != "no-done")


@pytest.mark.parametrize(
    ("incident", "error"),
    [("malformed", ValueError), ("malformed:kind=utf8", UnicodeDecodeError), ("pings", ValueError)],
)
def test_event_that_it_cannot_read__raises_what_is_no_error_of_the_client(
    server: str, incident: str, error: type[Exception]
) -> None:
    """JSONDecodeError and UnicodeDecodeError pass its own classes; so does an event without data, which is legal."""
    with _client(server, incident) as (client, _), pytest.raises(error):
        list(_stream(client))


@pytest.mark.parametrize("incident", ["crlf", "comments", "no-space", "coalesce", "split", "split:at=utf8", "trickle"])
def test_framing__changes_nothing_for_the_caller(server: str, incident: str) -> None:
    """The text is that of a stream that nothing befell."""
    arguments = ":gap_ms=1" if incident in ("split", "trickle") else ""
    texts = []
    for asked in ("ok", incident + arguments):
        with _client(server, asked) as (client, _):
            texts.append("".join(chunk.choices[0].delta.content or "" for chunk in _stream(client)))
    assert texts[0] == texts[1]


def test_byte_order_mark__costs_the_first_chunk(server: str) -> None:
    """Silently; the text is whole, for that chunk has only the role."""
    with _client(server, "bom") as (client, _):
        first = next(iter(_stream(client)))
    assert first.choices[0].delta.role is None


def test_html_error__is_the_body(server: str) -> None:
    """No envelope, no code."""
    with (
        _client(server, "502(body=html)", max_retries=0) as (client, _),
        pytest.raises(openai.InternalServerError) as raised,
    ):
        _whole(client)
    assert raised.value.code is None
    assert "<h1>502 Bad Gateway</h1>" in str(raised.value.body)


@pytest.mark.parametrize("incident", ["stall:ms=60000", "delay:ms=60000"])
def test_silence__is_a_timeout(server: str, incident: str) -> None:
    """Before the head and amid the stream."""
    with _client(server, incident, timeout=0.3, max_retries=0) as (client, _), pytest.raises(openai.APITimeoutError):
        list(_stream(client))
