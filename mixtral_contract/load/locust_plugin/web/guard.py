"""Who may use Locust's web page: pages of other origins, which a visitor's browser has open too, may not.

A form of any page can POST to an address of this machine without asking first, and an image can GET it: `/swarm`
starts a run, `/stop` ends one. So a request is refused whose Host is no name of this page (a foreign name that resolves
to this machine), whose Origin is another page, or that a browser says another site caused.

Source: Fetch, section 3.2 (Origin), https://fetch.spec.whatwg.org/; Fetch Metadata Request Headers, section 2.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Protocol
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
"""Where the page listens unless --web-host says otherwise."""

_LOCAL = frozenset(("localhost", LOOPBACK, "::1"))
_OTHERS = frozenset(("cross-site", "same-site"))


class Headers(Protocol):
    """The headers of a request, by names in any case."""

    def get(self, name: str, /) -> str | None:
        """The value of one; None without it."""


def refusal(
    headers: Headers, *, method: str, path: str, pages: Collection[str], names: Collection[str] | None
) -> str | None:
    """Why a request is refused, in one line; None when it may pass.

    `pages` are the paths that a link elsewhere may open. `names` are the hosts
    that the page is known by; None where it listens for others than this machine, who know it by names of their own.
    """
    host = headers.get("Host") or ""
    if names is not None and _name(host) not in {*_LOCAL, *names}:
        return f"host: expected a name of this machine, got {host!r} (--web-host lets others in)"
    origin = headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return f"origin: expected this page, got {origin!r}"
    is_link = method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate" and path in pages
    if headers.get("Sec-Fetch-Site") in _OTHERS and not is_link:
        return "sec-fetch-site: expected this page to ask, got another one"
    return None


def is_for_this_machine(web_host: str) -> bool:
    """Whether nobody but this machine reaches a page that listens there."""
    if web_host == "localhost":
        return True
    try:
        return ipaddress.ip_address(web_host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name in a Host header, without a port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
