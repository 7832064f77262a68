"""A paced stream that is read all the time: how late each of its tokens came, by the pace that was asked for."""

from __future__ import annotations

import http.client
import threading
import time
from array import array

import orjson

_ANSWER_S = 30.0
_MOST_TOKENS = 100_000


class PacedReader:
    """Reads one stream after the other in a thread of its own; a stream is broken unless it ends with `[DONE]`."""

    def __init__(self, port: int, itl_ms: int, max_tokens: int = _MOST_TOKENS) -> None:
        self._port = port
        self._itl_s = itl_ms / 1000
        self._max_tokens = max_tokens
        self._taken = 0
        self._late_ms = array("d")
        self.broken = 0
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def tokens(self) -> int:
        """How many tokens had one before them."""
        return len(self._late_ms)

    def take_late_ms(self) -> list[float]:
        """How late the tokens since the last call were."""
        begin, self._taken = self._taken, len(self._late_ms)
        return list(self._late_ms[begin : self._taken])

    def stop(self) -> None:
        """Leaves the answer under way."""
        self._stop = True
        self._thread.join(_ANSWER_S)

    def _run(self) -> None:
        question = [{"role": "user", "content": "hello"}]
        body = orjson.dumps({"messages": question, "stream": True, "max_tokens": self._max_tokens})
        while not self._stop:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_S)
            try:
                self.broken += not self._read(connection, body) and not self._stop
            except (OSError, http.client.HTTPException):
                self.broken += 1
            finally:
                connection.close()

    def _read(self, connection: http.client.HTTPConnection, body: bytes) -> bool:
        """Whether the stream came to its end."""
        headers = {"Authorization": "Bearer mock-valid", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        before_s = None
        while not self._stop and (line := answer.readline()):
            if not line.startswith(b"data:"):
                continue
            if line.startswith(b"data: [DONE]"):
                return True
            now_s = time.perf_counter()
            if before_s is not None:
                self._late_ms.append((now_s - before_s - self._itl_s) * 1000)
            before_s = now_s
        return False
