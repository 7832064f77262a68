"""One TCP connection that never waits, with TLS where the target has it; the loop calls it, it calls its owner.

Knows bytes and their times; knows no HTTP.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from gevent.monkey import get_original  # type: ignore[import-untyped]  # its stubs are a package of their own

from mixtral_contract.load.client.deadlines import Deadline
from mixtral_contract.load.client.event_loop import READABLE, WRITABLE, Loop
from mixtral_contract.load.client.resolver import Destination, SocketAddress

CONNECT_TIMEOUT_S = 10.0
"""For one address of the target, TLS included."""

_RECEIVE_BYTES = 65_536
_NS_PER_S = 1_000_000_000

_Socket: Callable[..., socket.socket] = get_original("socket", "socket")
"""The socket of the operating system, also where Locust has put gevent's in its place."""


class Connection:
    """Connects at once.

    It calls `on_open` when it can carry a request, `on_received` with the bytes and the time of each recv, and `on_end`
    when it is over, with what broke it or None for a regular end; none of them before the constructor has returned, and
    nothing any more after `on_end` or `close`.
    """

    def __init__(
        self,
        loop: Loop,
        destination: Destination,
        *,
        on_open: Callable[[], None],
        on_received: Callable[[bytes, int], None],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._loop = loop
        self._destination = destination
        self._on_open = on_open
        self._on_received = on_received
        self._on_end = on_end
        self._untried = list(destination.addresses)
        self._address: SocketAddress | None = None
        self._socket: socket.socket | None = None
        self._reading: Any = None
        self._writing: Any = None
        self._deadline: Deadline | None = None
        self._unsent = b""
        self._sending_failed: OSError | None = None
        self._tls: _Tls | None = None
        self._is_over = False
        self._connect(None)

    @property
    def is_sending(self) -> bool:
        """Whether not all bytes have been handed to the kernel."""
        return bool(self._unsent) or self._sending_failed is not None

    def send(self, data: bytes) -> None:
        """Hands the bytes to the kernel, those for which it has no room later."""
        self._write(data if self._tls is None else self._tls.encrypted(data))

    def close(self) -> None:
        """Ends the connection without a word."""
        self._is_over = True
        self._release()

    def _release(self) -> None:
        self._stop_writing()
        if self._reading is not None:
            self._reading.close()
            self._reading = None
        if self._deadline is not None:
            self._loop.cancel(self._deadline)
            self._deadline = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self, failed: Exception | None) -> None:
        """Tries the next address, of those that are left after the last one failed."""
        self._release()
        if not self._untried:
            # not from here: whoever makes a connection does not have it yet
            self._loop.soon(lambda: self._end(failed))
            return
        self._address = self._untried.pop(0)
        family, address = self._address
        try:
            self._socket = _Socket(family, socket.SOCK_STREAM)
            self._socket.settimeout(0)
            # without it the kernel holds back the second part of a request
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = self._socket.connect_ex(address)
            if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
                raise OSError(code, os.strerror(code))  # noqa: TRY301 -- it fails as the calls around it do
        except OSError as error:
            self._connect(error)
            return
        self._deadline = self._loop.at(perf_counter_ns() + round(CONNECT_TIMEOUT_S * _NS_PER_S), self._time_out)
        self._writing = self._loop.watch(self._socket.fileno(), WRITABLE, self._connected)

    def _time_out(self) -> None:
        self._connect(TimeoutError(f"no connection after {CONNECT_TIMEOUT_S:g} s"))

    def _connected(self) -> None:
        self._stop_writing()
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._connect(OSError(code, os.strerror(code)))
            return
        destination = self._destination
        if destination.tls is None:
            self._receive = self._socket.recv
            self._reading = self._loop.watch(self._socket.fileno(), READABLE, self._read)
            self._open()
        else:
            self._tls = _Tls(destination.tls, destination.target.host)
            self._reading = self._loop.watch(self._socket.fileno(), READABLE, self._read_handshake)
            self._shake_hands()

    def _open(self) -> None:
        assert self._deadline is not None
        assert self._address is not None
        self._loop.cancel(self._deadline)
        self._deadline = None
        self._destination.prefer(self._address)
        self._on_open()

    def _read(self) -> None:
        """The hot path: nothing stands between the recv and its stamp."""
        try:
            received = self._receive(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        now_ns = perf_counter_ns()
        if received:
            self._on_received(received, now_ns)
        else:
            self._end(None)

    def _read_tls(self) -> None:
        assert self._tls is not None
        try:
            received = self._receive(_RECEIVE_BYTES)
            now_ns = perf_counter_ns()
            clear, ended = self._tls.decrypted(received)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        self._write(self._tls.outgoing())
        if clear:
            self._on_received(clear, now_ns)
        if ended:
            self._end(None)

    def _read_handshake(self) -> None:
        assert self._socket is not None
        assert self._tls is not None
        try:
            self._tls.take(self._socket.recv(_RECEIVE_BYTES))
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        self._shake_hands()

    def _shake_hands(self) -> None:
        assert self._socket is not None
        assert self._tls is not None
        try:
            done = self._tls.shake_hands()
        except OSError as error:
            # the server gets to know why
            self._write(self._tls.outgoing())
            self._end(error)
            return
        self._write(self._tls.outgoing())
        if done:
            self._receive = self._socket.recv
            self._reading.close()
            self._reading = self._loop.watch(self._socket.fileno(), READABLE, self._read_tls)
            self._open()

    def _write(self, data: bytes) -> None:
        """Sends; what fails shows where it is read, for an answer may have come before."""
        data = self._unsent + data
        if not data or self._socket is None or self._sending_failed is not None:
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._sending_failed, sent = error, len(data)
        self._unsent = data[sent:]
        if not self._unsent:
            self._stop_writing()
        elif self._writing is None:
            self._writing = self._loop.watch(self._socket.fileno(), WRITABLE, lambda: self._write(b""))

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _end(self, error: Exception | None) -> None:
        if not self._is_over:
            self.close()
            self._on_end(error or self._sending_failed)


class _Tls:
    """TLS in memory: what to send and what was received pass through it.

    Its methods raise ssl.SSLError, an OSError, for what breaks it, such as a certificate that cannot be verified.
    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._received, self._to_send, server_hostname=host)

    def take(self, received: bytes) -> None:
        """Takes what was received, nothing for the end."""
        if received:
            self._received.write(received)
        else:
            self._received.write_eof()

    def shake_hands(self) -> bool:
        """Goes on with the handshake; whether it is done."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypted(self, data: bytes) -> bytes:
        """The data as it is sent."""
        self._object.write(data)
        return self.outgoing()

    def outgoing(self) -> bytes:
        """What TLS itself has to say."""
        return self._to_send.read()

    def decrypted(self, received: bytes) -> tuple[bytes, bool]:
        """What the bytes say, and whether the connection ends with them.

        A server that closes without TLS's own goodbye is believed, as other clients do: HTTP says whether all is there.
        """
        self.take(received)
        clear: list[bytes] = []
        while True:
            try:
                piece = self._object.read(_RECEIVE_BYTES)
            except ssl.SSLWantReadError:
                return b"".join(clear), False
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b"".join(clear), True
            if not piece:
                return b"".join(clear), True
            clear.append(piece)
