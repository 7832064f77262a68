"""A closed loop of one stage: users that ask again as soon as they are answered, without Locust's own users."""

from __future__ import annotations

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.pool import Group  # type: ignore[import-untyped]

from mixtral_contract.load.run.conversation import Conversation
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender


class ClosedLoop:
    """So many users of one process; none begins a turn once the run rests."""

    def __init__(self, run: Run, sender: Sender, users: int) -> None:
        self._run = run
        self._sender = sender
        self._users = Group()
        for _ in range(users):
            self._users.start(gevent.Greenlet(self._converse))

    def drain(self, timeout_s: float) -> None:
        """Waits for the turns under way, at most so long; those left are cut off, and recorded so."""
        self._users.join(timeout=timeout_s)
        self._users.kill()

    def _converse(self) -> None:
        conversation = Conversation(self._run, self._sender)
        try:
            while self._run.is_sending:
                conversation.turn()
        finally:
            conversation.close()
