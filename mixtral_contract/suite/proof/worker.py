"""A process that judges the clauses over and over: on a mock that keeps running, with one break after the other.

pytest starts and collects once; each round is all of the collected tests, with fixtures of its own, as in a run of
the suite. Between rounds the mock is told what to break, and forgets what it was asked.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import pytest
from _pytest.runner import runtestprotocol

from mixtral_contract.suite.proof.proof import Place
from mixtral_contract.suite.verdicts.result import CARRIED

_CONTROL_S = 10.0
_RESETS = "journal,metrics,accounts,incidents"


class Rounds:
    """A plugin that takes the names of clauses to break from a connection, and sends the verdicts of each round."""

    def __init__(self, connection: Connection, base_url: str) -> None:
        self._connection = connection
        self._base_url = base_url

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs the collected tests once for each message, until the other end is closed."""
        with contextlib.suppress(EOFError):
            while True:
                self._switch(self._connection.recv())
                self._connection.send(_round(session.items))
        return True

    def _switch(self, breaks: Sequence[str]) -> None:
        control = f"{self._base_url}/_mock"
        with httpx.Client(timeout=_CONTROL_S, trust_env=False) as client:
            client.patch(f"{control}/state", json={"breaks": list(breaks)}).raise_for_status()
            client.post(f"{control}/reset", params={"what": _RESETS}).raise_for_status()


def work(connection: Connection, base_url: str, command: Sequence[str]) -> None:
    """Judges in rounds on the mock at the address, with the suite's command line, until the other end is closed."""
    # a key press ends the process that started this one, which ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # plugins that are installed beside the suite are not needed, and take most of the start
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        pytest.main([*command, "--base-url", base_url], plugins=[Rounds(connection, base_url)])


def _round(items: Sequence[pytest.Item]) -> Mapping[Place, str]:
    """The verdicts by clause and dialect; the last test takes down all fixtures: the next round has new ones."""
    found = {}
    for item, following in zip(items, [*items[1:], None], strict=True):
        for made in runtestprotocol(item, log=False, nextitem=following):
            entry = made.__dict__.get(CARRIED)
            if entry is not None:
                found[entry["clause"], entry["dialect"]] = entry["verdict"]
        item.user_properties.clear()
    return found
