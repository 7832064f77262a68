"""The HTTP/1.1 client of one user: a socket that lets other users run while it waits, and stamps beside every `recv`.

A client library in between would cost time before the stamps: they build the request after their clock has started, and
glue what separate `recv` calls returned. One process carries thousands of events a second like this; the next step is
one epoll loop for all sockets of the process, behind the same `Exchange`.
"""

from __future__ import annotations

import os
import select
from time import perf_counter_ns

import certifi
import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent import socket, ssl
from httptools import HttpParserError

from load._exchange import Exchange, ExchangeReader
from spec.address import Address

CONNECT_TIMEOUT_S = 10.0
_RECEIVE_BYTES = 65_536


def tls_context() -> ssl.SSLContext:
    """A context that verifies servers against certifi's authorities, or those in the file that SSL_CERT_FILE names."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


class Client:
    """Performs one exchange at a time and keeps the connection where the server allows it."""

    def __init__(self, target: Address, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._tls = tls
        self._socket: socket.socket | None = None

    def perform(self, request: bytes, exchange: Exchange) -> None:
        """Sends the request and reads its answer into the exchange; what network and server do wrong ends there too."""
        try:
            # one timer for the whole request: a timeout of the socket would set one for every recv
            with gevent.Timeout(self._timeout_s, TimeoutError(f"no end after {self._timeout_s:g} s")):
                self._converse(request, exchange)
        except TimeoutError as error:
            exchange.timed_out = True
            exchange.failure = str(error)
        except (OSError, HttpParserError) as error:
            exchange.failure = f"{type(error).__name__}: {error}"
        finally:
            # here too when the run's end kills the user that waits
            if not exchange.complete or exchange.end_ns is None:
                exchange.end_ns = perf_counter_ns()
            if exchange.failure or not exchange.complete or not exchange.reusable:
                self.close()

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _converse(self, request: bytes, exchange: Exchange) -> None:
        if self._is_kept():
            try:
                self._ask(request, exchange)
            except ConnectionError:
                if exchange.first_byte_ns is not None:
                    raise
                # the server closed the kept connection while the request was on its way to it, without a byte of an
                # answer: a failure of neither, which every client that keeps connections meets, and which is counted
                exchange.sent_again = True
                self.close()
            else:
                return
        connecting_ns = perf_counter_ns()
        self._socket = self._connect()
        exchange.connect_ns = perf_counter_ns() - connecting_ns
        self._ask(request, exchange)

    def _ask(self, request: bytes, exchange: Exchange) -> None:
        connection = self._socket
        assert connection is not None
        reader = ExchangeReader(exchange)
        exchange.sent_ns = perf_counter_ns()
        connection.sendall(request)
        while not exchange.complete:
            received = connection.recv(_RECEIVE_BYTES)
            now_ns = perf_counter_ns()
            if received:
                reader.feed(received, now_ns)
            elif not reader.end():
                raise ConnectionError("closed before the end of the answer")

    def _is_kept(self) -> bool:
        """Whether the connection of the last exchange can carry this one."""
        if self._socket is not None and _has_input(self._socket):
            # nothing was asked, so this is the server's close; a request on it would fail for a reason of ours
            self.close()
        return self._socket is not None

    def _connect(self) -> socket.socket:
        address = (self._target.host, self._target.port)
        connection = socket.create_connection(address, timeout=min(CONNECT_TIMEOUT_S, self._timeout_s))
        try:
            # without it the kernel holds back the second part of a request
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._target.scheme == "https":
                connection = (self._tls or tls_context()).wrap_socket(connection, server_hostname=self._target.host)
            connection.settimeout(None)
        except BaseException:  # also a timeout or the run's end: nobody else knows this socket yet
            connection.close()
            raise
        return connection


def _has_input(connection: socket.socket) -> bool:
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
