"""Sockets of which Python's own report nothing, or too late: those of uvloop and of the resolver c-ares of aiohttp.

Python's own report a connection to a name once they have looked it up, so the name is seen to before. asyncio's look-up
is here because it runs in a thread of its own, where nobody can tell any more who asked.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol
from unittest import mock as patching

from mixtral_contract.mock.testing.network.addresses import THIS_MACHINE, normal_form


class Check(Protocol):
    """Raises when a host is not reached."""

    def __call__(self, host: object, port: object = None, what: str = ...) -> None:
        """Returns when it is."""


def patches(check: Check) -> Iterator[AbstractContextManager[Any]]:
    """What has every other socket of this process ask first; nothing for what is not installed."""
    yield _before(socket.socket, "connect", functools.partial(_connect, check))
    yield _before(socket.socket, "connect_ex", functools.partial(_connect, check))
    yield _before(socket.socket, "sendto", functools.partial(_send, check))
    yield _before(socket.socket, "sendmsg", functools.partial(_send, check))
    yield _before(asyncio.BaseEventLoop, "getaddrinfo", functools.partial(_look_up, check))
    with suppress(ImportError):
        import uvloop  # noqa: PLC0415  it does not exist on every system

        yield _before(uvloop.Loop, "getaddrinfo", functools.partial(_look_up, check))
        yield _before(uvloop.Loop, "getnameinfo", functools.partial(_reverse, check))
        yield _before(uvloop.Loop, "create_connection", functools.partial(_connection, check))
        yield _before(uvloop.Loop, "create_datagram_endpoint", functools.partial(_datagrams, check))
    with suppress(ImportError):
        import pycares  # noqa: PLC0415  who has aiodns has it

        for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "query", "search"):
            if hasattr(pycares.Channel, name):
                yield _before(pycares.Channel, name, functools.partial(_query, check))
        yield _before(pycares.Channel, "getnameinfo", functools.partial(_reverse, check))


def _before(kind: type, name: str, ask: Callable[..., None]) -> AbstractContextManager[Any]:
    """A method that asks before it does what it did; a coroutine asks when it is called."""
    method = getattr(kind, name)

    @functools.wraps(method)
    def asking(self: Any, *arguments: Any, **named: Any) -> Any:
        ask(*arguments, **named)
        return method(self, *arguments, **named)

    return patching.patch.object(kind, name, asking)


def _connect(check: Check, address: Any) -> None:
    if isinstance(address, tuple) and address and isinstance(address[0], str | bytes):
        check(address[0], address[1])


def _send(check: Check, *arguments: Any) -> None:
    address = arguments[-1] if len(arguments) > 1 else None
    if isinstance(address, tuple) and address and isinstance(address[0], str | bytes):
        check(address[0], address[1], "a datagram to")


def _look_up(check: Check, host: object, port: object = None, **_: Any) -> None:
    check(host, port)


def _reverse(check: Check, address: Any, *_: Any, **__: Any) -> None:
    check(address[0], what="a look-up of")


def _connection(check: Check, _: Any, host: object = None, port: object = None, **__: Any) -> None:
    if host is not None:
        check(host, port)


def _datagrams(check: Check, _: Any, local_addr: Any = None, remote_addr: Any = None, **named: Any) -> None:
    """Lets a socket through that has one peer, which is reached, or that is bound to this machine's own address."""
    given = named.get("sock")
    if given is not None:
        with suppress(OSError):
            remote_addr = given.getpeername()
        local_addr = given.getsockname()
    if named.get("family") == socket.AF_UNIX or isinstance(remote_addr or local_addr, str | bytes):
        return
    if remote_addr:
        check(remote_addr[0], remote_addr[1], "a datagram to")
    else:
        host = normal_form(local_addr[0]) if local_addr else ""
        check(host if host in THIS_MACHINE else f"{host or '*'} to anywhere", what="datagrams of uvloop from")


def _query(check: Check, name: object, *_: Any, **__: Any) -> None:
    """Lets a look-up through; where it leads to is learnt of the system's own resolver."""
    check(name, what="a look-up of")
    if isinstance(name, str):
        with suppress(OSError):
            socket.getaddrinfo(name, None)
