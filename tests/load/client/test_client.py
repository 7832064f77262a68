"""The client against a server that does what a test says."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from mixtral_contract.load.client.client import Client
from mixtral_contract.load.client.event_loop import Loop
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.client.resolver import Destination, tls_context
from mixtral_contract.load.reading.completion import Completion, read_completion
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.primitives.base_url import BaseUrl
from tests.support.scripted_stream_server import (
    CLOSE_HEAD,
    DONE,
    END,
    STREAM_HEAD,
    Close,
    Hang,
    Script,
    ScriptedServer,
    Sleep,
    Step,
    answer,
    chunk,
    event,
    stream,
    usage,
)

REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
STOP = event(finish="stop")


@contextmanager
def client_of(
    server: ScriptedServer, timeout_s: float = 20, tls: ssl.SSLContext | None = None, *, resends: bool = True
) -> Iterator[Client]:
    """A client of that server."""
    loop = Loop()
    client = Client(loop, Destination(BaseUrl.parse(server.url), tls), timeout_s, resends=resends)
    try:
        yield client
    finally:
        client.close()
        loop.close()


def perform(client: Client) -> tuple[Exchange, Completion]:
    """One exchange, and what it says as a stream."""
    exchange = Exchange(started_ns=0)
    client.perform(REQUEST, exchange)
    return exchange, read_completion(exchange, streamed=True)


def once(*script: Script, timeout_s: float = 20) -> tuple[Exchange, Completion]:
    """The first exchange with a server of that script."""
    with ScriptedServer(lambda number: script[number]) as server, client_of(server, timeout_s) as client:
        return perform(client)


def test_chunked_stream__is_stamped_as_it_comes() -> None:
    """Events that were sent apart have stamps as far apart, in the order in which they happened."""
    exchange, completion = once(stream(3, ttft_s=0.05, itl_s=0.05))
    assert completion.outcome is Outcome.OK
    assert completion.completion_tokens == 3
    (first, _), (second, _), (third, _) = completion.content
    assert exchange.sent_ns is not None
    assert exchange.end_ns is not None
    assert exchange.first_byte_ns is not None
    assert exchange.sent_ns <= exchange.first_byte_ns < first < second < third <= exchange.end_ns
    # the server slept at least so long before each
    assert first - exchange.sent_ns >= 50_000_000
    assert third - exchange.sent_ns >= 150_000_000


def test_close_delimited_stream__is_read_to_its_end() -> None:
    """Without a length the connection's end is the answer's end."""
    body = event({"content": "a"}) + STOP + DONE
    exchange, completion = once([CLOSE_HEAD, body[:9], Sleep(0.01), body[9:], Close()])
    assert completion.outcome is Outcome.OK
    assert not exchange.reusable


def test_events_of_one_recv__share_its_stamp() -> None:
    """What the network delivered together was not measured apart."""
    together = chunk(event({"content": "a"})) + chunk(event({"content": "b"}) + event({"content": "c"}))
    _, completion = once([STREAM_HEAD + together + chunk(STOP + DONE) + END])
    assert [count for _, count in completion.content] == [3]


def test_character_cut_in_two__is_whole_again() -> None:
    """A chunk may end inside a character, and a recv inside a chunk."""
    text = event({"content": "日本"})
    cut = text.index("本".encode()) + 1
    wire = chunk(text[:cut]) + chunk(text[cut:])
    _, completion = once([STREAM_HEAD, wire[:-5], Sleep(0.02), wire[-5:] + chunk(STOP + DONE) + END])
    assert completion.outcome is Outcome.OK
    assert len(completion.content) == 1


def test_usage_tail__gives_the_tokens() -> None:
    """The last event of a stream with include_usage has no choice."""
    wire = chunk(event({"content": "a"})) + chunk(STOP) + chunk(event(usage=usage(42))) + chunk(DONE) + END
    assert once([STREAM_HEAD + wire])[1].completion_tokens == 42


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ([STREAM_HEAD + chunk(event({"content": "a"})), Close()], Outcome.TRUNCATED),
        ([STREAM_HEAD + chunk(event({"content": "a"})), Sleep(0.05), Close(reset=True)], Outcome.TRUNCATED),
        ([STREAM_HEAD + b"zz\r\n"], Outcome.TRUNCATED),
        ([CLOSE_HEAD + event({"content": "a"}), Close()], Outcome.TRUNCATED),
        ([STREAM_HEAD + chunk(b'data: {"error": {"message": "x"}}\n\n') + END], Outcome.ERROR_EVENT),
        ([STREAM_HEAD + chunk(b"data: {\n\n") + END], Outcome.MALFORMED),
        ([answer("200 OK", b"<html></html>", content_type="text/html")], Outcome.WRONG_CONTENT_TYPE),
        ([answer("429 Too Many Requests", b"{}", "Retry-After: 3")], Outcome.RATE_LIMITED),
        ([answer("500 Oops", b"x")], Outcome.HTTP_ERROR),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], Outcome.CONNECTION_ERROR),
        ([Close()], Outcome.CONNECTION_ERROR),
        ([Close(reset=True)], Outcome.CONNECTION_ERROR),
    ],
)
def test_broken_answer__has_its_outcome(script: Script, outcome: Outcome) -> None:
    """Nothing that a server does raises; all of it is counted."""
    exchange, completion = once(script)
    assert completion.outcome is outcome
    assert exchange.end_ns is not None


def test_retry_after__is_kept() -> None:
    """Whoever pauses needs it."""
    exchange, _ = once([answer("429 Too Many Requests", b"{}", "Retry-After: 3")])
    assert exchange.headers["retry-after"] == "3"


@pytest.mark.parametrize("script", [[Hang()], [STREAM_HEAD + chunk(event({"content": "a"})), Hang()]])
def test_silence__is_a_timeout(script: Script) -> None:
    """Before the first byte as well as after it."""
    _, completion = once(script, timeout_s=0.2)
    assert completion.outcome is Outcome.TIMEOUT


def test_endless_stream__is_a_timeout() -> None:
    """The time is that of the whole request: bytes that keep coming do not extend it."""
    drip: list[Step] = [chunk(event({"content": "a"})), Sleep(0.05)]
    script: Script = [STREAM_HEAD, *drip * 100]
    _, completion = once(script, timeout_s=0.3)
    assert completion.outcome is Outcome.TIMEOUT
    assert completion.content


def test_nobody_there__is_a_connection_error() -> None:
    """A refused connection was never sent on."""
    with ScriptedServer(lambda _: []) as server:
        url = server.url
    client = Client(Loop(), Destination(BaseUrl.parse(url)), 5)
    exchange, completion = perform(client)
    assert completion.outcome is Outcome.CONNECTION_ERROR
    assert exchange.sent_ns is None


def test_connection__is_kept() -> None:
    """The second request has nothing to connect to."""
    with ScriptedServer(lambda _: stream(1)) as server, client_of(server) as client:
        first, second = perform(client), perform(client)
        assert server.connections == 1
    assert first[0].connect_ns is not None
    assert second[0].connect_ns is None
    assert second[1].outcome is Outcome.OK


@pytest.mark.parametrize("close", [Close(), Close(reset=True)])
def test_request_on_a_connection_just_closed__is_sent_again(close: Close) -> None:
    """The server ends a kept connection while a request is on its way: it leaves once more, and says so."""
    with (
        ScriptedServer(lambda number: [close] if number == 1 else stream(1)) as server,
        client_of(server) as client,
    ):
        first, second = perform(client), perform(client)
        assert server.connections == 2
        assert len(server.requests) == 3
    assert (first[0].sent_again, first[1].outcome) == (False, Outcome.OK)
    assert (second[0].sent_again, second[1].outcome) == (True, Outcome.OK)
    assert second[0].connect_ns is not None


@pytest.mark.parametrize("close", [Close(), Close(reset=True)])
def test_request_that_may_be_billed__is_not_sent_again(close: Close) -> None:
    """Nobody knows whether the server has begun to answer it, and to bill it."""
    with (
        ScriptedServer(lambda number: [close] if number == 1 else stream(1)) as server,
        client_of(server, resends=False) as client,
    ):
        perform(client)
        exchange, completion = perform(client)
        assert len(server.requests) == 2
        assert perform(client)[1].outcome is Outcome.OK
    assert completion.outcome is Outcome.UNANSWERED
    assert not exchange.sent_again


def test_closed_without_an_answer__is_sent_again_once_only() -> None:
    """What happens on a new connection is the server's answer to it."""
    with ScriptedServer(lambda number: stream(1) if number == 0 else [Close()]) as server, client_of(server) as client:
        perform(client)
        _, completion = perform(client)
        assert len(server.requests) == 3
    assert completion.outcome is Outcome.CONNECTION_ERROR


@pytest.mark.parametrize(
    "script",
    [
        [answer("200 OK", b"{}", "Connection: close")],
        [answer("200 OK", b"{}"), Sleep(0.05), Close()],
        [STREAM_HEAD + chunk(b"a"), Close()],
        [answer("200 OK", b"{}") + b"HTTP/1.1 408 Timeout\r\n\r\n"],
        [answer("200 OK", b"{}") + b"\0"],
    ],
)
def test_connection_that_is_over__is_not_used_again(script: Script) -> None:
    """Whether the server said so, closed it without a word, or sent what nobody asked for."""
    with ScriptedServer(lambda number: script if number == 0 else stream(1)) as server, client_of(server) as client:
        perform(client)
        assert server.has_closed.wait(5)
        _, completion = perform(client)
        assert completion.outcome is Outcome.OK
        assert server.connections == 2


def test_long_request__is_sent_in_parts() -> None:
    """More than a socket's buffer holds leaves while the loop goes on."""
    body = json.dumps({"x": "y" * 20_000_000}).encode()
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    with ScriptedServer(lambda _: stream(1)) as server, client_of(server) as client:
        exchange = Exchange(started_ns=0)
        client.perform(request, exchange)
        assert len(server.requests[0].body["x"]) == 20_000_000
    assert read_completion(exchange, streamed=True).outcome is Outcome.OK
    assert exchange.reusable


def test_refusal_before_the_request_has_left__is_read() -> None:
    """A server that has seen enough answers and closes; what it said is the outcome, not the broken pipe."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=refuse_early, args=(listener,))
        thread.start()
        loop = Loop()
        client = Client(loop, Destination(BaseUrl.parse(f"http://127.0.0.1:{listener.getsockname()[1]}")), 20)
        exchange = Exchange(started_ns=0)
        client.perform(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n" + bytes(50_000_000), exchange)
        thread.join(20)
    assert exchange.status == 413


def refuse_early(listener: socket.socket) -> None:
    """Answers the first bytes of a request with 413, and closes with the rest unread: a reset follows the answer."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(answer("413 Too Large", b"{}", "Connection: close"))


def test_name_with_several_addresses__takes_the_one_that_answers() -> None:
    """A name may be ::1 first; the next connection does not try in vain again."""
    with ScriptedServer(lambda _: [*stream(1)[:-1], stream(1)[-1], Close()]) as server:
        destination = Destination(BaseUrl.parse(server.url))
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            closed = nobody.getsockname()
        answering = (socket.AF_INET, ("127.0.0.1", server.port))
        destination.addresses = ((socket.AF_INET, closed), answering)
        client = Client(Loop(), destination, 20)
        assert perform(client)[1].outcome is Outcome.OK
        client.close()
    assert destination.addresses[0] == answering


def test_unknown_name__is_a_connection_error() -> None:
    """Looked up by the first request, which says so."""
    client = Client(Loop(), Destination(BaseUrl.parse("http://nobody.invalid")), 20)
    _, completion = perform(client)
    assert completion.outcome is Outcome.CONNECTION_ERROR
    assert "gaierror" in (completion.detail or "")


def test_exchanges_at_once__do_not_wait_for_each_other() -> None:
    """Fifty streams on one loop, begun together: each takes its own time, none that of the others."""
    with ScriptedServer(lambda _: stream(3, ttft_s=0.2)) as server:
        loop, destination = Loop(), Destination(BaseUrl.parse(server.url))
        clients = [Client(loop, destination, 20) for _ in range(50)]
        exchanges = [Exchange(started_ns=0) for _ in clients]
        gevent.joinall([gevent.spawn(c.perform, REQUEST, e) for c, e in zip(clients, exchanges, strict=True)])
        for client in clients:
            client.close()
    assert all(read_completion(each, streamed=True).outcome is Outcome.OK for each in exchanges)
    begun = [each.sent_ns or 0 for each in exchanges]
    ended = [each.end_ns or 0 for each in exchanges]
    # one after the other they would take 10 s
    assert max(ended) - min(begun) < 5_000_000_000


def test_tls__is_verified(tmp_path: Path) -> None:
    """A certificate of an authority that nobody trusts is an error; one that is trusted is not."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    with ScriptedServer(lambda _: stream(2), tls=serving) as server:
        with client_of(server) as stranger:
            _, completion = perform(stranger)
        trusting = gevent_context(certificate)
        with client_of(server, tls=trusting) as friend:
            assert perform(friend)[1].outcome is Outcome.OK
            assert perform(friend)[1].outcome is Outcome.OK
    assert completion.outcome is Outcome.CONNECTION_ERROR
    assert "certificate verify failed" in (completion.detail or "")
    assert server.connections == 2


def gevent_context(certificate: Path) -> ssl.SSLContext:
    """What the client makes of the file that SSL_CERT_FILE names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        context: ssl.SSLContext = tls_context()
        return context
