"""`pytest --pyargs contract_tests`, as from an installed package."""

from __future__ import annotations

import tomllib
from importlib import import_module

import pytest

from tests.support.repository import ROOT

pytest_plugins = ["pytester"]


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder that has nothing of ours in it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def _run(elsewhere: pytest.Pytester, *options: str) -> pytest.RunResult:
    return elsewhere.runpytest_subprocess(
        "-p", "mixtral_contract.pytest_suite_plugin", "-p", "no:cacheprovider", *options
    )


def test_entry_point__names_the_plugin() -> None:
    """What an installed project tells pytest to load."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    plugin = import_module(project["entry-points"]["pytest11"]["mixtral-suite"])
    assert callable(plugin.pytest_load_initial_conftests)


@pytest.mark.parametrize(
    "name",
    [
        "contract_tests",
        "contract_tests.test_sse_framing",
        "contract_tests.test_sse_framing::test_done__ends_the_stream_once",
    ],
)
def test_suite__has_its_options_by_name(elsewhere: pytest.Pytester, name: str) -> None:
    """The whole of it, or one of its modules."""
    options = ("--target", "mock", "-k", "SSE-08", "--collect-only", "-q")
    result = _run(elsewhere, "--pyargs", name, *options)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_done__ends_the_stream_once?SSE-08-nvidia?"])


def test_other_runs__have_none_of_its_options(elsewhere: pytest.Pytester) -> None:
    """A project of its own may have a --target; and --pyargs finds other packages as ever."""
    elsewhere.makeconftest("def pytest_addoption(parser): parser.addoption('--target', type=int)")
    elsewhere.makepyfile(test_own="def test_own(request): assert request.config.getoption('--target') == 3")
    _run(elsewhere, "--target", "3").assert_outcomes(passed=1)
    assert "--budget" not in _run(elsewhere, "--help").stdout.str()
    _run(elsewhere, "--target", "3", "--pyargs", "test_own").assert_outcomes(passed=1)
