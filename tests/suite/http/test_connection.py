from __future__ import annotations

import gzip
import os
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from mixtral_contract.suite.http import connection
from mixtral_contract.suite.http.exchange import Exchange, Request
from tests.support.other_http import other_server
from tests.support.other_server import CHAT, Style
from tests.support.scripted_server import serving

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _send(url: str, *, timeout_s: float = 5.0) -> Exchange:
    return connection.send(Request("POST", f"{url}/v1/x?a=b", (("X-Api-Key", "k"),), b"{}"), timeout_s=timeout_s)


def test_request__is_sent_as_it_is() -> None:
    """The case of header names is part of what is tested."""
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as script:
        _send(script.url)
    head, _, body = script.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/x?a=b HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-Api-Key: k" in head
    assert body == b"{}"


def test_answer__is_taken_whole() -> None:
    """Status, headers with their case, body, the head as received."""
    with serving(OK + b"Content-Length: 2\r\n\r\n", b"{}") as script:
        exchange = _send(script.url)
    assert (exchange.status, exchange.ending, exchange.body) == (200, "complete", b"{}")
    assert exchange.headers[0] == ("Content-Type", "application/json")
    assert exchange.raw_head == OK + b"Content-Length: 2\r\n\r\n"
    assert exchange.media_type == "application/json"
    assert exchange.head_ns is not None
    assert exchange.sent_ns < exchange.head_ns <= exchange.end_ns


def test_chunked_body__is_decoded() -> None:
    """Whatever way the chunks are cut."""
    raw = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with serving(raw[:70], raw[70:84], raw[84:]) as script:
        exchange = _send(script.url)
    assert (exchange.body, exchange.ending) == (b"abcde", "complete")


@pytest.mark.parametrize(
    ("raw", "ending", "status"),
    [
        (OK + b"Content-Length: 5\r\n\r\nabc", "truncated", 200),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "truncated", 200),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\nabc\r\n", "malformed", 200),
        (OK + b"\r\nabc", "complete", 200),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed", None),
        (b"", "truncated", None),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", "complete", 200),
    ],
)
def test_ending__says_how_the_body_ended(raw: bytes, ending: str, status: int | None) -> None:
    """What was received before the end is kept."""
    with serving(raw) as script:
        exchange = _send(script.url)
    assert (exchange.ending, exchange.status) == (ending, status)


def test_reset__is_truncated() -> None:
    """RST in the middle of a body."""
    with serving(OK + b"Content-Length: 5\r\n\r\nabc", reset=True) as script:
        exchange = _send(script.url)
    assert exchange.ending == "truncated"


def test_silence__times_out() -> None:
    """The pieces that came are kept."""
    with serving(OK + b"Content-Length: 5\r\n\r\nabc", hang=True) as script:
        exchange = _send(script.url, timeout_s=0.2)
    assert (exchange.ending, exchange.status, exchange.body) == ("timeout", 200, b"abc")


def test_nobody_there__is_refused() -> None:
    """No connection, no status, no exception."""
    with serving() as script:
        url = script.url
    exchange = _send(url)
    assert (exchange.ending, exchange.status) == ("refused", None)
    assert exchange.summary.startswith("no answer (refused")


def test_shown__never_holds_the_key() -> None:
    """Neither the request, nor an answer that repeats it, nor the command line."""
    with serving(OK + b"Content-Length: 13\r\n\r\nyou sent s3cr") as script:
        request = Request(
            "POST", f"{script.url}/?api_key=s3cr", (("Authorization", "Bearer s3cr"),), b"{}", secrets=("s3cr",)
        )
        exchange = connection.send(request)
    shown = exchange.shown()
    assert "s3cr" not in "".join((*shown.values(), exchange.summary))
    assert "'Authorization: Bearer '\"$API_KEY\"" in shown["curl"]
    assert "Authorization: Bearer ***" in shown["request"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages": "it\'s \\"caf\xc3\xa9\\" for 100 %\\n"}',
        b'{"messages": "\xff\xfe"}',
        b"\0\r\n\t",
        b"-%s 'x' \\n",
        b"@/etc/hostname",
        b'{"key": "s3cr3t"}',
        b"\xffs3cr3t\xff",
        b"",
    ],
)
def test_command_line__repeats_every_byte(body: bytes) -> None:
    """In any shell, and the key is put in wherever it stood."""
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as script:
        url = f"{script.url}/x?api_key=s3cr3t&a='b'"
        headers = (("Authorization", "Bearer s3cr3t"), ("Accept", "*/*"), ("X-Odd", 's3cr3tx "$HOME" `id`'))
        line = Request("POST", url, headers, body, secrets=("s3cr3t",)).curl()
        subprocess.run(["sh", "-c", line], env={**os.environ, "API_KEY": "s3cr3t"}, check=True, capture_output=True)
    assert "s3cr3t" not in line
    head, _, received = script.received[0].partition(b"\r\n\r\n")
    assert received == body
    assert head.startswith(b"POST /x?api_key=s3cr3t&a='b' HTTP/1.1\r\n")
    assert b"Bearer s3cr3t\r\n" in head
    assert b's3cr3tx "$HOME" `id`' in head
    assert b"content-type" not in head.lower()


def test_command_line_of_a_head__waits_for_no_body() -> None:
    """With -X HEAD curl would wait for as many bytes as Content-Length says."""
    with serving(OK + b"Content-Length: 2\r\n\r\n") as script:
        line = Request("HEAD", script.url).curl()
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=20)
    assert script.received[0].startswith(b"HEAD ")


def test_body_too_long_for_a_line__is_a_file_to_it(tmp_path: Path) -> None:
    """Which comes along: half a body would be another request."""
    body = b"[" * 9_000 + bytes(range(256))
    with serving(OK + b"Content-Length: 2\r\n\r\nok") as script:
        told = Exchange(Request("POST", script.url, body=body), 200).shown()
        (tmp_path / told["body_file"]).write_bytes(b64decode(told["body"]))
        subprocess.run(["sh", "-c", told["curl"]], check=True, capture_output=True, timeout=20, cwd=tmp_path)
    assert script.received[0].endswith(b"\r\n\r\n" + body)
    assert "in the folder of the report" in told["curl"]
    assert told["request"].endswith("characters more]")


def test_long_body__does_not_hold_the_key() -> None:
    """Neither in the file."""
    told = Exchange(Request("POST", "http://x", body=b"s3cr3t" * 2_000, secrets=("s3cr3t",)), 200).shown()
    assert b64decode(told["body"]) == b"***" * 2_000


@pytest.mark.parametrize("before", [155, 5_998])
def test_cut_body__does_not_show_half_a_key(before: int) -> None:
    """The key is taken out before the text is cut to what a report shows."""
    request = Request("POST", "http://x", body=b"x" * before + b"s3cr3t", secrets=("s3cr3t",))
    exchange = Exchange(request, 200, received=((1, b"x" * before + b"s3cr3t"),))
    assert "s3" not in "".join((*exchange.shown().values(), exchange.summary))


def test_bytes_after_the_end__are_surplus() -> None:
    """The body is what its framing says, the rest is kept beside it."""
    with serving(OK + b"Content-Length: 2\r\n\r\n{}", b"more") as script:
        exchange = connection.send(Request("POST", script.url), linger_s=1.0)
    assert (exchange.body, exchange.surplus, exchange.ending) == (b"{}", b"more", "complete")


def test_head_request__takes_any_body_for_surplus() -> None:
    """RFC 9110 section 9.3.2: there is none."""
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as script:
        exchange = connection.send(Request("HEAD", script.url), linger_s=1.0)
    assert (exchange.body, exchange.surplus) == (b"", b"{}")


@pytest.mark.parametrize("together", [False, True])
def test_conversation__has_an_answer_for_each_request(together: bool) -> None:  # noqa: FBT001  a case's input
    """Over one connection, in the order of the requests."""
    with other_server() as url:
        requests = [Request("GET", url + CHAT), Request("GET", f"{url}/nowhere"), Request("HEAD", url + CHAT)]
        exchanges = connection.converse(requests, together=together)
    assert [exchange.status for exchange in exchanges] == [405, 404, 405]
    assert [exchange.request for exchange in exchanges] == requests
    assert exchanges[2].surplus == b""


def test_conversation__ends_where_the_server_closes() -> None:
    """What comes after has no status, and is no refusal to connect."""
    with serving(OK + b"Content-Length: 2\r\n\r\n{}") as script:
        first, second = connection.converse([Request("POST", script.url)] * 2)
    assert (first.status, second.status, second.ending) == (200, None, "truncated")


def test_compressed_body__is_read_and_its_coding_kept() -> None:
    """The header still says it."""
    body = gzip.compress(b"{}")
    with serving(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body) as script:
        exchange = _send(script.url)
    assert (exchange.body, exchange.header("content-encoding")) == (b"{}", "gzip")


def test_chunked_request__is_sent_in_chunks() -> None:
    """Instead of a length."""
    with serving(OK + b"Content-Length: 0\r\n\r\n") as script:
        connection.send(Request("POST", script.url, (("Transfer-Encoding", "chunked"),), b"abcde"))
    head, _, _ = script.received[0].partition(b"\r\n\r\n")
    assert b"Content-Length" not in head
    assert connection._chunked(b"abcde") == b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"


@pytest.mark.parametrize("body", [b"{}", b'{"messages": []}'])
def test_expectation__holds_the_body_back_until_it_is_met(body: bytes) -> None:
    """The server reads all of it after its 100 (Continue)."""
    headers = (("Expect", "100-continue"), ("Authorization", "Bearer mock-valid"), ("Content-Type", "application/json"))
    with other_server() as url:
        exchange = connection.send(Request("POST", url + CHAT, headers, body))
    assert (exchange.status, exchange.ending) == (400, "complete")
    assert exchange.raw_head.startswith(b"HTTP/1.1 400")


def test_expectation_that_is_not_met__lets_go_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 9110 section 10.1.1: a client must not wait for ever."""
    monkeypatch.setattr(connection, "_CONTINUE_S", 0.05)
    with serving(OK + b"Content-Length: 0\r\n\r\n") as script:
        exchange = connection.send(Request("POST", script.url, (("Expect", "100-continue"),), b"body"))
    assert exchange.status == 200
    assert script.received[0].endswith(b"body")


def test_http_1_0__is_said_in_the_first_line() -> None:
    """And in the command line that repeats it."""
    request = Request("GET", "http://127.0.0.1:1/x", version="1.0")
    assert "--http1.0" in request.curl()
    with other_server(Style(framing="close")) as url:
        exchange = connection.send(Request("GET", url + CHAT, version="1.0"))
    assert exchange.status == 405
    assert exchange.header("connection") == "close"
