"""Where the requests of a process go: the addresses of the target's name, looked up once, and how TLS is verified."""

from __future__ import annotations

import os
import socket
import ssl
from typing import Any

import certifi
import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.lock import BoundedSemaphore  # type: ignore[import-untyped]

from mixtral_contract.primitives.base_url import BaseUrl

SocketAddress = tuple[int, Any]
"""The family of a socket and what it connects to."""


def tls_context() -> ssl.SSLContext:
    """A context that verifies servers against certifi's authorities, or those in the file that SSL_CERT_FILE names."""
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())


class Destination:
    """The target's addresses in the order in which they are tried; none before `resolve`."""

    def __init__(self, target: BaseUrl, tls: ssl.SSLContext | None = None) -> None:
        self.target = target
        self.tls = (tls or tls_context()) if target.scheme == "https" else None
        self.addresses: tuple[SocketAddress, ...] = ()
        self._one_at_a_time = BoundedSemaphore()

    def resolve(self) -> None:
        """Looks the name up; other greenlets go on meanwhile, and those that want the same wait for it.

        Raises: OSError when the name has no address.
        """
        with self._one_at_a_time:
            if not self.addresses:
                found = gevent.get_hub().resolver.getaddrinfo(
                    self.target.host, self.target.port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP
                )
                self.addresses = tuple((int(family), address) for family, _, _, _, address in found)

    def prefer(self, address: SocketAddress) -> None:
        """Takes note of one that answered: the next connection tries it first."""
        if self.addresses[0] != address:
            self.addresses = (address, *(each for each in self.addresses if each != address))
