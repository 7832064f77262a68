"""pytest's side of `mixtral_contract.mock.testing`: the fixtures `mixtral_api` and `mixtral_server`, and their marker.

Every run of pytest loads this file where the package is installed; everything else is loaded by the test that asks.

A module that is imported while tests are collected may make its client there, before any fixture runs. So the variables
that SDKs read are set while a test module is imported that names one of the fixtures, itself or in a conftest.py that
applies to it, and while those conftest.py are: only those that are not set, and not a moment longer. Files that name no
fixture see the environment as it is.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer

    Running = TypeVar("Running", MixtralApi, MixtralServer)


_MOCKS = pytest.StashKey[dict[str, "MixtralApi | MixtralServer"]]()
"""The mocks of a test, by the names of their fixtures."""

_PASSED = pytest.StashKey[bool]()
"""Whether the test itself passed; what its mocks found besides is told only then."""

_FIXTURES = (b"mixtral_api", b"mixtral_server")


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker."""
    config.addinivalue_line(
        "markers",
        "mixtral(accounts=FILE, engine=NAME, ttft_ms=X, itl_ms=X, fixtures=FILE, seed=N, as_observed=True, "
        "allow_unmatched=True, ...): sets up mixtral_api and mixtral_server, with the arguments of "
        "mixtral_contract.mock.testing.mocks.MixtralApi and MixtralServer",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Lets the first conftest.py make a client, if one of them names a fixture."""
    folders = _first_folders(early_config)
    if any(_names_a_fixture(folder / "conftest.py") for folder in folders):
        return (yield from _with_variables())
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Lets a test module make a client while it is imported, if it uses a fixture."""
    if isinstance(collector, pytest.Module) and _uses_a_fixture(collector.path, collector.config.rootpath):
        report: pytest.CollectReport = yield from _with_variables()
        return report
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows beside a failure what the test's application asked and what it was answered."""
    report = yield
    if call.when == "call":
        item.stash[_PASSED] = report.passed
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
    """Runs a mock with the options of the markers, the closest first; says without a trace what it missed."""
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
            if not request.node.stash.get(_PASSED, False):
                running.allow_unmatched = running.allow_unused = True
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


def _with_variables() -> Generator[None, Any, Any]:
    from mixtral_contract.mock.testing.environment import for_imports  # noqa: PLC0415  it imports nothing further

    with for_imports(os.environ):
        return (yield)


def _first_folders(config: pytest.Config) -> Iterable[Path]:
    """The folders whose conftest.py pytest loads before it collects."""
    start = config.invocation_params.dir
    named = config.known_args_namespace.file_or_dir or config.getini("testpaths") or ["."]
    for each in named:
        path = start / str(each).partition("::")[0]
        folder = path if path.is_dir() else path.parent
        yield from (folder, *folder.parents, *folder.glob("test*"))


def _uses_a_fixture(path: Path, root: Path) -> bool:
    folders = [folder for folder in path.parents if folder == root or root in folder.parents]
    return _names_a_fixture(path) or any(_names_a_fixture(folder / "conftest.py") for folder in folders)


def _names_a_fixture(path: Path) -> bool:
    try:
        source = path.read_bytes()
    except OSError:
        return False
    return any(name in source for name in _FIXTURES)
