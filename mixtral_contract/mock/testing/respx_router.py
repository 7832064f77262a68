"""The mock as a router of respx: beside the routes that a test adds, and beside routers of others."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol, cast

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

from mixtral_contract.mock.testing.httpx_response import Reading


class Mocked(Protocol):
    """What the router asks about a request of httpx."""

    def answers(self, url: Any) -> bool:
        """Whether the mock answers requests to this URL's host."""

    def ask(self, library: ModuleType, request: Any) -> Reading:
        """The mock's answer."""

    def check(self, method: str, url: Any) -> None:
        """Lets a request to another host through.

        Raises: AssertionError when it must not leave.
        """


class Router(respx.MockRouter):
    """What respx asks about each request of httpx: the mock, then the routes that a test adds, then nobody."""

    def __init__(self, mocked: Mocked) -> None:
        super().__init__(assert_all_called=False)
        self._mocked = mocked
        self._passing = respx.Route().pass_through()

    def handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client without an event loop."""
        if self._mocked.answers(request.url):
            return cast("httpx.Response", self._mocked.ask(httpx, request).response())
        try:
            return super().handler(request)
        except AllMockedAssertionError:
            raise self._unmocked(request) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client on an event loop."""
        if self._mocked.answers(request.url):
            return cast("httpx.Response", await self._mocked.ask(httpx, request).async_response())
        try:
            return await super().async_handler(request)
        except AllMockedAssertionError:
            raise self._unmocked(request) from None

    def _unmocked(self, request: httpx.Request) -> Exception:
        """What respx is told about a request that nothing here answers; routers of others may still do."""
        if self.Mocker is not None and len(self.Mocker.routers) > 1:
            return AllMockedAssertionError(f"{request!r} not mocked")
        try:
            self._mocked.check(request.method, request.url)
        except AssertionError as error:
            return error
        return PassThrough(f"{request!r} is let through", request=request, origin=self._passing)
