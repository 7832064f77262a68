"""What puts a mock in the place of the network, under the clients of this process, and takes it away again.

httpx is reached through respx, so that routes of a test's own stand beside the mock, and httpx2 (under the openai SDK
from 3.0 on) at its transports; the routes answer both. What neither answers goes to no host that is not let through.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from types import ModuleType
from typing import Any, cast
from unittest import mock as patching
from urllib.parse import unquote

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

from mixtral_contract.mock.messages.messages import Request
from mixtral_contract.mock.testing.httpx_response import Reading
from mixtral_contract.mock.testing.in_process import InProcessServer
from mixtral_contract.mock.testing.network.foreign_requests import in_httpx, of_httpx, raising_as
from mixtral_contract.mock.testing.network.guard import NetworkGuard, UnmockedError


class TransportPatcher:
    """Connects the clients of this process with a server in it, from `start` until `stop`."""

    def __init__(self, server: InProcessServer, guard: NetworkGuard) -> None:
        self._server = server
        self._guard = guard
        self.hosts = frozenset(origin.partition("://")[2] for origin in server.origins)
        self.router = Router(self)
        self._patched = ExitStack()
        self._unused: list[str] | None = None

    def start(self) -> None:
        """Takes the place of the network; of several that do, the last one answers."""
        self._unused = None
        with ExitStack() as patched:
            patched.enter_context(self.router)
            if self.router.Mocker is not None:
                # respx asks the first: the innermost mock has to be that
                self.router.Mocker.routers.insert(0, self.router.Mocker.routers.pop())
            try:
                import httpx2  # noqa: PLC0415  there only where an SDK brought it
            except ImportError:
                pass
            else:
                _patch(patched, httpx2, self)
            self._patched = patched.pop_all()

    def stop(self) -> None:
        """Gives the network back."""
        self._unused = self.router.unused  # respx forgets now who asked
        self._patched.close()

    @property
    def unused_routes(self) -> list[str]:
        """The routes that no request met."""
        return self.router.unused if self._unused is None else self._unused

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

    def let_through(self, host: str) -> None:
        """Lets requests to a host through from now on."""
        self._guard.allowed.add(host)

    def explain(self) -> str:
        """What was expected of a request that nothing answers."""
        hosts = ", ".join(sorted(self.hosts))
        return f"expected a host that is mocked ({hosts}) or let through (passthrough=[...]), got another"


class Router(respx.MockRouter):
    """What respx asks about each request of httpx: the routes that a test adds, then the mock, then nobody."""

    def __init__(self, patcher: TransportPatcher) -> None:
        super().__init__(assert_all_called=False)
        self._patcher = patcher
        self._passing = respx.Route().pass_through()

    @property
    def unused(self) -> list[str]:
        """The routes that no request met."""
        return [str(route.pattern) for route in self.routes if not route.called]

    def handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client without an event loop."""
        try:
            return self.by_route(request)
        except AllMockedAssertionError:
            if self._patcher.answers(request.url):
                return cast("httpx.Response", self._patcher.ask(httpx, request).response())
            raise self._unmocked(request) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client on an event loop."""
        try:
            return await self.async_by_route(request)
        except AllMockedAssertionError:
            if self._patcher.answers(request.url):
                return cast("httpx.Response", await self._patcher.ask(httpx, request).async_response())
            raise self._unmocked(request) from None

    def by_route(self, request: httpx.Request) -> httpx.Response:
        """What a route of the test answers.

        Raises: AllMockedAssertionError when there is none, PassThrough when it lets the request through.
        """
        try:
            return super().handler(request)
        except PassThrough:
            self._patcher.let_through(request.url.host)
            raise

    async def async_by_route(self, request: httpx.Request) -> httpx.Response:
        """The same on an event loop."""
        try:
            return await super().async_handler(request)
        except PassThrough:
            self._patcher.let_through(request.url.host)
            raise

    def _unmocked(self, request: httpx.Request) -> Exception:
        """What respx is told about a request that nothing here answers; routers of others may still do."""
        if self.Mocker is not None and len(self.Mocker.routers) > 1:
            return AllMockedAssertionError(f"{request!r} not mocked")
        try:
            self._patcher.check(request.method, request.url)
        except UnmockedError as error:
            return error
        return PassThrough(f"{request!r} is let through", request=request, origin=self._passing)


def _patch(patched: ExitStack, library: ModuleType, patcher: TransportPatcher) -> None:
    """Puts the routes, then the mock, under the clients of a library that has httpx's transports."""
    plain, on_loop = library.HTTPTransport, library.AsyncHTTPTransport
    send, send_on_loop = plain.handle_request, on_loop.handle_async_request
    router = patcher.router

    def handle_request(transport: Any, request: Any) -> Any:
        if len(router.routes):
            request.read()
            try:
                with suppress(AllMockedAssertionError), raising_as(library, request):
                    return of_httpx(library, router.by_route(in_httpx(request)), request)
            except PassThrough:
                return send(transport, request)
        if patcher.answers(request.url):
            request.read()
            return patcher.ask(library, request).response()
        patcher.check(request.method, request.url)
        return send(transport, request)

    async def handle_async_request(transport: Any, request: Any) -> Any:
        if len(router.routes):
            await request.aread()
            try:
                with suppress(AllMockedAssertionError), raising_as(library, request):
                    return of_httpx(library, await router.async_by_route(in_httpx(request)), request)
            except PassThrough:
                return await send_on_loop(transport, request)
        if patcher.answers(request.url):
            await request.aread()
            return await patcher.ask(library, request).async_response()
        patcher.check(request.method, request.url)
        return await send_on_loop(transport, request)

    patched.enter_context(patching.patch.object(plain, "handle_request", handle_request))
    patched.enter_context(patching.patch.object(on_loop, "handle_async_request", handle_async_request))
