from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mixtral_contract.mock.admin.live_page import content
from tests.mock.conftest import Start, running
from tests.support import browser

BODY = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3}
SWITCH = '[data-script="503"]'
ROWS = "#requests tbody tr"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; each opens pages of its own."""
    with browser.running() as started:
        yield started


def _ask(address: str, key: str = "mock-valid", **fields: Any) -> httpx.Response:
    return httpx.post(f"{address}/v1/chat/completions", json=BODY | fields, headers={"Authorization": f"Bearer {key}"})


def _open(chromium: Browser, address: str) -> Page:
    page = browser.open_page(chromium, f"{address}/_mock/")
    expect(page.locator("#live")).to_have_class("live")
    return page


def _state(address: str) -> Any:
    return httpx.get(f"{address}/_mock/state").json()


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


def test_empty_page__says_what_to_do_first(chromium: Browser, start: Start) -> None:
    """A command with this server's own address, and no key."""
    address = start()
    page = _open(chromium, address)
    expect(page.locator("#empty")).to_be_visible()
    assert f"curl {address}/v1/chat/completions" in page.inner_text("#example")
    assert "mock-valid" not in page.content()
    assert browser.complaints(page) == []


def test_requests__appear_as_they_come(chromium: Browser, start: Start) -> None:
    """With what became of them; what a client sent is text and never markup."""
    address = start()
    page = _open(chromium, address)
    _ask(address)
    _ask(address, "mock-wrong")
    httpx.post(f"{address}/v1/<img src=x onerror=document.title=1>")
    expect(page.locator(ROWS)).to_have_count(3)
    rows = page.locator(ROWS).all_inner_texts()
    assert "404" in rows[0]
    assert "<img src=x" in rows[0]
    assert "wrong-key" in rows[1]
    assert re.search(r"nvidia\s+200\s+valid", rows[2])
    assert page.locator("img").count() == 0
    page.click('[data-show="refused"]')
    expect(page.locator(ROWS)).to_have_count(2)
    assert browser.complaints(page) == []


def test_one_request__is_shown_whole(chromium: Browser, start: Start) -> None:
    """Its entry in the journal, on a click."""
    address = start()
    completion = _ask(address).json()["id"]
    page = _open(chromium, address)
    page.click("#requests tbody button")
    expect(page.locator("#requests pre").first).to_contain_text(f"completion_id: {completion}", use_inner_text=True)


def test_stream_under_way__is_shown_with_its_progress(chromium: Browser, start: Start) -> None:
    """And gone when its client is."""
    address = start("--itl-ms", "3600000")
    page = _open(chromium, address)
    headers = {"Authorization": "Bearer mock-valid"}
    with httpx.stream(
        "POST", f"{address}/v1/chat/completions", json=BODY | {"stream": True}, headers=headers
    ) as answer:
        received = answer.iter_bytes()
        next(received)
        expect(page.locator("#streams progress")).to_have_js_property("value", 1)
        assert "1 of 3" in page.inner_text("#streams")
        assert page.inner_text("#tokens") == "1"
    expect(page.locator("#streams")).to_have_text("", use_inner_text=True)
    expect(page.locator("#requests")).to_contain_text("client left", use_inner_text=True)


def test_incident__is_switched_on_and_off_by_a_click(chromium: Browser, start: Start) -> None:
    """The server does what the switch shows; the keyboard does as well as the mouse."""
    address = start()
    page = _open(chromium, address)
    page.click("#script")
    page.keyboard.insert_text("503")
    page.keyboard.press("Enter")
    expect(page.locator(SWITCH)).to_have_attribute("aria-checked", "true")
    assert _ask(address).status_code == 503
    page.click(SWITCH)
    expect(page.locator(SWITCH)).to_have_attribute("aria-checked", "false")
    assert _ask(address).status_code == 200
    page.focus(SWITCH)
    page.keyboard.press(" ")
    expect(page.locator(SWITCH)).to_have_attribute("aria-checked", "true")
    assert _ask(address).status_code == 503
    expect(page.locator("#switches")).to_contain_text("applied 1", use_inner_text=True)
    assert browser.complaints(page) == []


def test_incident_that_is_none__is_refused_with_a_reason(chromium: Browser, start: Start) -> None:
    """Beside the field, and nothing is switched."""
    address = start()
    page = _open(chromium, address)
    page.click("#script")
    page.keyboard.insert_text("no-such-thing")
    page.click("#add button")
    expect(page.locator("#incidents-alert")).to_contain_text("no-such-thing", use_inner_text=True)
    assert _state(address)["incidents"] == []


def test_pace__is_applied(chromium: Browser, start: Start) -> None:
    """To what comes."""
    address = start()
    page = _open(chromium, address)
    expect(page.locator("#ttft_ms")).to_have_value("0")
    page.click("#ttft_ms")
    page.evaluate("document.querySelector('#ttft_ms').select()")
    page.keyboard.insert_text("12.5")
    page.click("#pace button")
    expect(page.locator("body")).to_be_focused()
    assert _state(address)["pace"]["ttft_ms"] == 12.5


def test_reset__forgets(chromium: Browser, start: Start) -> None:
    """The journal, and the rows with it."""
    address = start()
    _ask(address)
    page = _open(chromium, address)
    expect(page.locator(ROWS)).to_have_count(1)
    page.click("#resets button")
    expect(page.locator(ROWS)).to_have_count(0)
    assert _state(address)["journal"]["requests"] == 0


def test_findings__are_shown(chromium: Browser, start: Start) -> None:
    """What the client did, in words."""
    address = start()
    for _ in range(2):
        _ask(address, "mock-wrong")
    page = _open(chromium, address)
    expect(page.locator("#findings")).to_contain_text("final retried", use_inner_text=True)


@pytest.mark.parametrize(("width", "columns"), [(1400, 2), (390, 1)])
def test_page__fits_its_window(chromium: Browser, start: Start, width: int, columns: int) -> None:
    """Nothing has to be scrolled sideways, and what stands beside each other wide stands below narrow."""
    address = start()
    _ask(address)
    httpx.post(f"{address}/v1/{'x' * 200}")
    page = _open(chromium, address)
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.locator(ROWS)).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lefts = (
        "new Set([...document.querySelectorAll('.column')].map((column) => column.getBoundingClientRect().left)).size"
    )
    assert page.evaluate(lefts) == columns


def test_server_that_is_gone__is_said(chromium: Browser) -> None:
    """Instead of figures that look alive."""
    with running() as address:
        page = _open(chromium, address)
    expect(page.locator("#live")).to_have_text("the server does not answer", use_inner_text=True)
