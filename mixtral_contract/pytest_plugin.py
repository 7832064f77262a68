"""pytest's side of `mock_server.testing`: the fixtures `mixtral_api` and `mixtral_server`, and the marker for both.

Every run of pytest loads this file where the package is installed; everything else is loaded by the test that asks.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer

    Running = TypeVar("Running", MixtralApi, MixtralServer)


_MOCKS = pytest.StashKey[dict[str, "MixtralApi | MixtralServer"]]()
"""The mocks of a test, by the names of their fixtures."""


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker."""
    config.addinivalue_line(
        "markers",
        "mixtral(accounts=FILE, engine=NAME, ttft_ms=X, itl_ms=X, fixtures=FILE, seed=N, as_observed=True, "
        "allow_unmatched=True, ...): sets up mixtral_api and mixtral_server, with the arguments of "
        "mixtral_contract.mock.testing.mocks.MixtralApi and MixtralServer",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows beside a failure what the test's application asked and what it was answered."""
    report = yield
    if call.when == "call" and report.failed:
        for name, mock in item.stash.get(_MOCKS, {}).items():
            report.sections.append((f"{name}: what was asked", mock.history()))
    return report


@pytest.fixture
def mixtral_api(request: pytest.FixtureRequest) -> Iterator[MixtralApi]:
    """The vendors' own URLs, answered in this process, for clients on httpx and httpx2 such as the openai SDK."""
    from mixtral_contract.mock.testing.mocks import MixtralApi  # noqa: PLC0415  who does not use it does not wait for it

    yield from _run(MixtralApi, request)


@pytest.fixture
def mixtral_server(request: pytest.FixtureRequest) -> Iterator[MixtralServer]:
    """The same APIs on a free port, with the environment that SDKs read, for every other client."""
    from mixtral_contract.mock.testing.mocks import MixtralServer  # noqa: PLC0415  likewise

    yield from _run(MixtralServer, request)


def _run(kind: type[Running], request: pytest.FixtureRequest) -> Iterator[Running]:
    """Runs a mock with the options of the markers, the closest first; says without a trace what nothing answered."""
    options: dict[str, Any] = {}
    for marker in request.node.iter_markers("mixtral"):
        if marker.args:
            text = f"mixtral: expected arguments by name, such as ttft_ms=200, got {marker.args!r}"
            raise pytest.fail.Exception(text, pytrace=False)
        options = {**marker.kwargs, **options}
    known = _arguments(kind)
    if unknown := sorted(options.keys() - known):
        text = f"mixtral: expected arguments among {', '.join(sorted(known))}, got {', '.join(unknown)}"
        raise pytest.fail.Exception(text, pytrace=False)
    try:
        running = kind(**options)
    except (TypeError, ValueError) as error:
        raise pytest.fail.Exception(f"mixtral: {error}", pytrace=False) from None
    try:
        with running:
            request.node.stash.setdefault(_MOCKS, {})[request.fixturename or ""] = running
            yield running
    except AssertionError as error:
        raise pytest.fail.Exception(f"{request.fixturename}: {error}", pytrace=False) from None


def _arguments(kind: type[Running]) -> set[str]:
    """The names of the arguments with which a mock can be set up."""
    return {
        name
        for part in kind.__mro__
        if "__init__" in vars(part)
        for name, parameter in inspect.signature(vars(part)["__init__"]).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
