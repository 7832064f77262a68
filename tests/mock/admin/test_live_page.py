from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mixtral_contract.mock.admin.live_page import content
from tests.mock.conftest import Start, running
from tests.support import browser

BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
SWITCH = '[data-script="503"]'


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Browser]:
    """One browser for all tests; each opens pages of its own."""
    program = browser.executable()
    if program is None:
        pytest.skip("no Chromium on this machine")
    with browser.running(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


def _ask(address: str, key: str = "mock-valid", **fields: Any) -> httpx.Response:
    return httpx.post(f"{address}/v1/chat/completions", json=BODY | fields, headers={"Authorization": f"Bearer {key}"})


def _open(chromium: browser.Browser, address: str) -> browser.Page:
    page = chromium.open(f"{address}/_mock/")
    page.wait("document.querySelector('#live')?.className === 'live'")
    return page


def _state(address: str) -> Any:
    return httpx.get(f"{address}/_mock/state").json()


def _text(page: browser.Page, selector: str) -> str:
    return str(page.evaluate(f"document.querySelector({selector!r}).innerText"))


def test_page__is_one_file_that_loads_nothing(server: str) -> None:
    """From nowhere, and what runs in it is named by the policy."""
    answer = httpx.get(f"{server}/_mock/")
    assert answer.content == content()
    assert not re.search(r"(?:src|href)=\"(?!data:|/_mock/)|@import|url\(", answer.text)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    moved = httpx.get(f"{server}/_mock")
    assert (moved.status_code, moved.headers["location"]) == (308, "/_mock/")


def test_empty_page__says_what_to_do_first(chromium: browser.Browser, start: Start) -> None:
    """A command with this server's own address, and no key."""
    address = start()
    page = _open(chromium, address)
    page.wait("!document.querySelector('#empty').hidden")
    assert f"curl {address}/v1/chat/completions" in _text(page, "#example")
    assert "mock-valid" not in page.evaluate("document.documentElement.outerHTML")
    assert page.complaints == []


def test_requests__appear_as_they_come(chromium: browser.Browser, start: Start) -> None:
    """With what became of them; what a client sent is text and never markup."""
    address = start()
    page = _open(chromium, address)
    _ask(address)
    _ask(address, "mock-wrong")
    httpx.post(f"{address}/v1/<img src=x onerror=document.title=1>")
    page.wait("document.querySelectorAll('#requests tbody tr').length === 3")
    rows = page.evaluate("[...document.querySelectorAll('#requests tbody tr')].map((row) => row.innerText)")
    assert "404" in rows[0]
    assert "<img src=x" in rows[0]
    assert "wrong-key" in rows[1]
    assert re.search(r"nvidia\s+200\s+valid", rows[2])
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    page.click('[data-show="refused"]')
    page.wait("document.querySelectorAll('#requests tbody tr').length === 2")
    assert page.complaints == []


def test_one_request__is_shown_whole(chromium: browser.Browser, start: Start) -> None:
    """Its entry in the journal, on a click."""
    address = start()
    completion = _ask(address).json()["id"]
    page = _open(chromium, address)
    page.click("#requests tbody button")
    page.wait(f"document.querySelector('#requests pre')?.innerText.includes('completion_id: {completion}')")


def test_stream_under_way__is_shown_with_its_progress(chromium: browser.Browser, start: Start) -> None:
    """And gone when its client is."""
    address = start("--itl-ms", "3600000")
    page = _open(chromium, address)
    headers = {"Authorization": "Bearer mock-valid"}
    with httpx.stream(
        "POST", f"{address}/v1/chat/completions", json=BODY | {"stream": True}, headers=headers
    ) as answer:
        received = answer.iter_bytes()
        next(received)
        page.wait("document.querySelector('#streams progress')?.value === 1")
        assert "1 of 3" in _text(page, "#streams")
        assert _text(page, "#tokens") == "1"
    page.wait("document.querySelector('#streams').innerText === ''")
    page.wait("document.querySelector('#requests').innerText.includes('client left')")


def test_incident__is_switched_on_and_off_by_a_click(chromium: browser.Browser, start: Start) -> None:
    """The server does what the switch shows; the keyboard does as well as the mouse."""
    address = start()
    page = _open(chromium, address)
    page.click("#script")
    page.type("503")
    page.press("Enter", 13)
    page.wait(f"document.querySelector('{SWITCH}')?.ariaChecked === 'true'")
    assert _ask(address).status_code == 503
    page.click(SWITCH)
    page.wait(f"document.querySelector('{SWITCH}').ariaChecked === 'false'")
    assert _ask(address).status_code == 200
    page.evaluate(f"document.querySelector('{SWITCH}').focus()")
    page.press(" ", 32)
    page.wait(f"document.querySelector('{SWITCH}').ariaChecked === 'true'")
    assert _ask(address).status_code == 503
    page.wait("document.querySelector('#switches').innerText.includes('applied 1')")
    assert page.complaints == []


def test_incident_that_is_none__is_refused_with_a_reason(chromium: browser.Browser, start: Start) -> None:
    """Beside the field, and nothing is switched."""
    address = start()
    page = _open(chromium, address)
    page.click("#script")
    page.type("no-such-thing")
    page.click("#add button")
    page.wait("document.querySelector('#incidents-alert').innerText.includes('no-such-thing')")
    assert _state(address)["incidents"] == []


def test_pace__is_applied(chromium: browser.Browser, start: Start) -> None:
    """To what comes."""
    address = start()
    page = _open(chromium, address)
    page.wait("document.querySelector('#ttft_ms').value === '0'")
    page.click("#ttft_ms")
    page.evaluate("document.querySelector('#ttft_ms').select()")
    page.type("12.5")
    page.click("#pace button")
    page.wait("document.activeElement === document.body")
    assert _state(address)["pace"]["ttft_ms"] == 12.5


def test_reset__forgets(chromium: browser.Browser, start: Start) -> None:
    """The journal, and the rows with it."""
    address = start()
    _ask(address)
    page = _open(chromium, address)
    page.wait("document.querySelectorAll('#requests tbody tr').length === 1")
    page.click("#resets button")
    page.wait("document.querySelectorAll('#requests tbody tr').length === 0")
    assert _state(address)["journal"]["requests"] == 0


def test_findings__are_shown(chromium: browser.Browser, start: Start) -> None:
    """What the client did, in words."""
    address = start()
    for _ in range(2):
        _ask(address, "mock-wrong")
    page = _open(chromium, address)
    page.wait("document.querySelector('#findings').innerText.includes('final retried')")


@pytest.mark.parametrize(("width", "columns"), [(1400, 2), (390, 1)])
def test_page__fits_its_window(chromium: browser.Browser, start: Start, width: int, columns: int) -> None:
    """Nothing has to be scrolled sideways, and what stands beside each other wide stands below narrow."""
    address = start()
    _ask(address)
    httpx.post(f"{address}/v1/{'x' * 200}")
    page = _open(chromium, address)
    page.resize(width, 900)
    page.wait("document.querySelectorAll('#requests tbody tr').length === 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lefts = (
        "new Set([...document.querySelectorAll('.column')].map((column) => column.getBoundingClientRect().left)).size"
    )
    assert page.evaluate(lefts) == columns


def test_server_that_is_gone__is_said(chromium: browser.Browser) -> None:
    """Instead of figures that look alive."""
    with running() as address:
        page = _open(chromium, address)
    page.wait("document.querySelector('#live').innerText === 'the server does not answer'")
