"""What puts a mock in the place of the network, under the clients of this process, and takes it away again.

httpx and httpx2 (under the openai SDK from 3.0 on) are reached at their transports, where they are installed; httpx
through respx where that is installed too, so that routes of a test's own stand beside the mock. Whoever looks up a
vendor's host by other means is told that no mock is in its way. Requests to other hosts than the contract's go nowhere,
unless they are let through: to this machine always.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Collection
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

if TYPE_CHECKING:
    from mixtral_contract.mock.testing.respx_router import Router

HERE = frozenset(("localhost", "127.0.0.1", "::1"))
"""Hosts that are never mocked and always reached."""


class UnmockedError(AssertionError):
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
        self._plugged = ExitStack()

    @functools.cached_property
    def router(self) -> Router:
        """What respx asks.

        Raises: ModuleNotFoundError where respx is not installed.
        """
        if find_spec("respx") is None:
            raise ModuleNotFoundError("router: expected respx, got none: pip install respx")
        from mixtral_contract.mock.testing.respx_router import Router  # noqa: PLC0415  there where a test's author wants it

        return Router(self)

    def plug(self) -> None:
        """Takes the place of the network; of several that do, the last one answers."""
        with ExitStack() as plugged:
            if find_spec("respx") is not None:
                self._plug_router(plugged)
            elif find_spec("httpx") is not None:
                _patch(plugged, import_module("httpx"), self)
            if find_spec("httpx2") is not None:
                _patch(plugged, import_module("httpx2"), self)
            plugged.enter_context(patching.patch.object(socket, "getaddrinfo", self._guarded(socket.getaddrinfo)))
            self._plugged = plugged.pop_all()

    def _plug_router(self, plugged: ExitStack) -> None:
        plugged.enter_context(self.router)
        if self.router.Mocker is not None:
            # respx asks the first: the innermost mock has to be that
            self.router.Mocker.routers.insert(0, self.router.Mocker.routers.pop())

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
