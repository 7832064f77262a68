"""What is about to leave is stopped and named, whatever client and resolver it comes from.

Nothing here would reach another machine even without the guard: names end in .invalid (RFC 6761), addresses are those
for documentation (RFC 5737), and 127.0.0.2, which no test lets through, stands for a host that answers.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import aiohttp
import anyio
import httpx
import pytest
import requests
import urllib3
import uvloop

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.mock.testing.network.guard import UnmockedError
from tests.support.api_requests import NVIDIA, body

NAME = "nowhere.invalid"
VENDOR = "integrate.api.nvidia.com"

on_each_mock = pytest.mark.parametrize("kind", [MixtralApi, MixtralServer])


async def _aiohttp(url: str, **session: Any) -> None:
    async with aiohttp.ClientSession(**session) as client, client.post(url, json={}) as answer:
        await answer.read()


async def _threaded_resolver(url: str) -> None:
    await _aiohttp(url, connector=aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver()))


async def _asyncio(host: str, port: int) -> None:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    await writer.wait_closed()


async def _anyio(host: str, port: int) -> None:
    try:
        await (await anyio.connect_tcp(host, port)).aclose()
    except BaseExceptionGroup as group:  # of the attempts that it makes side by side
        raise group.exceptions[0] from None


def _in_a_thread(call: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  raised below
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _http_client(host: str, port: int) -> None:
    with closing(http.client.HTTPConnection(host, port, timeout=5)) as connection:
        connection.request("GET", "/")


def _create_connection(host: str, port: int) -> None:
    socket.create_connection((host, port), 5).close()


def _bare(host: str, port: int, method: str) -> None:
    with socket.socket() as sock:
        sock.settimeout(5)
        getattr(sock, method)((host, port))


def _below(host: str, port: int) -> None:
    """A socket of the C module, which no class of Python's is in front of."""
    import _socket  # noqa: PLC0415

    sock = _socket.socket()
    try:
        sock.connect((host, port))
    finally:
        sock.close()


CLIENTS: dict[str, Callable[[str, int], object]] = {
    "requests": lambda host, port: requests.post(f"http://{host}:{port}/", json={}, timeout=5),
    "urllib3": lambda host, port: urllib3.PoolManager(retries=False).request("GET", f"http://{host}:{port}/"),
    "urllib": lambda host, port: urllib.request.urlopen(f"http://{host}:{port}/", timeout=5),
    "http.client": _http_client,
    "create_connection": _create_connection,
    "connect": lambda host, port: _bare(host, port, "connect"),
    "connect_ex": lambda host, port: _bare(host, port, "connect_ex"),
    "_socket": _below,
    "asyncio": lambda host, port: asyncio.run(_asyncio(host, port)),
    "uvloop": lambda host, port: uvloop.run(_asyncio(host, port)),
    "anyio": lambda host, port: anyio.run(_anyio, host, port),
    "aiohttp": lambda host, port: asyncio.run(_aiohttp(f"http://{host}:{port}/")),
    "aiohttp, system's resolver": lambda host, port: asyncio.run(_threaded_resolver(f"http://{host}:{port}/")),
    "aiohttp on uvloop": lambda host, port: uvloop.run(_aiohttp(f"http://{host}:{port}/")),
    "aiohttp on uvloop, system's resolver": lambda host, port: uvloop.run(_threaded_resolver(f"http://{host}:{port}/")),
    "a thread": lambda host, port: _in_a_thread(lambda: _create_connection(host, port)),
    "asyncio.to_thread": lambda host, port: asyncio.run(asyncio.to_thread(_create_connection, host, port)),
}

BY_NAME = {name: client for name, client in CLIENTS.items() if name != "_socket"}
"""Who has the C module look a name up is heard of only when he connects; the others are stopped before."""

by_each_client = pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)


@pytest.fixture
def other_host() -> Iterator[tuple[str, int, list[bytes]]]:
    """Host and port of a server that no test lets through, and what it was sent."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.2", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    got.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield (*listening.getsockname()[:2], got)
        listening.shutdown(socket.SHUT_RDWR)
    serving.join()


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs 127.0.0.2: Linux")


@only_linux
@by_each_client
def test_address__is_not_reached(
    client: Callable[[str, int], object], other_host: tuple[str, int, list[bytes]]
) -> None:
    """Though somebody listens there, and the application survives it."""
    host, port, got = other_host
    with (
        pytest.raises(AssertionError, match=rf"a connection to {host}:{port}  → stopped"),
        MixtralApi(),
        pytest.raises(UnmockedError, match=rf"{host}:{port}: expected this machine, or a host that is let through"),
    ):
        client(host, port)
    assert got == []


@pytest.mark.parametrize("client", BY_NAME.values(), ids=BY_NAME)
def test_name__is_not_looked_up(client: Callable[[str, int], object]) -> None:
    """By no resolver: who asks a name server has left already."""
    with (
        pytest.raises(AssertionError, match=rf"(a connection to|a look-up of) {NAME}"),
        MixtralServer(),
        pytest.raises(UnmockedError, match=NAME),
    ):
        client(NAME, 80)


@pytest.mark.parametrize("client", BY_NAME.values(), ids=BY_NAME)
def test_vendor__is_not_reached_beside_a_server(client: Callable[[str, int], object]) -> None:
    """A client with the vendor's URL in it is told where the mock is."""
    with MixtralServer(allow_unmatched=True) as server:
        with pytest.raises(UnmockedError, match=f"expected the mock's own address, {server.url}"):
            client(VENDOR, 443)
        assert any(VENDOR in each for each in server.unanswered)


def test_httpx__does_not_reach_the_vendor_beside_a_server() -> None:
    """Its sockets are guarded as any other's."""
    with MixtralServer(allow_unmatched=True) as server:
        with pytest.raises(UnmockedError, match="expected the mock's own address"):
            httpx.post(NVIDIA, json=body())
        assert server.unanswered == [f"a connection to {VENDOR}:443"]


@on_each_mock
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "trusting",
    [
        lambda: requests.post(NVIDIA, json=body(), timeout=5),
        lambda: asyncio.run(_aiohttp(NVIDIA, trust_env=True)),
        lambda: urllib.request.urlopen(NVIDIA, timeout=5),
    ],
    ids=["requests", "aiohttp", "urllib"],
)
def test_proxy_on_this_machine__is_not_asked(
    kind: type[MixtralApi | MixtralServer],
    variable: str,
    trusting: Callable[[], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy is how a call leaves without a look-up; the test may set it after the mock began."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, kind(allow_unmatched=True) as mock:
        proxy.settimeout(0)
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        with pytest.raises(UnmockedError, match=VENDOR):
            trusting()
        assert [VENDOR in each for each in mock.unanswered] == [True]
        with pytest.raises(BlockingIOError):
            proxy.accept()


def test_proxy_that_is_asked_all_the_same__is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a client that was made before, and looks at no variable any more."""
    with socket.create_server(("127.0.0.1", 0)) as proxy, MixtralServer(allow_unmatched=True) as server:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(UnmockedError, match=f"the proxy {url}: expected no proxy"):
            requests.post(NVIDIA, json=body(), timeout=5, proxies={"https": url})
        assert server.unanswered == [f"a connection to the proxy {url}"]


@pytest.mark.parametrize("host", ["192.0.2.1", NAME])
@pytest.mark.parametrize(
    "send",
    [
        lambda sock, address: sock.sendto(b"?", address),
        lambda sock, address: sock.sendto(b"?", 0, address),
        lambda sock, address: sock.sendmsg([b"?"], [], 0, address),
        lambda sock, address: sock.connect(address),
    ],
    ids=["sendto", "sendto with flags", "sendmsg", "connect"],
)
def test_datagram__is_not_sent(send: Callable[[socket.socket, tuple[str, int]], object], host: str) -> None:
    """As a resolver of a client's own sends it."""
    with MixtralApi(allow_unmatched=True) as api, socket.socket(type=socket.SOCK_DGRAM) as sock:
        with pytest.raises(UnmockedError, match=f"to {host}:53"):
            send(sock, (host, 53))
        assert len(api.unanswered) == 1


@pytest.mark.parametrize(
    "look_up",
    [
        lambda: socket.gethostbyname(NAME),
        lambda: socket.gethostbyname_ex(NAME),
        lambda: socket.gethostbyaddr("192.0.2.1"),
        lambda: socket.getnameinfo(("192.0.2.1", 80), 0),
    ],
    ids=["gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"],
)
def test_other_look_ups__are_stopped_too(look_up: Callable[[], object]) -> None:
    """Names and addresses alike."""
    with MixtralApi(allow_unmatched=True), pytest.raises(UnmockedError, match="a look-up of"):
        look_up()


def test_this_machine__is_reached(tmp_path: Any) -> None:
    """Over the internet's sockets and the system's own, by name and by address, on both loops."""
    path = os.fspath(tmp_path / "socket")
    with (
        MixtralApi(),
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.socket(socket.AF_UNIX) as local,
        socket.socket(socket.AF_UNIX) as client,
    ):
        port = listening.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        socket.create_connection(("localhost", port)).close()
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        local.bind(path)
        local.listen()
        client.connect(path)
        for run in (asyncio.run, uvloop.run):
            run(_asyncio("localhost", port))


@only_linux
@by_each_client
def test_host_that_is_let_through__is_reached(
    client: Callable[[str, int], object], other_host: tuple[str, int, list[bytes]]
) -> None:
    """By its address."""
    host, port, _ = other_host
    with MixtralApi(passthrough=[host]) as api:
        client(host, port)
        assert api.unanswered == []


@only_linux
@pytest.mark.parametrize("name", ["requests", "asyncio", "aiohttp, system's resolver"])
def test_name_that_is_let_through__is_reached_where_it_was_found(
    name: str, other_host: tuple[str, int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its addresses, which only the look-up knows."""
    host, port, got = other_host
    found = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found])
    with MixtralApi(passthrough=["db.example.invalid"]) as api:
        with pytest.raises(UnmockedError):
            _bare(host, port, "connect")
        api.allow_unmatched = True
        CLIENTS[name]("db.example.invalid", port)
    assert len(got) == 1


def test_guards_of_several_mocks__are_taken_away_one_by_one() -> None:
    """The one that began last decides; behind the last one everything is as before."""
    before = socket.getaddrinfo, asyncio.BaseEventLoop.getaddrinfo, uvloop.Loop.create_connection
    with MixtralServer(allow_unmatched=True) as outer:
        with MixtralApi(allow_unmatched=True) as inner, pytest.raises(UnmockedError):
            socket.create_connection((NAME, 80))
        with pytest.raises(UnmockedError):
            socket.create_connection((NAME, 81))
    assert inner.unanswered == [f"a connection to {NAME}:80"]
    assert outer.unanswered == [f"a connection to {NAME}:81"]
    assert before == (socket.getaddrinfo, asyncio.BaseEventLoop.getaddrinfo, uvloop.Loop.create_connection)
    with pytest.raises(OSError):  # noqa: PT011  the system says in its own words that there is no such name
        socket.create_connection((NAME, 80), 5)
