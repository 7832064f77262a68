"""A run says which tests it skipped, and fails for them where nothing may be skipped."""

from __future__ import annotations

import pytest

from tests.support.repository import ROOT
from tests.support.skipped_tests import VARIABLE

pytest_plugins = ["pytester"]

SKIPPED = """
    import pytest

    needs_a_lathe = pytest.mark.skipif(True, reason="needs a lathe: apt-get install lathe")

    @needs_a_lathe
    def test_turned(): ...

    @needs_a_lathe
    def test_milled(): ...

    def test_drilled():
        pytest.skip("needs a drill")
"""
EXPECTED_TO_FAIL = """
    import pytest

    @pytest.mark.xfail(reason="known")
    def test_known():
        assert False
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder whose tests run with the hooks of ours."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv(VARIABLE, raising=False)
    return pytester


def _result(run: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    run.makepyfile(test_machine=test)
    return run.runpytest_subprocess("-p", "tests.support.skipped_tests", "-p", "no:cacheprovider", *options)


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")])
def test_skipped__is_named_with_what_would_run_it(run: pytest.Pytester, options: tuple[str, ...]) -> None:
    """Each reason once, with the number of its tests; the run passes on a user's machine."""
    result = _result(run, SKIPPED, *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["*skipped, and what would run it*", "    2 needs a lathe: apt-get install lathe", "    1 needs a drill"]
    )


@pytest.mark.parametrize("options", [(), ("-p", "xdist", "-n", "2")])
def test_skipped__fails_a_run_where_nothing_may_be_skipped(
    run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """As CI asks for."""
    monkeypatch.setenv(VARIABLE, "1")
    result = _result(run, SKIPPED, *options)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([f"{VARIABLE}: expected no skipped test, got 3"])


def test_optional_one__is_named_and_fails_nothing(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of CI may lack it, too."""
    monkeypatch.setenv(VARIABLE, "1")
    result = _result(run, SKIPPED.replace("needs a", "optional: needs a"))
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["    2 optional: needs a lathe: apt-get install lathe"])


def test_run_without_a_skip__is_left_alone(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one with a test that is expected to fail."""
    monkeypatch.setenv(VARIABLE, "1")
    result = _result(run, EXPECTED_TO_FAIL)
    assert result.ret == pytest.ExitCode.OK
    assert "what would run it" not in result.stdout.str()


def test_ci__skips_nothing() -> None:
    """It runs the tests with the variable set, and all clients."""
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"\n{VARIABLE}=1 ALL_CLIENTS=1 make test\n" in run
