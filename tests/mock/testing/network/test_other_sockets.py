"""Datagrams of uvloop, of which Python sees none once the socket is open."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvloop

from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.network.guard import UnmockedError


async def _datagrams(local: tuple[str, int] | None, remote: tuple[str, int] | None) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local, remote, family=socket.AF_INET)
    transport.close()


@pytest.mark.parametrize(
    ("local", "remote"),
    [(None, ("192.0.2.1", 53)), (("0.0.0.0", 0), None), (None, None)],  # noqa: S104
)
def test_datagrams__are_stopped_where_they_could_leave(
    local: tuple[str, int] | None, remote: tuple[str, int] | None
) -> None:
    """To another machine, or to whatever address from a socket that is bound to all."""
    with MixtralApi(allow_unmatched=True), pytest.raises(UnmockedError, match="datagram"):
        uvloop.run(_datagrams(local, remote))


@pytest.mark.parametrize(("local", "remote"), [(("127.0.0.1", 0), None), (None, ("127.0.0.1", 9))])
def test_datagrams__stay_on_this_machine(local: tuple[str, int] | None, remote: tuple[str, int] | None) -> None:
    """Bound to its own address, or to a peer on it."""
    with MixtralApi():
        uvloop.run(_datagrams(local, remote))
