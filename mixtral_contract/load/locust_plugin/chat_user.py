"""The user of a load run: asks for one completion after the other, as fast as they come (a closed loop)."""

from __future__ import annotations

from typing import ClassVar

from locust import User, task

from mixtral_contract.load.run.closed_loop import Conversation
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender


class ChatUser(User):
    """Has a conversation; where the run sends by a schedule or goes through stages it leaves that to those."""

    load_run: ClassVar[Run]
    """The run that all users of this process are part of; set when it starts, as Locust sets `host`."""

    sender: ClassVar[Sender]

    conversation: Conversation

    def on_start(self) -> None:
        """Begins a conversation; it connects with the first request."""
        self.conversation = Conversation(self.load_run, self.sender)
        if self._is_asking:
            self.load_run.note_user(1)

    def on_stop(self) -> None:
        """Closes the connection."""
        self.conversation.close()
        if self._is_asking:
            self.load_run.note_user(-1)

    @task
    def complete(self) -> None:
        """One turn of the conversation."""
        run = self.load_run
        if not run.is_sending or not self._is_asking:
            run.wait_until_over()
            return
        self.conversation.turn()

    @property
    def _is_asking(self) -> bool:
        """Whether the load is that of these users."""
        settings = self.load_run.settings
        return not settings.arrivals.is_open and settings.staging is None
