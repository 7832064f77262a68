"""The routes that a test adds to respx: beside the mock, beside routers of others, and for libraries like httpx too."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol, cast

import httpx
import respx
from respx.models import AllMockedAssertionError, PassThrough

from mixtral_contract.mock.testing.network.addresses import PASS
from mixtral_contract.mock.testing.network.foreign_requests import in_httpx, of_httpx, raising_as


class Mocked(Protocol):
    """What the router asks about a request of httpx."""

    def answers(self, url: Any) -> bool:
        """Whether the mock answers requests to this URL's host."""

    def ask(self, library: ModuleType, request: Any) -> Any:
        """The mock's answer, to be read."""

    def let_through(self, host: str) -> None:
        """Lets requests to a host through from now on."""

    def check(self, method: str, url: Any) -> None:
        """Lets a request to another host through.

        Raises: AssertionError when it must not leave.
        """


class Router(respx.MockRouter):
    """What respx asks about each request of httpx: the routes that a test adds, then the mock, then nobody."""

    def __init__(self, mocked: Mocked) -> None:
        super().__init__(assert_all_called=False)
        self._mocked = mocked
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
            if self._mocked.answers(request.url):
                return cast("httpx.Response", self._mocked.ask(httpx, request).response())
            raise self._unmocked(request) from None

    async def async_handler(self, request: httpx.Request) -> httpx.Response:
        """The answer for a client on an event loop."""
        try:
            return await self.async_by_route(request)
        except AllMockedAssertionError:
            if self._mocked.answers(request.url):
                return cast("httpx.Response", await self._mocked.ask(httpx, request).async_response())
            raise self._unmocked(request) from None

    def by_route(self, request: httpx.Request) -> httpx.Response:
        """What a route of the test answers.

        Raises: AllMockedAssertionError when there is none, PassThrough when it lets the request through.
        """
        try:
            return super().handler(request)
        except PassThrough:
            self._mocked.let_through(request.url.host)
            raise

    async def async_by_route(self, request: httpx.Request) -> httpx.Response:
        """The same on an event loop."""
        try:
            return await super().async_handler(request)
        except PassThrough:
            self._mocked.let_through(request.url.host)
            raise

    def answer(self, library: ModuleType, request: Any) -> Any:
        """What a route answers to a request of another library, whose body has been read.

        None when there is no such route, `PASS` when it lets the request through.
        """
        try:
            with raising_as(library, request):
                return of_httpx(library, self.by_route(in_httpx(request)), request)
        except AllMockedAssertionError:
            return None
        except PassThrough:
            return PASS

    async def async_answer(self, library: ModuleType, request: Any) -> Any:
        """The same on an event loop."""
        try:
            with raising_as(library, request):
                return of_httpx(library, await self.async_by_route(in_httpx(request)), request)
        except AllMockedAssertionError:
            return None
        except PassThrough:
            return PASS

    def _unmocked(self, request: httpx.Request) -> Exception:
        """What respx is told about a request that nothing here answers; routers of others may still do."""
        if self.Mocker is not None and len(self.Mocker.routers) > 1:
            return AllMockedAssertionError(f"{request!r} not mocked")
        try:
            self._mocked.check(request.method, request.url)
        except AssertionError as error:
            return error
        return PassThrough(f"{request!r} is let through", request=request, origin=self._passing)
