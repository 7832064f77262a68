"""The port by which workers find their master: a free one where both are this run's own, so that runs live together."""

from __future__ import annotations

import argparse
import socket

from mixtral_contract.load.units.usage_error import UsageError


class _Unnamed(int):
    """A port that nobody named: Locust's own default."""


USUAL = _Unnamed(5557)


def choose(options: argparse.Namespace) -> None:
    """Gives workers that this command starts (--processes) a free port, unless one was named.

    Raises: UsageError when the port of a master is taken.
    """
    if options.processes and not options.worker:
        if options.master_bind_port is USUAL:
            options.master_bind_port = options.master_port = _free_port(options.master_bind_host)
    elif options.master and not _is_free(options.master_bind_host, options.master_bind_port):
        raise UsageError(
            f"--master-bind-port: expected a free port, got {options.master_bind_port}, which another program (another "
            "master?) listens on"
        )


def _free_port(host: str) -> int:
    with socket.create_server((_address(host), 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((_address(host), port)).close()
    except OSError:
        return False
    return True


def _address(host: str) -> str:
    return "" if host == "*" else host
