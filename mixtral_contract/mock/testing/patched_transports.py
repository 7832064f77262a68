"""What puts a mock in the place of the network, under the clients of this process, and takes it away again.

httpx and httpx2 (under the openai SDK from 3.0 on) are reached at their transports, where they are installed; httpx
through respx where that is installed too. Routes that a test adds answer both, before the mock. What neither answers
goes to no host that is not let through.
"""

from __future__ import annotations

import functools
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any
from unittest import mock as patching
from urllib.parse import unquote

from mixtral_contract.mock.messages.messages import Request
from mixtral_contract.mock.testing.httpx_response import Reading
from mixtral_contract.mock.testing.in_process import InProcessServer
from mixtral_contract.mock.testing.network.addresses import PASS
from mixtral_contract.mock.testing.network.guard import NetworkGuard, UnmockedError

if TYPE_CHECKING:
    from mixtral_contract.mock.testing.network.respx_router import Router

__all__ = ["TransportPatcher", "UnmockedError"]


class TransportPatcher:
    """Connects the clients of this process with a server in it, from `start` until `stop`."""

    def __init__(self, server: InProcessServer, guard: NetworkGuard) -> None:
        self._server = server
        self._guard = guard
        self.hosts = frozenset(origin.partition("://")[2] for origin in server.origins)
        self._patched = ExitStack()
        self._unused: list[str] | None = None

    @functools.cached_property
    def router(self) -> Router:
        """What respx asks, and where a test adds its routes.

        Raises: ModuleNotFoundError where respx is not installed.
        """
        if not _has_respx():
            raise ModuleNotFoundError("router: expected respx, got none: pip install respx")
        from mixtral_contract.mock.testing.network.respx_router import Router  # noqa: PLC0415  there where it is wanted

        return Router(self)

    def start(self) -> None:
        """Takes the place of the network; of several that do, the last one answers."""
        self._unused = None
        with ExitStack() as patched:
            if _has_respx():
                self._start_router(patched)
            elif find_spec("httpx") is not None:
                _patch(patched, import_module("httpx"), self)
            if find_spec("httpx2") is not None:
                _patch(patched, import_module("httpx2"), self)
            self._patched = patched.pop_all()

    def _start_router(self, patched: ExitStack) -> None:
        patched.enter_context(self.router)
        if self.router.Mocker is not None:
            # respx asks the first: the innermost mock has to be that
            self.router.Mocker.routers.insert(0, self.router.Mocker.routers.pop())

    def stop(self) -> None:
        """Gives the network back."""
        self._unused = self.unused_routes  # respx forgets now who asked
        self._patched.close()

    @property
    def unused_routes(self) -> list[str]:
        """The routes that no request met."""
        if self._unused is not None:
            return self._unused
        return self.router.unused if _has_respx() else []

    def answers(self, url: Any) -> bool:
        """Whether the URL's host is one of the contract's."""
        return url.netloc.decode("ascii") in self.hosts

    def ask(self, library: ModuleType, request: Any) -> Reading:
        """The answer to a request of a client, whose body has been read."""
        url, content = request.url, request.content
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        path, _, query = url.raw_path.decode("ascii").partition("?")
        asked = Request(request.method, unquote(path), query, fields, content)
        timeout_s = request.extensions.get("timeout", {}).get("read")
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        return Reading(library, request, self._server.answer(asked, origin), self._server.mock.clock, timeout_s)

    def check(self, method: str, url: Any) -> None:
        """Lets a request to another host through.

        Raises: UnmockedError when it must not leave.
        """
        if url.host not in self._guard.allowed:
            raise self._guard.refuse(f"{method} {url.copy_with(query=None)}", self.explain())

    def route(self, library: ModuleType, request: Any) -> Any:
        """What a route of the test answers; None when there is none, `PASS` when it lets the request through."""
        if not self._has_routes:
            return None
        request.read()
        return self.router.answer(library, request)

    async def async_route(self, library: ModuleType, request: Any) -> Any:
        """The same on an event loop."""
        if not self._has_routes:
            return None
        await request.aread()
        return await self.router.async_answer(library, request)

    @property
    def _has_routes(self) -> bool:
        return _has_respx() and len(self.router.routes) > 0

    def let_through(self, host: str) -> None:
        """Lets requests to a host through from now on."""
        self._guard.allowed.add(host)

    def explain(self) -> str:
        """What was expected of a request that nothing answers."""
        hosts = ", ".join(sorted(self.hosts))
        return f"expected a host that is mocked ({hosts}) or let through (passthrough=[...]), got another"


def _has_respx() -> bool:
    return find_spec("respx") is not None


def _patch(patched: ExitStack, library: ModuleType, patcher: TransportPatcher) -> None:
    """Puts the routes, then the mock, under the clients of a library that has httpx's transports."""
    plain, on_loop = library.HTTPTransport, library.AsyncHTTPTransport
    send, send_on_loop = plain.handle_request, on_loop.handle_async_request

    def handle_request(transport: Any, request: Any) -> Any:
        answer = patcher.route(library, request)
        if answer is not None:
            return send(transport, request) if answer is PASS else answer
        if patcher.answers(request.url):
            request.read()
            return patcher.ask(library, request).response()
        patcher.check(request.method, request.url)
        return send(transport, request)

    async def handle_async_request(transport: Any, request: Any) -> Any:
        answer = await patcher.async_route(library, request)
        if answer is not None:
            return await send_on_loop(transport, request) if answer is PASS else answer
        if patcher.answers(request.url):
            await request.aread()
            return await patcher.ask(library, request).async_response()
        patcher.check(request.method, request.url)
        return await send_on_loop(transport, request)

    patched.enter_context(patching.patch.object(plain, "handle_request", handle_request))
    patched.enter_context(patching.patch.object(on_loop, "handle_async_request", handle_async_request))
