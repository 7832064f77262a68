"""Who may use the page of a load run: each way by which a page elsewhere can make a browser ask."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from mixtral_contract.load.locust_plugin.web.guard import is_for_this_machine, refusal

PAGES = ("/", "/llm")
HERE = "127.0.0.1:8089"


def refused(method: str = "POST", path: str = "/swarm", **headers: str) -> str | None:
    """What the guard of a page on this machine says; header names with underscores."""
    named = {name.replace("_", "-"): value for name, value in {"Host": HERE, **headers}.items()}
    return refusal(Headers(named), method=method, path=path, pages=PAGES, names={"127.0.0.1"})


@pytest.mark.parametrize("host", [HERE, "localhost:8089", "[::1]:8089", "LOCALHOST:8089"])
def test_page_itself__may_ask(host: str) -> None:
    """By every name of this machine; and a program that sends no Origin."""
    assert refused(Host=host) is None
    assert refused(Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin") is None


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:8090", "null", "http://127.0.0.1", ""])
def test_other_origin__is_refused(origin: str) -> None:
    """A form of another page, another port of this machine, a sandboxed frame."""
    assert "origin" in (refused(Origin=origin) or "")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8089", "127.0.0.1.evil.example", "", "["])
def test_foreign_name__is_refused(host: str) -> None:
    """A name that somebody made to resolve to this machine: such a page is its own origin."""
    assert "host" in (refused("GET", "/", Host=host) or "")
    assert "host" in (refused(Host=host, Origin=f"http://{host}") or "")


@pytest.mark.parametrize("path", ["/stop", "/stats/reset", "/llm/figures.json", "/swarm"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_image_of_another_site__is_refused(path: str, site: str) -> None:
    """Locust's page stops a run by GET, for which browsers send no Origin."""
    assert refused("GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
    assert refused("GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate")


@pytest.mark.parametrize("path", PAGES)
def test_link_to_the_page__may_be_followed(path: str) -> None:
    """It shows something, and changes nothing."""
    assert refused("GET", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") is None
    assert refused("POST", path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")


def test_page_for_others__is_known_by_names_of_theirs() -> None:
    """Whoever opened it with --web-host; another origin is refused all the same."""
    headers = {"Host": "load-box.example:8089"}
    assert refusal(Headers(headers), method="POST", path="/swarm", pages=PAGES, names=None) is None
    headers["Origin"] = "http://evil.example"
    assert refusal(Headers(headers), method="POST", path="/swarm", pages=PAGES, names=None)


@pytest.mark.parametrize(
    ("web_host", "only"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],  # noqa: S104
)
def test_loopback__is_for_this_machine(web_host: str, *, only: bool) -> None:
    """Nobody else reaches it."""
    assert is_for_this_machine(web_host) is only
