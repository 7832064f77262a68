"""What puts a mock in the place of the network, under the clients of this process, and takes it away again.

httpx is reached through respx, so that routes of a test's own stand beside the mock, and httpx2 (under the openai SDK
from 3.0 on) at its transports. Whoever looks up a vendor's host by other means is told that no mock is in its way.
Requests to other hosts than the contract's go nowhere, unless they are let through: to this machine always.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from contextlib import ExitStack
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

HERE = frozenset(("localhost", "127.0.0.1", "::1"))
"""Hosts that are never mocked and always reached."""


class UnmockedError(AllMockedAssertionError):
    """A request that nothing answers was about to leave for the network; it did not."""


class TransportPatcher:
    """Connects the clients of this process with a desk, from `plug` until `unplug`.

    `passthrough` are hosts that are reached as if there were no mock; `refused` lists what was refused meanwhile.
    """

    def __init__(self, desk: InProcessServer, passthrough: Collection[str] = ()) -> None:
        self.desk = desk
        self.refused: list[str] = []
        self._hosts = {origin.partition("://")[2] for origin in desk.origins}
        self._open = HERE | set(passthrough)
        self.router = Router(self)
        self._plugged = ExitStack()

    def plug(self) -> None:
        """Takes the place of the network; of several that do, the last one answers."""
        with ExitStack() as plugged:
            plugged.enter_context(self.router)
            if self.router.Mocker is not None:
                # respx asks the first: the innermost mock has to be that
                self.router.Mocker.routers.insert(0, self.router.Mocker.routers.pop())
            try:
                import httpx2  # noqa: PLC0415  there only where an SDK brought it
            except ImportError:
                pass
            else:
                _patch(plugged, httpx2, self)
            plugged.enter_context(patching.patch.object(socket, "getaddrinfo", self._guarded(socket.getaddrinfo)))
            self._plugged = plugged.pop_all()

    def unplug(self) -> None:
        """Gives the network back."""
        self._plugged.close()

    def answers(self, url: Any) -> bool:
        """Whether the URL's host is one of the contract's."""
        return url.netloc.decode("ascii") in self._hosts

    def ask(self, library: ModuleType, request: Any) -> Reading:
        """The answer to a request of a client, whose body has been read."""
        url, content = request.url, request.content
        fields = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
        path, _, query = url.raw_path.decode("ascii").partition("?")
        asked = Request(request.method, unquote(path), query, fields, content)
        timeout_s = request.extensions.get("timeout", {}).get("read")
        origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
        return Reading(library, request, self.desk.answer(asked, origin), self.desk.mock.clock, timeout_s)

    def check(self, method: str, url: Any) -> None:
        """Lets a request to another host through.

        Raises: UnmockedError when it must not leave.
        """
        if url.host not in self._open:
            raise self.refuse(f"{method} {url.copy_with(query=None)}")

    def refuse(self, request: str) -> UnmockedError:
        """Writes down what did not leave; what to raise for it."""
        self.refused.append(request)
        hosts = ", ".join(sorted(self._hosts))
        return UnmockedError(
            f"{request}: expected a host that is mocked ({hosts}) or let through (passthrough=[...]), got another"
        )

    def _guarded(self, look_up: Callable[..., Any]) -> Callable[..., Any]:
        """A look-up that knows no vendor: a client that asks the system for its address would reach the real one."""

        def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
            name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
            if name in self._hosts:
                self.refused.append(f"a connection to {name} by a client other than httpx and httpx2")
                raise UnmockedError(
                    f"{name}: expected a client on httpx or httpx2, got another, which only a mock with a socket can "
                    "answer: take mixtral_server"
                )
            return look_up(host, *arguments, **named)

        return getaddrinfo


class Router(respx.MockRouter):
    """What respx asks about each request of httpx: the mock, then the routes that a test adds, then nobody."""

    def __init__(self, switchboard: TransportPatcher) -> None:
        super().__init__(assert_all_called=False)
        self._switchboard = switchboard
        self._passing = respx.Route().pass_through()

    def handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client without an event loop."""
        if self._switchboard.answers(request.url):
            return cast("httpx.Response", self._switchboard.ask(httpx, request).response())
        try:
            return super().handler(request)
        except AllMockedAssertionError:
            raise self._unmocked(request) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client on an event loop."""
        if self._switchboard.answers(request.url):
            return cast("httpx.Response", await self._switchboard.ask(httpx, request).async_response())
        try:
            return await super().async_handler(request)
        except AllMockedAssertionError:
            raise self._unmocked(request) from None

    def _unmocked(self, request: httpx.Request) -> Exception:
        """What respx is told about a request that nothing here answers; routers of others may still do."""
        if self.Mocker is not None and len(self.Mocker.routers) > 1:
            return AllMockedAssertionError(f"{request!r} not mocked")
        try:
            self._switchboard.check(request.method, request.url)
        except UnmockedError as error:
            return error
        return PassThrough(f"{request!r} is let through", request=request, origin=self._passing)


def _patch(plugged: ExitStack, library: ModuleType, switchboard: TransportPatcher) -> None:
    """Puts the switchboard under the clients of a library that has httpx's transports."""
    plain, on_loop = library.HTTPTransport, library.AsyncHTTPTransport
    send, send_on_loop = plain.handle_request, on_loop.handle_async_request

    def handle_request(transport: Any, request: Any) -> Any:
        if switchboard.answers(request.url):
            request.read()
            return switchboard.ask(library, request).response()
        switchboard.check(request.method, request.url)
        return send(transport, request)

    async def handle_async_request(transport: Any, request: Any) -> Any:
        if switchboard.answers(request.url):
            await request.aread()
            return await switchboard.ask(library, request).async_response()
        switchboard.check(request.method, request.url)
        return await send_on_loop(transport, request)

    plugged.enter_context(patching.patch.object(plain, "handle_request", handle_request))
    plugged.enter_context(patching.patch.object(on_loop, "handle_async_request", handle_async_request))
