from __future__ import annotations

from typing import Any

import pytest

from mixtral_contract.mock.admin.access import denied
from mixtral_contract.mock.messages.messages import Request

TOKEN = "let-me-in-please"
JSON = {"content-type": "application/json"}


def _request(method: str = "GET", body: bytes = b"", **fields: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return Request(method, "/_mock/state", "", tuple(({"host": "127.0.0.1:8000"} | named).items()), body)


def _status(request: Request, peer: str | None = "127.0.0.1", token: str | None = TOKEN) -> int | None:
    found = denied(request, peer, token)
    return None if found is None else found.status


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "::1%lo"])
def test_this_machine__is_let_in(peer: str) -> None:
    """By any of its own addresses."""
    assert _status(_request(), peer) is None


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.1.5", "::ffff:10.0.0.1", "fe80::1", "testclient", "", None])
def test_others__are_kept_out(peer: str | None) -> None:
    """Also who cannot be told."""
    assert _status(_request(), peer) == 403
    assert _status(_request(), peer, None) == 403


def test_token__lets_in_from_anywhere() -> None:
    """Under any name of this server; a wrong one, an empty one, or another scheme does not."""
    request = _request(host="mock.example", authorization=f"Bearer {TOKEN}")
    assert _status(request, "10.0.0.1") is None
    for authorization in (f"Bearer {TOKEN}x", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}\xe9"):
        assert _status(_request(authorization=authorization), "10.0.0.1") == 403
    assert _status(_request(authorization="Bearer "), "10.0.0.1", "") == 403
    assert _status(_request(authorization="Bearer None"), "10.0.0.1", None) == 403


@pytest.mark.parametrize("field", ["forwarded", "x_forwarded_for", "via"])
def test_proxy_on_this_machine__is_no_client_of_it(field: str) -> None:
    """Whom it serves is elsewhere."""
    named: dict[str, Any] = {field: "for=10.0.0.1"}
    assert _status(_request(**named)) == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "mock.localhost", "127.0.0.1", "[::1]:8000", "10.0.0.7"]
)
def test_own_names__are_let_in(host: str) -> None:
    """Addresses, and names that always mean this machine."""
    assert _status(_request(host=host)) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.nip.io", "[", "a b"]
)
def test_rebound_names__are_kept_out(host: str) -> None:
    """A browser that was told a name for this machine by someone else."""
    assert _status(_request(host=host)) == 403


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE"])
def test_changes_from_other_sites__are_refused(method: str) -> None:
    """What a page of another site can make a browser send."""
    assert _status(_request(method, b"{}", content_type="application/json")) is None
    assert _status(_request(method)) is None
    for fields in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ):
        assert _status(_request(method, b"{}", content_type="application/json", **fields)) == 403
    own = {"origin": "http://127.0.0.1:8000", "sec_fetch_site": "same-origin"}
    assert _status(_request(method, b"{}", content_type="application/json; charset=utf-8", **own)) is None


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_forms__are_refused(media_type: str) -> None:
    """A browser sends these to other sites without asking first; and a body of no type at all."""
    assert _status(_request("POST", content_type=media_type)) == 415
    assert _status(_request("POST", b"{}", content_type=media_type)) == 415
    assert _status(_request("POST", b"{}")) == 415


def test_reading__may_come_from_a_link() -> None:
    """What comes back cannot be read by the other site."""
    assert _status(_request(origin="http://evil.example", sec_fetch_site="cross-site")) is None
