"""Where a server listens."""

from __future__ import annotations

import contextlib
import socket

import pytest

from mixtral_contract.mock.server.server import address, listen


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_localhost__is_every_loopback_that_there_is() -> None:
    """At one port, whichever a client tries first."""
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(each) for each in listen("localhost", 0)]
        (port,) = {each.getsockname()[1] for each in listening}
        hosts = ["127.0.0.1", "::1"] if _has_ipv6() else ["127.0.0.1"]
        assert sorted(each.getsockname()[0] for each in listening) == sorted(hosts)
        for host in hosts:
            socket.create_connection((host, port), timeout=10).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  what is tested
def test_address__is_one_socket(host: str) -> None:
    """Of that address and no other."""
    with contextlib.ExitStack() as stack:
        listening = [stack.enter_context(each) for each in listen(host, 0)]
        assert [address(each, None) for each in listening] == [f"http://{host}:{listening[0].getsockname()[1]}"]
