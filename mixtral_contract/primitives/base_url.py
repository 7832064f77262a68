"""The base URL of a server, taken apart: how it is reached, and where an operation is below it."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_PRIVATE_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa", ".test")
_LOCAL_NAME = re.compile(r"[a-z][a-z0-9_-]*")
"""One label; it begins with a letter, for systems read a bare number as an IP address."""


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where a server is: `path` is what stands before an operation's own path, often nothing."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> BaseUrl:
        """The address that a base URL is.

        Raises: ValueError when it is no http or https URL, or holds what a base URL has no place for; what may be a
        secret in it is not repeated.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            host = parts.hostname or ""
            host.encode("idna")
        except ValueError as error:
            raise ValueError(f"expected an http or https URL, got one with an invalid host or port ({error})") from None
        if "@" in parts.netloc:
            raise ValueError("expected a URL without user and password (a key belongs in an environment variable)")
        if parts.scheme not in _PORTS or not host:
            raise ValueError(f"expected an http or https URL such as http://127.0.0.1:8000, got {url!r}")
        if parts.query or parts.fragment or not url.isprintable() or " " in url:
            raise ValueError("expected a base URL without query, fragment or spaces, got another one (not shown)")
        return cls(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """Host and port as the Host header names them: without the scheme's own port.

        Source: RFC 9110 section 7.2.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL again, in one spelling."""
        return f"{self.scheme}://{self.authority}{self.path}"

    def target(self, path: str) -> str:
        """The request target of an operation: its path behind the base's.

        A base that already ends in the operation's first segment, as SDKs write it (`http://host/v1`), is not doubled.
        """
        first = "/" + path.lstrip("/").partition("/")[0]
        return self.path.removesuffix(first) + path

    def endpoint(self, path: str) -> str:
        """The URL of an operation."""
        return f"{self.scheme}://{self.authority}{self.target(path)}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine."""
        number = self._number
        return self.host == "localhost" if number is None else number.is_loopback

    @property
    def is_private(self) -> bool:
        """Whether the server is on this machine or in a network of its owner's, as far as the address tells.

        Nothing is looked up: a name counts as private when no public one can be like it, one without a dot (a service
        of a compose file) or below a domain that is reserved for such use.

        Source: RFC 6761, RFC 6762, RFC 8375, and the IANA registries of special addresses that `ipaddress` follows.
        """
        number = self._number
        if number is not None:
            return not number.is_global
        name = self.host.removesuffix(".")
        return bool(_LOCAL_NAME.fullmatch(name)) or name.endswith(_PRIVATE_DOMAINS)

    @property
    def _number(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The IP address that the host is; None for a name."""
        try:
            number = ipaddress.ip_address(self.host)
        except ValueError:
            return None
        mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
        return mapped or number
