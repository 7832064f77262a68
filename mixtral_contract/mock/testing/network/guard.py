"""Keeps this process from every host that a test does not let through, whatever client asks for it.

Python's own sockets report what they are about to do as audit events, which no client gets past: sync or async, in any
thread. What has sockets of its own below Python (uvloop, c-ares) is guarded in `other_sockets`. Several guards at a
time: the one that was started last decides.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest import mock as patching

from mixtral_contract.mock.testing.network.addresses import AllowList, normal_form, proxies, proxy_at
from mixtral_contract.mock.testing.network.callers import Callers
from mixtral_contract.mock.testing.network.other_sockets import patches

_INTERNET = frozenset((socket.AF_INET, socket.AF_INET6))


class UnmockedError(AssertionError):
    """A request that nothing answers was about to leave for the network; it did not."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was about to leave; `in_background` says that it was not the test's."""

    text: str
    in_background: bool

    def __str__(self) -> str:
        return f"{self.text} (in a background thread)" if self.in_background else self.text


class NetworkGuard:
    """Stops what is about to leave this machine, from `start` until `stop`, and lists it in `stopped`.

    `passthrough` are hosts that are reached all the same, `explain` says what to do about a host that is not. A call to
    one of the `vendors` is the test's, whoever makes it.
    """

    def __init__(
        self, passthrough: Collection[str], explain: Callable[[str], str], vendors: Collection[str] = ()
    ) -> None:
        self.stopped: list[Stopped] = []
        self.allowed = AllowList(passthrough, socket.gethostname())
        self._explain = explain
        self._vendors = frozenset(vendors)
        self._callers = Callers()
        self._patched = ExitStack()

    def start(self) -> None:
        """Stops everything from now on."""
        self._callers.begin()
        with ExitStack() as patched:
            patched.enter_context(patching.patch.object(socket, "getaddrinfo", self._learning(socket.getaddrinfo)))
            for patch in patches(self.check_host):
                patched.enter_context(patch)
            self._patched = patched.pop_all()
        _listen()
        _started.append(self)

    def stop(self) -> None:
        """Lets everything through again."""
        _started.remove(self)
        self._patched.close()

    def check_host(self, host: object, port: object = None, what: str = "a connection to") -> None:
        """Returns when a host, by name or address, is reached.

        Raises: UnmockedError when it is not; then it is in `stopped`.
        """
        if host in self.allowed:
            self._check_proxy(host, port)
            return
        name = normal_form(host)
        where = name if port in (None, 0, "") else f"{name}:{_text(port)}"
        raise self.refuse(f"{what} {where}", self._explain(name), is_own=name in self._vendors)

    def refuse(self, what: str, explanation: str, *, is_own: bool = False) -> UnmockedError:
        """Writes down what did not leave; what to raise for it. `is_own` says that it is the test's in any case."""
        self.stopped.append(Stopped(what, not is_own and self._callers.in_background()))
        return UnmockedError(f"{what}: {explanation}")

    def _check_proxy(self, host: object, port: object) -> None:
        if normal_form(host) in self.allowed.named:
            return
        proxy = proxy_at(proxies(os.environ), host, port)
        if proxy is not None:
            explanation = "expected no proxy, through which everything leaves, got one of the environment"
            raise self.refuse(f"a connection to the proxy {proxy}", explanation)

    def _learning(self, look_up: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(look_up)
        def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
            found = look_up(host, *arguments, **named)
            self.allowed.learn(host, [address[4][0] for address in found])
            return found

        return getaddrinfo


def _text(port: object) -> str:
    return port.decode("ascii", "replace") if isinstance(port, bytes) else str(port)


_started: list[NetworkGuard] = []
"""The guards that run. It stands here because an audit hook cannot be taken away again: it asks this list for ever."""


@functools.cache
def _listen() -> None:
    """Hears of all audit events of this process, once and for all."""
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _started or not event.startswith("socket."):
        return
    guard = _started[-1]
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        sender, address = arguments[:2]
        if sender.family in _INTERNET and isinstance(address, tuple):
            what = "a connection to" if event == "socket.connect" else "a datagram to"
            guard.check_host(address[0], address[1], what)
    elif event == "socket.getaddrinfo":
        guard.check_host(arguments[0], arguments[1])
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        guard.check_host(arguments[0], what="a look-up of")
    elif event == "socket.getnameinfo" and isinstance(arguments[0], tuple):
        guard.check_host(arguments[0][0], what="a look-up of")
