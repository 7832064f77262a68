"""By which port workers find their master."""

from __future__ import annotations

import argparse
import socket
from typing import Any

import pytest

from mixtral_contract.load.locust_plugin.web.ports import USUAL, choose
from mixtral_contract.load.units.usage_error import UsageError


def chosen(**given: Any) -> argparse.Namespace:
    """The options after the choice."""
    usual = {"processes": None, "worker": False, "master": False, "master_port": 5557}
    options = argparse.Namespace(**{**usual, "master_bind_host": "127.0.0.1", "master_bind_port": USUAL, **given})
    choose(options)
    return options


def test_workers_of_this_command__get_a_free_port() -> None:
    """Two such runs at once do not meet."""
    first, second = chosen(processes=2), chosen(processes=2)
    assert first.master_bind_port == first.master_port
    assert 5557 not in (first.master_bind_port, second.master_bind_port)


def test_named_port__is_taken_as_it_is() -> None:
    """Further workers may come from elsewhere to it."""
    assert chosen(processes=2, master_bind_port=5557).master_bind_port == 5557


def test_taken_port_of_a_master__is_told_in_a_line() -> None:
    """Not by a traceback of the messages' library."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"--master-bind-port: expected a free port, got {port}"):
            chosen(master=True, master_bind_port=port)


def test_run_alone__needs_none() -> None:
    """And a worker looks for its master where it was told."""
    assert chosen().master_bind_port is USUAL
    assert chosen(processes=2, worker=True).master_port == 5557
