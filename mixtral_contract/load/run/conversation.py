"""What one user of a closed loop does: it asks, waits for the answer, and asks again."""

from __future__ import annotations

from mixtral_contract.load.client.client import Client
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.completion import answer_text
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.requests.generator import ChatRequest, Messages
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender


class Conversation:
    """One user with its connection, and what was said so far."""

    def __init__(self, run: Run, sender: Sender) -> None:
        self._run = run
        self._sender = sender
        self._client: Client = sender.client()
        self._history: Messages = ()

    def turn(self) -> None:
        """One turn: one request, one record, one request event of Locust; then the wait that follows it."""
        run = self._run
        if not run.wait_while_held() or not run.wait_for_funds():
            return
        ask = run.next_ask(history=self._history)
        exchange = run.open_exchange()
        record = self._sender.send(self._client, run.write(ask), exchange)
        if record is None:
            return
        self._history = self._said(ask, exchange) if record.outcome is Outcome.OK else ()
        run.pause_after(record, exchange)
        if self._history:
            run.wait_until_over(run.settings.think_s)

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _said(self, ask: ChatRequest, exchange: Exchange) -> Messages:
        """What the next turn has to repeat; nothing when the conversation has had all its turns."""
        settings = self._run.settings
        if sum(message["role"] == "user" for message in ask.messages) >= settings.turns:
            return ()
        answer = answer_text(exchange, streamed=settings.operation.streams)
        return [*ask.messages, {"role": "assistant", "content": answer}]
