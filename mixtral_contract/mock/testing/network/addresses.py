"""Which addresses a test reaches: this machine, and the hosts that it names. Pure: what was looked up is told to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import urlsplit

THIS_MACHINE = frozenset(("localhost", "127.0.0.1", "::1"))
"""Hosts that are never mocked and always reached."""

PASS = object()
"""Instead of an answer: the request goes to its host."""

_OWN = THIS_MACHINE | {"", "0.0.0.0", "::"}  # noqa: S104  nothing listens here: who connects to them stays here
_PROXIES = frozenset(("http_proxy", "https_proxy", "all_proxy", "socks_proxy"))
_PORTS = {"http": 80, "https": 443}


def normal_form(host: object) -> str:
    """A host as hosts are compared: in small letters, without the last dot, an IPv4 address as one; empty for none."""
    if host is None:
        return ""
    name = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    name = name.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


class AllowList:
    """The names of this machine, and `hosts`; the addresses of a host are learnt."""

    def __init__(self, hosts: Collection[str], own_name: str = "") -> None:
        self.named = {normal_form(host) for host in hosts}
        self._reached = set(_OWN | self.named)
        if own_name:
            self._reached.add(normal_form(own_name))

    def __contains__(self, host: object) -> bool:
        name = normal_form(host)
        return name in self._reached or name.endswith(".localhost")

    def add(self, host: object) -> None:
        """Lets one more host through."""
        self.named.add(normal_form(host))
        self._reached.add(normal_form(host))

    def learn(self, host: object, addresses: Iterable[object]) -> None:
        """Lets through the addresses at which a host was found, if it is let through itself."""
        if host in self:
            self._reached.update(normal_form(address) for address in addresses)


def proxies(environment: Mapping[str, str]) -> list[str]:
    """The proxies that an environment names."""
    return [value for name, value in environment.items() if value and name.lower() in _PROXIES]


def proxy_at(proxies: Iterable[str], host: object, port: object) -> str | None:
    """Which of these proxies (URLs, or host and port) is at this address; None when none is."""
    for proxy in proxies:
        try:
            address = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            found = normal_form(address.hostname), address.port or _PORTS.get(address.scheme, 1080)
        except ValueError:  # it is no URL, so nobody gets there by it
            continue
        if found == (normal_form(host), port):
            return f"{address.scheme}://{address.hostname}:{found[1]}"
    return None
