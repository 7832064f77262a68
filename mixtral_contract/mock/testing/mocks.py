"""Mocks for the tests of an application, as context managers: `MixtralApi` in process, `MixtralServer` on a socket.

    with MixtralApi() as api:
        api.next("429", retry_after=1)
        my_application.answer("hello")      # calls https://integrate.api.nvidia.com/v1/chat/completions as ever
        api.assert_called(2)

Both also work as `async with`, and as pytest's fixtures `mixtral_api` and `mixtral_server`.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mixtral_contract.mock.testing import environment
from mixtral_contract.mock.testing.in_process import InProcessServer
from mixtral_contract.mock.testing.network.guard import NetworkGuard, Stopped
from mixtral_contract.mock.testing.patched_transports import TransportPatcher
from mixtral_contract.mock.testing.scenario import Scenario
from mixtral_contract.mock.testing.threaded_server import ThreadedServer
from mixtral_contract.mock.timing.engine import Deployment
from mixtral_contract.primitives.base_url import BaseUrl

if TYPE_CHECKING:
    import respx

__all__ = ["MixtralApi", "MixtralServer"]

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

_COMPLETIONS = "/chat/completions"

Result = TypeVar("Result")


class _Running(Scenario):
    """A scenario that begins and ends; while it runs, SDKs find it by the environment, and nothing leaves for others.

    `passthrough` are hosts, beside this machine, that are reached as if there were no mock.
    """

    def __init__(self, *, passthrough: Collection[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._variables = environment.TemporaryVariables(os.environ)
        self._vendors = frozenset(
            BaseUrl.parse(operation.server).host for operation in self.contract.operations.values()
        )
        self._guard = NetworkGuard(passthrough, self._explain, self._vendors)

    @property
    def urls(self) -> Mapping[str, str]:
        """The URL of each dialect."""
        return {
            operation.dialect: self._server(operation.server) + operation.template
            for operation in self.contract.operations.values()
        }

    @property
    def base_url(self) -> str:
        """What an SDK of OpenAI's format wants as its base URL."""
        urls = self.urls.values()
        found = next((url for url in urls if url.endswith(_COMPLETIONS)), next(iter(urls)))
        return found.removesuffix(_COMPLETIONS)

    @property
    def stopped(self) -> Sequence[Stopped]:
        """What was about to leave this machine and did not."""
        return tuple(self._guard.stopped)

    def environment(self) -> dict[str, str]:
        """The variables that are set while it runs: for processes that get an environment of their own."""
        return environment.variables(self.base_url, self.key)

    def __enter__(self) -> Self:
        with ExitStack() as begun:
            self._start()
            begun.callback(self._stop)
            self._guard.start()
            begun.callback(self._guard.stop)
            self._variables.begin(self.environment())
            begun.callback(self._variables.end)
            self._begun = begun.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._begun.close()
        if kind is None and not self.allow_unmatched:
            self.assert_all_matched()
        if kind is None and not self.allow_unused:
            self.assert_all_used()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _explain(self, host: str) -> str:
        """What to do about a host that was not reached."""
        if host in self._vendors:
            return self._explain_vendor()
        return "expected this machine, or a host that is let through (passthrough=[...]), got another"

    @abstractmethod
    def _explain_vendor(self) -> str:
        """What to do about a client that went for a vendor's own host."""

    @abstractmethod
    def _server(self, documented: str) -> str:
        """The address of a server that the contract names."""

    @abstractmethod
    def _start(self) -> None:
        """Begins to answer."""

    @abstractmethod
    def _stop(self) -> None:
        """Answers nothing more."""


class MixtralApi(_Running):
    """The vendors' own URLs, answered in this process: no socket, no change in the application.

    Clients on httpx and httpx2 (the openai SDK among them) get their answers here, with or without an event loop, from
    any thread. What any client of this process asks of another host raises `UnmockedError` and does not leave, unless
    the host is one of `passthrough` or this machine; a route that is added to `router`, which is respx's, answers
    clients on httpx and httpx2 before the mock does, on every host. `Scenario` tells of the other arguments.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._in_process = InProcessServer(self.mock)
        self._transports = TransportPatcher(self._in_process, self._guard)

    @property
    def router(self) -> respx.MockRouter:
        """Where routes of a test's own are added, for URLs of any host, the contract's too.

        Raises: ModuleNotFoundError where respx is not installed.
        """
        return self._transports.router

    @property
    def unused(self) -> Sequence[str]:
        """What was set up and no request met: replies, incidents and routes."""
        return [*super().unused, *(f"router: {route}" for route in self._transports.unused_routes)]

    def _explain_vendor(self) -> str:
        return (
            "expected a client on httpx or httpx2, got another, which only a mock with a socket can answer: "
            "take mixtral_server"
        )

    def _server(self, documented: str) -> str:
        return documented

    def _start(self) -> None:
        self._transports.start()

    def _stop(self) -> None:
        self._transports.stop()

    def _set_pace(self, pace: Deployment) -> None:
        self._in_process.set_pace(pace)

    def _exclusively(self, function: Callable[[], Result]) -> Result:
        with self._in_process.lock:
            return function()


class MixtralServer(_Running):
    """The three APIs on a free port of this machine, for every client: another library, process or language.

    What a client of this process asks of another host, the vendors' among them, raises `UnmockedError` and does not
    leave, unless the host is one of `passthrough` or this machine. `Scenario` tells of the other arguments.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._served = ThreadedServer(self.mock)

    @property
    def url(self) -> str:
        """The server's address, without a path; empty before it runs."""
        return self._served.url

    def _explain_vendor(self) -> str:
        return (
            f"expected the mock's own address, {self.url} (OPENAI_BASE_URL holds it), got the vendor's, "
            "which mixtral_api answers"
        )

    def _server(self, documented: str) -> str:
        del documented
        return self.url

    def _start(self) -> None:
        self._served.start()

    def _stop(self) -> None:
        self._served.stop()

    def _set_pace(self, pace: Deployment) -> None:
        self.mock.set_pace(pace)

    def _exclusively(self, function: Callable[[], Result]) -> Result:
        return self._served.run(function)
