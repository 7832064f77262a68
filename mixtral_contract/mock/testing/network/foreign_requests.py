"""Requests and responses of a library like httpx, in httpx's own classes and back: respx knows only those."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import httpx


def in_httpx(request: Any) -> httpx.Request:
    """The request, whose body has been read, as one of httpx."""
    return httpx.Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        content=request.content,
        extensions=dict(request.extensions),
    )


def of_httpx(library: ModuleType, response: httpx.Response, request: Any) -> Any:
    """A response of httpx as one of the library, to its own request."""
    return library.Response(
        response.status_code,
        headers=response.headers.raw,
        stream=_body_type(library)(response.stream),
        extensions=dict(response.extensions),
        request=request,
    )


@contextmanager
def raising_as(library: ModuleType, request: Any) -> Iterator[None]:
    """Raises what httpx raises as the library would, under the same name."""
    try:
        yield
    except httpx.RequestError as error:
        kind = getattr(library, type(error).__name__)
        raise kind(str(error), request=request) from error


class _Body:
    """The body of a response, as it comes; for clients with an event loop and for those without."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


@functools.cache
def _body_type(library: ModuleType) -> Callable[[Any], Any]:
    """Bodies that a library takes for streams of its own."""
    return type("Body", (_Body, library.SyncByteStream, library.AsyncByteStream), {})
