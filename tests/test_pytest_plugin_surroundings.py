"""What the plugin does around the tests that use it: while modules are imported, and when a test is over."""

from __future__ import annotations

import pytest

from mixtral_contract.mock.testing import environment
from mixtral_contract.mock.testing.mocks import MixtralApi
from tests.support.plugin_runs import application_run, result

pytest_plugins = ["pytester"]

SERVICE = """
    from openai import OpenAI

    client = OpenAI()

    def ask():
        messages = [{"role": "user", "content": "hello"}]
        return client.chat.completions.create(model="mistralai/mixtral-8x22b-instruct-v0.1", messages=messages)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an application in it; its tests run in a process of their own."""
    return application_run(pytester, monkeypatch)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*environment.KEYS, *environment.BASE_URLS):
        monkeypatch.delenv(name, raising=False)


def test_module_that_uses_a_fixture__makes_its_client_while_it_is_imported(run: pytest.Pytester) -> None:
    """And what it imports; a module that uses none sees the environment as it is, so live tests are skipped as ever."""
    run.makepyfile(
        service=SERVICE,
        test_other="""
            import os

            HAS_KEY = "OPENAI_API_KEY" in os.environ

            def test_sees_no_key():
                assert not HAS_KEY
                assert "OPENAI_BASE_URL" not in os.environ
        """,
    )
    test = """
        import service

        def test_module(mixtral_api):
            service.ask()
            mixtral_api.assert_called(1)
    """
    result(run, test).assert_outcomes(passed=2)


def test_conftest_that_names_a_fixture__makes_its_client_too(run: pytest.Pytester) -> None:
    """And so do the modules that it applies to."""
    run.makepyfile(service=SERVICE)
    run.makeconftest("""
        import pytest
        import service

        @pytest.fixture
        def api(mixtral_api):
            return mixtral_api
    """)
    test = """
        import os
        import service

        assert os.environ["OPENAI_API_KEY"] == "mock-valid"

        def test_by_conftest(api):
            service.ask()
            api.assert_called(1)
    """
    result(run, test).assert_outcomes(passed=1)


def test_variable_that_is_set__stays(run: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real key of a developer is valid, and goes nowhere."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    test = """
        import os

        KEY = os.environ["OPENAI_API_KEY"]

        def test_key(mixtral_api):
            assert KEY == "sk-real"
    """
    result(run, test).assert_outcomes(passed=1)


def test_variables_of_imports__are_those_of_the_contract() -> None:
    """They are written down, because reading them would load the mock."""
    with MixtralApi() as api:
        assert (api.base_url, api.key) == (environment.BASE_URL, environment.KEY)


def test_unused_setup__fails_only_a_test_that_passed(run: pytest.Pytester) -> None:
    """One that failed, or skipped itself, has said what matters; the marker turns it off."""
    test = """
        import httpx, pytest

        def test_passes(mixtral_api): mixtral_api.reply("never said")

        def test_fails(mixtral_api):
            mixtral_api.reply("never said")
            httpx.get("https://api.segmind.com/v1/nope")
            assert False

        def test_skips(mixtral_api):
            mixtral_api.next("429")
            pytest.skip("no time")

        @pytest.mark.mixtral(allow_unused=True)
        def test_allowed(mixtral_server): mixtral_server.next("429")
    """
    ran = result(run, test)
    ran.assert_outcomes(passed=2, failed=1, skipped=1, errors=1)
    ran.stdout.fnmatch_lines(["*mixtral_api: expected a request for all that was set up*", "  reply('never said')"])


def test_background_call__fails_no_test_that_is_not_told_to(run: pytest.Pytester) -> None:
    """Somebody's telemetry."""
    test = """
        import pytest, socket, threading

        def report():
            try:
                socket.create_connection(("telemetry.invalid", 443))
            except AssertionError:
                pass

        def send():
            thread = threading.Thread(target=report, daemon=True)
            thread.start()
            thread.join()

        def test_quiet(mixtral_server): send()

        @pytest.mark.mixtral(strict_background=True)
        def test_strict(mixtral_server): send()
    """
    ran = result(run, test)
    ran.assert_outcomes(passed=2, errors=1)
    ran.stdout.fnmatch_lines(["*a connection to telemetry.invalid:443 (in a background thread)*"])
