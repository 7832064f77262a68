"""Who may use the control API: clients of this machine, or who knows the token; never another site in a browser.

Pure. A browser is the one client of this machine that others tell what to ask. Against a name that was made to point
here (DNS rebinding) Host must be an address or localhost; against a page of another site, what it sends along is
refused: Origin, a form's media type, Sec-Fetch-Site.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from mixtral_contract.mock.messages.messages import Request

_READING = frozenset(("GET", "HEAD"))
_FORWARDED = ("forwarded", "x-forwarded-for", "via")


class Denied(NamedTuple):
    """Why not: the status to say so with, and the reason."""

    status: int
    message: str


def denied(request: Request, peer: str | None, token: str | None) -> Denied | None:
    """Why the request may not be served; None when it may.

    `peer` is the client's address, None for one that cannot be told; `token` admits from anywhere, None when there is
    none.
    """
    headers = request.headers
    if not _knows(token, headers.get("authorization", "")):
        if not _is_local(peer) or any(name in headers for name in _FORWARDED):
            return Denied(403, "control: expected a client on this machine, or the token of --control-token-env")
        host = headers.get("host", "")
        if host and not _is_own(host):
            return Denied(403, f"host: expected an address or localhost, got {host[:100]!r}")
    return None if request.method in _READING else _denied_change(request)


def _denied_change(request: Request) -> Denied | None:
    headers = request.headers
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
        return Denied(403, f"origin: expected this server's own page, got {origin[:100]!r}")
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return Denied(403, "sec-fetch-site: expected this server's own page, got another")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and (media_type or request.body):
        return Denied(415, f"content-type: expected application/json, got {media_type[:100] or 'none'}")
    return None


def _knows(token: str | None, authorization: str) -> bool:
    scheme, _, sent = authorization.partition(" ")
    return (
        bool(token) and scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), str(token).encode())
    )


def _is_local(peer: str | None) -> bool:
    if peer is None:
        return False
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_own(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or name.endswith(".localhost") or bool(ipaddress.ip_address(name))
    except ValueError:
        return False
