"""Locust's web page with a run: the figures that it tells, and what a real browser makes of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.load.test_locust_command import KEY, LATEST_S, distributed, end
from tests.support import browser
from tests.support.repository import ROOT
from tests.support.scripted_stream_server import WHOLE, Script, ScriptedServer, Sleep, answer, stream

OUTCOMES = "#outcomes tr"

REFUSAL = json.dumps({"error": {"message": f"<b>wrong</b> key {KEY}"}}).encode()

LOGIN = """
from locust import events

@events.init.add_listener
def set_up(environment, **_):
    environment.web_ui.app.secret_key = "of a test"
    environment.web_ui.login_manager.user_loader(lambda name: None)
"""
"""What Locust wants of somebody who uses --web-login, as far as nobody is let in."""


def mostly(number: int) -> Script:
    """Two streams, then a refusal that quotes the key, and so on."""
    return [answer("401 Unauthorized", REFUSAL)] if number % 3 == 2 else stream(5, ttft_s=0.05, itl_s=0.02)


@contextlib.contextmanager
def page(out: Path, *arguments: str, autostart: bool = True) -> Iterator[str]:
    """The address of Locust's page, with a run that has started by itself if it may; it ends with Ctrl-C."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "locust", "-f", "load/", "--out", str(out)),
            *(["--autostart"] if autostart else []),
            *("--web-host", "127.0.0.1", "--web-port", str(port), "--api-key-env", "A_KEY", *arguments),
        ],
        cwd=ROOT,
        env={**os.environ, "A_KEY": KEY, "XDG_STATE_HOME": str(out / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or answers(f"{address}/llm"))
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        end(process, out)


def answers(url: str) -> bool:
    """Whether anybody answers there."""
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def get(url: str) -> str:
    """The text at an address."""
    return httpx.get(url, timeout=LATEST_S).raise_for_status().text


def figures(address: str) -> Any:
    """The figures of the run, as the page asks for them."""
    return json.loads(get(f"{address}/llm/figures.json"))


def until(holds: Callable[[], Any]) -> Any:
    """What holds, as soon as it does."""
    ends_s = time.monotonic() + LATEST_S
    while not (found := holds()):
        assert time.monotonic() < ends_s, "it never came to be so"
        time.sleep(0.1)
    return found


def running(address: str) -> Any:
    """The figures of a run that goes and has counted something in its window."""
    found = figures(address)
    counted = found["run"] is not None and found["outcomes"]["ok"] > 0 and found["outcomes"]["http_error"] > 0
    return found if counted and found["phase"] != "over" else None


def outcomes(shown: Page) -> list[list[str]]:
    """The table of outcomes on the live page, cell by cell."""
    return [row.split("\t") for row in shown.locator(OUTCOMES).all_inner_texts()]


@pytest.mark.parametrize("processes", [1, 2])
def test_figures__are_told_while_the_run_goes_and_are_its_summary_in_the_end(tmp_path: Path, processes: int) -> None:
    """Of one process as of two; and no key in anything that the page tells."""
    arguments = ("-u", "4", "-t", "6s", "--warmup", "500ms")
    with (
        ScriptedServer(mostly) as server,
        page(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments)) as address,
    ):
        seen = until(lambda: running(address))
        told = [get(address + path) for path in ("/llm", "/llm/figures.json", "/llm/metrics", "/stats/requests", "/")]
        last = until(lambda: (found := figures(address))["phase"] == "over" and found)
    assert (seen["phase"], seen["state"], seen["run"]["workers"]) == ("measuring", "running", processes)
    assert 0 <= seen["counted_until_s"] <= seen["now_s"]
    assert 0 <= seen["in_flight"] <= 4
    assert seen["achieved_per_s"] > 0
    assert seen["figures"]["ttft_ms"]["mean"] >= 50
    assert sum(seen["timeline"]["output_tokens_per_s"]) > 0
    assert seen["errors"][0]["example"].startswith("<b>wrong</b> key ***")
    assert not any(KEY in text for text in (*told, json.dumps(last)))
    assert 'mixtral_load_requests_total{outcome="http_error"} ' in told[2]
    (extended,) = json.loads(told[3])["extended_stats"]
    assert {"verdict so far", "in flight", "ttft_ms"} <= {row["figure"] for row in extended["data"]}
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert last["outcomes"] == summary["outcomes"]
    assert (last["verdict"], last["headline"]) == (summary["validity"]["verdict"], summary["headline"])
    assert last["achieved_per_s"] == summary["requests_per_s"]
    assert last["in_flight"] == 0


def test_page__is_one_file_behind_the_same_login(tmp_path: Path) -> None:
    """With --web-login none of its addresses tells anything; Locust's own are no different."""
    login = tmp_path / "login.py"
    login.write_text(LOGIN, encoding="utf-8")
    with (
        ScriptedServer(mostly) as server,
        page(tmp_path, "--host", server.url, "-u", "1", "-t", "60s", "--web-login", "-f", f"load/,{login}") as address,
    ):
        for path in ("/llm", "/llm/figures.json", "/llm/metrics", "/stats/requests"):
            told = httpx.get(address + path, timeout=LATEST_S)
            assert (told.status_code, told.headers.get("location")) == (302, f"/login?next={quote(path, safe='')}")
            assert "outcomes" not in told.text


def ask(address: str, **fields: str) -> None:
    """Asks for a run, as the form of Locust's page does."""
    asked = {"user_count": "2", "spawn_rate": "2", **fields}
    assert httpx.post(f"{address}/swarm", data=asked, timeout=LATEST_S).json()["success"]


def test_page__without_a_run_says_why_and_shows_nothing_else(tmp_path: Path) -> None:
    """Before the first, after one that did not start, and until one goes."""
    with (
        ScriptedServer(mostly) as server,
        page(tmp_path, "--host", server.url, autostart=False) as address,
        browser.running() as chromium,
    ):
        shown = browser.open_page(chromium, f"{address}/llm")
        phase, found = shown.locator("#phase"), shown.locator("#found")
        expect(phase).to_have_text(re.compile(r"^No run yet\."))
        assert found.is_hidden()
        ask(address, host="<b>nowhere</b>")
        expect(phase).to_have_text(re.compile(r"^The run did not start\. --host: expected an http or https URL"))
        assert found.is_hidden()
        ask(address, host=server.url)
        expect(found).to_be_visible()
        assert "did not start" not in (phase.text_content() or "")
        assert browser.complaints(shown) == []


def test_form__takes_durations_and_says_why_no_run_started(tmp_path: Path) -> None:
    """As the command line writes them; what was wrong is told on the live page until a run starts."""
    with ScriptedServer(mostly) as server, page(tmp_path, "--host", server.url, autostart=False) as address:
        assert figures(address)["refusal"] is None
        ask(address, slo="ttft<soon@p99")
        refusal = until(lambda: figures(address)["refusal"])
        assert refusal.startswith("--slo: expected a duration such as 5s")
        ask(address, slo="", warmup="500ms", run_time="60")
        seen = until(lambda: (found := figures(address))["run"] is not None and found)
        assert seen["run"]["warmup_s"] == 0.5
        assert "refusal" not in seen


def test_page__has_no_empty_cards_where_there_is_no_stream(tmp_path: Path) -> None:
    """A dialect without one shows how long whole answers take, and nothing that it cannot have."""
    with (
        ScriptedServer(lambda _: [Sleep(0.05), answer("200 OK", WHOLE)]) as server,
        page(tmp_path, "--host", server.url, "-u", "2", "-t", "60s", "--dialect", "segmind") as address,
        browser.running() as chromium,
    ):
        shown = browser.open_page(chromium, f"{address}/llm")
        expect(shown.locator("#figures th").first).to_have_text("e2e_ms")
        cards = shown.locator("h3").all_text_contents()
        assert "End to end" in cards
        assert "Time to first token" not in cards
        assert "nothing yet" not in shown.inner_text("body")
        assert shown.locator("#charts svg").count() == 4
        assert browser.complaints(shown) == []


def test_page__shows_the_run_in_a_browser(tmp_path: Path) -> None:
    """Figures and charts that move, nothing thrown and nothing loaded from elsewhere, in wide and narrow windows."""
    with (
        ScriptedServer(mostly) as server,
        page(tmp_path, "--host", server.url, "-u", "4", "-t", "60s", "--slo", "ttft<2s@p50") as address,
        browser.running() as chromium,
    ):
        shown = browser.open_page(chromium, f"{address}/llm")
        expect(shown.locator(OUTCOMES)).to_have_count(2)
        first = outcomes(shown)
        assert [row[0] for row in first] == ["ok", "http_error"]
        # what a server says is text, not markup
        assert first[1][3] == "401 <b>wrong</b> key ***"
        until(lambda: int(outcomes(shown)[0][1]) > int(first[0][1]))
        assert shown.locator("#charts svg").count() == 5
        assert (shown.locator("#charts path.line").first.get_attribute("d") or "").startswith("M")
        assert (shown.text_content("#verdict") or "").endswith(" so far.")
        assert (shown.text_content("#slo") or "").startswith("ttft<2000ms@p50")
        for width in (1300, 380):
            shown.set_viewport_size({"width": width, "height": 900})
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert browser.complaints(shown) == []
        own = browser.open_page(chromium, address)
        own.get_by_role("tab", name="LLM", exact=True).click()
        expect(own.get_by_role("cell", name="ttft_ms", exact=True).first).to_be_visible()
        own.get_by_role("tab", name="Download Data", exact=True).click()
        expect(own.locator("a[href$='/llm']").first).to_be_visible()


def test_sweep__is_on_the_page_when_it_has_ended(tmp_path: Path) -> None:
    """By itself, with a row for each stage and the figures of the last one."""
    arguments = ("--sweep", "1,2", "--stage", "1s", "--warmup", "100ms")
    with (
        ScriptedServer(lambda _: stream(3)) as server,
        page(tmp_path, "--host", server.url, *arguments) as address,
    ):
        last = until(lambda: (found := figures(address))["phase"] == "over" and found)
        until(lambda: figures(address)["state"] == "stopped")
    assert [stage["load"] for stage in last["stages"]] == ["1 user", "2 users"]
    assert last["run"]["users"] == 2


def test_sweep_with_autoquit__ends_with_its_page(tmp_path: Path) -> None:
    """As a run does whose time is over."""
    arguments = ("--sweep", "1,2", "--stage", "1s", "--warmup", "100ms", "--autoquit", "0")
    with ScriptedServer(lambda _: stream(3)) as server, page(tmp_path, "--host", server.url, *arguments) as address:
        until(lambda: not answers(address))
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["stages"]) == 2


def test_form_of_another_page__starts_no_run_and_carries_no_key_away(tmp_path: Path) -> None:
    """A browser sends a form anywhere without asking; and what the page itself may change is not where the key goes."""
    with ScriptedServer(lambda _: stream(3)) as ours, ScriptedServer(lambda _: stream(3)) as elsewhere:
        with page(tmp_path, "--host", ours.url, autostart=False) as address:
            form = {"user_count": "1", "spawn_rate": "1", "host": elsewhere.url}
            for headers in (
                {"Origin": "http://evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Host": "evil.example"},
            ):
                refused = httpx.post(f"{address}/swarm", data=form, headers=headers)
                assert refused.status_code == httpx.codes.FORBIDDEN, headers
            kept = httpx.post(f"{address}/swarm", data={**form, "api_key_env": "PATH"}, headers={"Origin": address})
            assert kept.status_code == httpx.codes.FORBIDDEN
            assert not elsewhere.requests
            assert httpx.post(f"{address}/swarm", data=form, headers={"Origin": address}).json()["success"]
            until(lambda: elsewhere.requests)
        assert not any(KEY in str(request) for request in elsewhere.requests)
        # the list of models was asked for there, too, and without it
        assert elsewhere.pages
        assert not any(KEY in head for head in elsewhere.pages)
        assert not ours.requests
