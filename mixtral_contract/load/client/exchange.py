"""One request on the wire and what came back, with stamps; and the reader that fills it from received bytes.

Knows HTTP/1.1 through httptools; knows no socket, no JSON and no event: while a stream runs, nothing is done with its
body but to keep it beside the time at which it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httptools


@dataclass(slots=True)
class Exchange:
    """What happened, stamped in nanoseconds of `time.perf_counter_ns`; None is what did not happen.

    `due_ns` is when an open loop meant it to be sent, None in a closed one, which means nothing of the kind.
    `connect_ns` is the time for TCP and TLS, None on a connection that was there already. `received` holds the body as
    it came: pieces of one `recv` share its stamp. `sent_again` tells that the server closed the kept connection and the
    request left once more, on a new one: `sent_ns` is of the second time; `unanswered`, that it did not leave again,
    because it may be billed. `failure` says what broke, `timed_out` whether time did; an answer without a length is
    `complete` with a `failure` where a reset ended it. `asked_tokens` is the longest answer that the request
    asks for, `asked_prompt_tokens` how long its prompt is, as far as that is known.
    """

    started_ns: int
    due_ns: int | None = None
    connect_ns: int | None = None
    sent_ns: int | None = None
    first_byte_ns: int | None = None
    headers_ns: int | None = None
    end_ns: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    received: list[tuple[int, bytes]] = field(default_factory=list)
    received_bytes: int = 0
    complete: bool = False
    reusable: bool = False
    sent_again: bool = False
    unanswered: bool = False
    timed_out: bool = False
    failure: str | None = None
    asked_tokens: int | None = None
    asked_prompt_tokens: int | None = None

    def body(self) -> bytes:
        """The whole body."""
        return b"".join(piece for _, piece in self.received)


class ExchangeReader:
    """Reads one answer into an exchange; httptools calls the `on_` methods."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._parser: Any = httptools.HttpResponseParser(self)
        self._now_ns = 0
        self._delimited = False

    def feed(self, received: bytes, now_ns: int) -> None:
        """Takes what one `recv` returned at that time.

        Raises: httptools.HttpParserError when it is not HTTP.
        """
        exchange = self._exchange
        if exchange.first_byte_ns is None:
            exchange.first_byte_ns = now_ns
        exchange.received_bytes += len(received)
        exchange.end_ns = self._now_ns = now_ns
        self._parser.feed_data(received)

    def end(self) -> bool:
        """Takes the end of the connection; whether the answer is whole.

        Source: RFC 9112 section 6.3, without a length the body ends with the connection.
        """
        exchange = self._exchange
        exchange.complete = exchange.complete or (exchange.headers_ns is not None and not self._delimited)
        return exchange.complete

    def close(self) -> None:
        """Lets go of the parser, which holds this reader: nothing of a request is left for the collector of cycles."""
        self._parser = None

    def on_message_begin(self) -> None:
        """Notes what comes after the answer: nobody asked for it, so nothing more can be believed here."""
        if self._exchange.complete:
            self._exchange.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps a header; a repeated one keeps its last value.

        Source: RFC 9110 section 6.5.1, what trails the body is none of the headers.
        """
        if self._exchange.headers_ns is None:
            self._exchange.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Keeps the status; an informational answer is only the announcement of the real one."""
        exchange = self._exchange
        status = self._parser.get_status_code()
        if exchange.complete or status < 200:
            return
        exchange.status = status
        exchange.headers_ns = self._now_ns
        self._delimited = (
            "content-length" in exchange.headers or "chunked" in exchange.headers.get("transfer-encoding", "").lower()
        )

    def on_body(self, piece: bytes) -> None:
        """Keeps a piece of the body with the stamp of its `recv`."""
        if not self._exchange.complete:
            self._exchange.received.append((self._now_ns, piece))

    def on_message_complete(self) -> None:
        """Notes the end of the answer, unless it was only the announcement of one."""
        exchange = self._exchange
        if exchange.headers_ns is None:
            exchange.headers.clear()
            return
        exchange.complete = True
        exchange.reusable = self._parser.should_keep_alive()
