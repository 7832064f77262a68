"""How a client of httpx, or httpx2, reads an answer of the same process: it waits, gives up, or loses the connection.

One answer, two ways to wait for its steps: a thread sleeps, a coroutine awaits. A wait that is longer than the client
reads is cut short where the client gives up, so that a stall of an hour costs a test no more than its read timeout.
"""

from __future__ import annotations

import functools
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from types import ModuleType
from typing import Any, NoReturn

from mixtral_contract.mock.testing.reply_steps import Head, LostError, Step
from mixtral_contract.mock.timing.real_time import sleep

_SECOND_NS = 1_000_000_000


class Reading:
    """One answer as a client reads it; `library` is the client's, `timeout_s` None waits for ever."""

    def __init__(
        self,
        library: ModuleType,
        request: Any,
        steps: Generator[Step],
        clock: Callable[[], int],
        timeout_s: float | None,
    ) -> None:
        self._library = library
        self._request = request
        self._steps = steps
        self._clock = clock
        self._timeout_ns = None if timeout_s is None else round(timeout_s * _SECOND_NS)

    def response(self) -> Any:
        """The response, once its head is there; its stream gives the body.

        Raises: ReadTimeout, ReadError or RemoteProtocolError of the library, as over a socket.
        """
        return self._respond(self.read())

    async def async_response(self) -> Any:
        """The same on an event loop, whose other tasks get a turn first."""
        from anyio.lowlevel import checkpoint  # noqa: PLC0415  there where httpx is

        await checkpoint()
        return self._respond(await self.async_read())

    def read(self) -> Head | bytes | None:
        """The next part of the answer; None behind the last."""
        since_ns = self._clock()
        try:
            for step in self._steps:
                if not isinstance(step, int):
                    return step
                wait_s, gives_up = self._wait(step, since_ns)
                time.sleep(wait_s)
                if gives_up:
                    self._give_up()
        except LostError as lost:
            raise self._failure(lost) from lost
        except BaseException:
            self.close()
            raise
        return None

    async def async_read(self) -> Head | bytes | None:
        """The same on an event loop."""
        since_ns = self._clock()
        try:
            for step in self._steps:
                if not isinstance(step, int):
                    return step
                wait_s, gives_up = self._wait(step, since_ns)
                await sleep(wait_s)
                if gives_up:
                    self._give_up()
        except LostError as lost:
            raise self._failure(lost) from lost
        except BaseException:
            self.close()
            raise
        return None

    def close(self) -> None:
        """Hangs up."""
        self._steps.close()

    def _wait(self, until_ns: int, since_ns: int) -> tuple[float, bool]:
        """The seconds to wait for a step, and whether the client has given up by then."""
        gives_up = self._timeout_ns is not None and until_ns > since_ns + self._timeout_ns
        if gives_up and self._timeout_ns is not None:
            until_ns = since_ns + self._timeout_ns
        return max(0, until_ns - self._clock()) / _SECOND_NS, gives_up

    def _give_up(self) -> NoReturn:
        raise self._library.ReadTimeout("timed out", request=self._request)

    def _failure(self, lost: LostError) -> Exception:
        kind = self._library.ReadError if lost.reset else self._library.RemoteProtocolError
        failure: Exception = kind(str(lost), request=self._request)
        return failure

    def _respond(self, head: Head | bytes | None) -> Any:
        assert isinstance(head, Head)
        return self._library.Response(
            head.status,
            headers=head.fields,
            stream=_body_type(self._library)(self),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": head.phrase},
            request=self._request,
        )


class Body:
    """The body of an answer, as it comes; for clients with an event loop and for those without."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def __iter__(self) -> Iterator[bytes]:
        while isinstance(part := self._reading.read(), bytes):
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(part := await self._reading.async_read(), bytes):
            yield part

    def close(self) -> None:
        """Hangs up."""
        self._reading.close()

    async def aclose(self) -> None:
        """Hangs up."""
        self._reading.close()


@functools.cache
def _body_type(library: ModuleType) -> Callable[[Reading], Any]:
    """Bodies that a library takes for streams of its own."""
    return type("Body", (Body, library.SyncByteStream, library.AsyncByteStream), {})
