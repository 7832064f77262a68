"""The user of a load run: asks for one completion after the other, as fast as they come (a closed loop)."""

from __future__ import annotations

from typing import ClassVar

from locust import User, task

from load._client import Client
from load._completion import answer_text
from load._exchange import Exchange
from load._outcome import Outcome
from load._run import Run
from load._sender import Sender
from load._workload import Ask, Messages


class ChatUser(User):
    """Sends a completion request, waits for its end, and sends the next; in an open loop it leaves that to the pump."""

    load_run: ClassVar[Run]
    """The run that all users of this process are part of; set when it starts, as Locust sets `host`."""

    sender: ClassVar[Sender]

    client: Client
    history: Messages

    def on_start(self) -> None:
        """Makes the client; it connects with the first request."""
        self.client = self.sender.client()
        self.history = ()

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()

    @task
    def complete(self) -> None:
        """One turn of a conversation: one request, one record, one request event of Locust."""
        run = self.load_run
        if run.is_over or run.settings.arrivals.is_open:
            run.wait_until_over()
            return
        ask = run.next_ask(history=self.history)
        exchange = run.open_exchange()
        record = self.sender.send(self.client, run.write(ask), exchange)
        if record is None:
            return
        self.history = self._history(ask, exchange) if record.outcome is Outcome.OK else ()
        run.pause_after(record, exchange)
        if self.history:
            run.wait_until_over(run.settings.think_s)

    def _history(self, ask: Ask, exchange: Exchange) -> Messages:
        """What the next turn has to repeat; nothing when the conversation has had all its turns."""
        turns = self.load_run.settings.turns
        if sum(message["role"] == "user" for message in ask.messages) >= turns:
            return ()
        answer = answer_text(exchange, streamed=self.load_run.settings.operation.streams)
        return [*ask.messages, {"role": "assistant", "content": answer}]
