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
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mixtral_contract.mock.testing import environment
from mixtral_contract.mock.testing.in_process import InProcessServer
from mixtral_contract.mock.testing.patched_transports import TransportPatcher
from mixtral_contract.mock.testing.scenario import Scenario
from mixtral_contract.mock.testing.threaded_server import HOST, ThreadedServer
from mixtral_contract.mock.timing.engine import Deployment

if TYPE_CHECKING:
    import respx

__all__ = ["MixtralApi", "MixtralServer"]

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

_COMPLETIONS = "/chat/completions"

Result = TypeVar("Result")


class _Running(Scenario):
    """A scenario that begins and ends; while it runs, SDKs find it by the environment."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._setting = environment.Setting(os.environ)

    @property
    def urls(self) -> Mapping[str, str]:
        """The URL of each dialect."""
        return {
            operation.dialect: self._server(operation.server) + operation.path
            for operation in self.contract.operations.values()
        }

    @property
    def base_url(self) -> str:
        """What an SDK of OpenAI's format wants as its base URL."""
        urls = self.urls.values()
        found = next((url for url in urls if url.endswith(_COMPLETIONS)), next(iter(urls)))
        return found.removesuffix(_COMPLETIONS)

    def environment(self) -> dict[str, str]:
        """The variables that are set while it runs: for processes that get an environment of their own."""
        return environment.variables(self.base_url, self.key)

    def __enter__(self) -> Self:
        self._start()
        self._setting.begin(self.environment())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._setting.end()
        self._stop()
        if kind is None and not self.allow_unmatched:
            self.assert_all_matched()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

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
    any thread. A request to another host raises `UnmockedError`, unless it is one of `passthrough` or this machine; a
    route that is added to `router`, which is respx's, answers it too. `Scenario` tells of the other arguments.
    """

    def __init__(self, *, passthrough: Collection[str] = (), **options: Any) -> None:
        super().__init__(**options)
        self._desk = InProcessServer(self.mock)
        self._switchboard = TransportPatcher(self._desk, passthrough)

    @property
    def router(self) -> respx.MockRouter:
        """What respx asks about requests of httpx; routes for other hosts than the contract's can be added.

        Raises: ModuleNotFoundError where respx is not installed.
        """
        return self._switchboard.router

    @property
    def unanswered(self) -> Sequence[str]:
        """Requests to other hosts that were stopped before they left."""
        return tuple(self._switchboard.refused)

    def _server(self, documented: str) -> str:
        return documented

    def _start(self) -> None:
        self._switchboard.plug()

    def _stop(self) -> None:
        self._switchboard.unplug()

    def _set_pace(self, pace: Deployment) -> None:
        self._desk.set_pace(pace)

    def _exclusively(self, function: Callable[[], Result]) -> Result:
        with self._desk.lock:
            return function()


class MixtralServer(_Running):
    """The three APIs on a free port of this machine, for every client: another library, process or language.

    `Scenario` tells of the arguments.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._served = ThreadedServer(self.mock)

    @property
    def url(self) -> str:
        """The server's address, without a path; empty before it runs."""
        return self._served.url

    def environment(self) -> dict[str, str]:
        """The variables that are set while it runs: for processes that get an environment of their own."""
        return super().environment() | environment.direct(os.environ, HOST)

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
