"""The plugin as pytest runs it, in runs of their own."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module

import pytest

from tests.support.plugin_runs import PLUGINS, application_run
from tests.support.plugin_runs import result as _result
from tests.support.repository import ROOT

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with an application in it; its tests run in a process of their own."""
    return application_run(pytester, monkeypatch)


def test_entry_point__names_the_plugin() -> None:
    """What an installed project tells pytest to load."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    plugin = import_module(project["entry-points"]["pytest11"]["mixtral"])
    assert callable(plugin.pytest_configure)


def test_few_lines__test_an_application(run: pytest.Pytester) -> None:
    """An incident, what came of it, and nothing changed in the application; in process and on a socket."""
    test = """
        from application import joke

        def test_in_process(mixtral_api):
            mixtral_api.next("429", retry_after=1)
            assert "cats" in joke("cats")
            mixtral_api.assert_called(2)

        def test_on_a_socket(mixtral_server):
            mixtral_server.reply("Meow.")
            assert joke("cats") == "Meow."
    """
    _result(run, test, "-W", "error").assert_outcomes(passed=2)


def test_marker__sets_the_mock_up(run: pytest.Pytester) -> None:
    """The closest one counts, argument by argument."""
    test = """
        import pytest
        from application import joke

        pytestmark = pytest.mark.mixtral(ttft_ms=30, itl_ms=1, accounts=[{"key": "mine"}])

        @pytest.mark.mixtral(ttft_ms=60)
        def test_marked(mixtral_api):
            joke("cats")
            assert mixtral_api.key == "mine"
            assert (mixtral_api.mock.pace.ttft_ns, mixtral_api.mock.pace.itl_ns) == (60_000_000, 1_000_000)
    """
    _result(run, test, "--strict-markers").assert_outcomes(passed=1)


def test_wrong_marker__is_told_in_one_line(run: pytest.Pytester) -> None:
    """Without a trace of ours."""
    test = """
        import pytest

        @pytest.mark.mixtral(acounts=[])
        def test_name(mixtral_api): ...

        @pytest.mark.mixtral(itl_ms=-3)
        def test_value(mixtral_server): ...

        @pytest.mark.mixtral("429")
        def test_place(mixtral_api): ...
    """
    result = _result(run, test)
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(
        [
            "mixtral: expected arguments among accounts, *ttft_ms, got acounts",
            "mixtral: itl_ms: expected milliseconds, not negative, got -3",
            "mixtral: expected arguments by name*got ('429',)",
        ]
    )
    assert "scenario.py" not in result.stdout.str()


def test_unmatched_request__fails_the_run(run: pytest.Pytester) -> None:
    """Though the application swallowed it; `allow_unmatched` lets it pass."""
    test = """
        import httpx, pytest

        def ask(url):
            try:
                httpx.post(url)
            except AssertionError:
                pass

        def test_path(mixtral_api): ask("https://api.segmind.com/v1/nope")
        def test_host(mixtral_api): ask("https://example.com/")

        @pytest.mark.mixtral(allow_unmatched=True)
        def test_allowed(mixtral_api): ask("https://api.segmind.com/v1/nope")
    """
    result = _result(run, test)
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*mixtral_api: expected an answer for every request, got none for 1 *",
            "*POST /v1/nope * 404 unknown-url *",
            "*POST https://example.com/ * stopped, nothing left for the network",
        ]
    )


def test_failed_assertion__shows_the_line_of_the_test(run: pytest.Pytester) -> None:
    """And what was called; none of our own code."""
    test = """
        from application import joke

        def test_failing(mixtral_api):
            joke("cats")
            mixtral_api.assert_called_once_with_model("mixtral")
    """
    result = _result(run, test)
    result.stdout.fnmatch_lines(
        [
            ">*mixtral_api.assert_called_once_with_model(*",
            "E*expected one request, for the model 'mixtral', got 1 request:",
            "E*POST /v1/chat/completions*mistralai/mixtral-8x22b-instruct-v0.1*'tell me a joke on cats'*200 stop*",
        ]
    )
    assert "assertions.py" not in result.stdout.str()


def test_async_tests__have_the_fixtures(run: pytest.Pytester) -> None:
    """Under anyio's plugin; the fixtures are no coroutines and ask for no loop."""
    test = """
        import httpx, pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_async(mixtral_api, mixtral_server):
            async with httpx.AsyncClient(headers={"Authorization": "Bearer mock-valid"}) as client:
                body = {"messages": [{"role": "user", "content": "hello"}]}
                for mock in (mixtral_api, mixtral_server):
                    assert (await client.post(mock.urls["nvidia"], json=body)).status_code == 200
                    mock.assert_called(1)
    """
    _result(run, test, "-p", "anyio").assert_outcomes(passed=1)


def test_workers_of_xdist__have_mocks_of_their_own(run: pytest.Pytester) -> None:
    """Nothing is shared between them."""
    test = """
        import pytest
        from application import joke

        @pytest.mark.parametrize("number", range(4))
        def test_many(mixtral_api, mixtral_server, number):
            joke("cats")
            assert len(mixtral_api.requests) + len(mixtral_server.requests) == 1
    """
    _result(run, test, "-p", "xdist", "-n", "2").assert_outcomes(passed=4)


def test_unused_plugin__loads_nothing(run: pytest.Pytester) -> None:
    """A run that does not ask for a mock pays for pytest and two small files."""
    report = """
        import json, sys

        def pytest_unconfigure():
            packages = ("mixtral_contract", "mock_server", "spec", "contract_tests", "load")
            ours = [name for name in sys.modules if name.split(".")[0] in packages]
            heavy = ("respx", "httpx", "httpx2", "anyio", "orjson", "yaml", "uvicorn", "httptools", "mistral_common",
                     "jsonschema_rs", "asyncio")
            print(json.dumps([sorted(ours), [name for name in heavy if name in sys.modules]]))
    """
    run.makeconftest(report)
    run.makepyfile(test_nothing="def test_nothing(): ...")
    ran = run.runpytest_subprocess(*PLUGINS, "-p", "mixtral_contract.pytest_suite_plugin", "-q")
    ours, heavy = json.loads(ran.outlines[-1])
    assert ours == [
        "mixtral_contract",
        "mixtral_contract.pytest_plugin",
        "mixtral_contract.pytest_suite_plugin",
    ]
    assert heavy == []


def test_failure__shows_what_was_asked(run: pytest.Pytester) -> None:
    """What the application got is seen beside what it made of it, and where a known key is when it had none."""
    test = """
        import openai
        import pytest
        from application import joke

        def test_fails(mixtral_api):
            mixtral_api.next("429", retry_after=1)
            assert joke("cats") == "Meow."

        @pytest.mark.mixtral(strict_keys=True)
        def test_has_no_key(mixtral_server, monkeypatch):
            monkeypatch.setenv("OPENAI_API_KEY", "invented-key")
            joke("cats")

        def test_asks_nothing(mixtral_api):
            assert not mixtral_api

        def test_passes(mixtral_api):
            joke("dogs")
    """
    result = _result(run, test)
    result.assert_outcomes(failed=3, passed=1)
    shown = result.stdout.str()
    assert shown.count("mixtral_api: what was asked") == 2
    result.stdout.fnmatch_lines_random(
        [
            "  1  *'tell me a joke on cats'  * 429 *, come back in 1 s, incident 429*",
            "  2  *'tell me a joke on cats'  * 200 stop, * tokens",
            "*mixtral_server: what was asked*",
            "  1  *401 wrong-key",
            "  a known key is `.key` of this mock, and what OPENAI_API_KEY, *",
            "  nothing",
        ]
    )
    assert "invented-key" not in shown.split("mixtral_server: what was asked")[1]
    assert "joke on dogs" not in shown
