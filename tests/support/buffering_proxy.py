"""A proxy that holds back what it passes on, for as long as it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self


class BufferingProxy:
    """Passes connections on to a port of this machine; what comes back is collected for `hold_s` before it goes on.

    None holds an answer back until its last byte is there, which it knows by the end of a chunked body.
    """

    def __init__(self, port: int, hold_s: float | None) -> None:
        self._port = port
        self._hold_s = hold_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._open += near, far
                threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
                threading.Thread(target=self._hold_back, args=(far, near), daemon=True).start()

    @staticmethod
    def _pass_on(near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := near.recv(65_536):
                far.sendall(received)

    def _hold_back(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while received := far.recv(65_536):
                if self._hold_s is None:
                    while not received.endswith(b"0\r\n\r\n"):
                        received += far.recv(65_536)
                else:
                    time.sleep(self._hold_s)
                    received += far.recv(65_536)
                near.sendall(received)
