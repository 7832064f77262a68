"""A closed loop: each user asks, waits for the answer, and asks again.

Locust's own users have a `Conversation` each; a stage has a `ClosedLoop` of such users without Locust.
"""

from __future__ import annotations

from collections.abc import Sequence

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own
from gevent.pool import Group  # type: ignore[import-untyped]

from mixtral_contract.load.client.client import Client
from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt
from mixtral_contract.load.reading.answer_text import answer_text
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.requests.generator import ChatRequest, Messages
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.settings.settings import Settings


def said(settings: Settings, ask: ChatRequest, exchange: Exchange) -> Messages:
    """What the next turn has to repeat; nothing when the conversation has had all its turns."""
    if settings.turns == 1 or not _goes_on(settings, ask):
        return ()
    answer = answer_text(exchange, streamed=settings.operation.streams)
    return [*ask.messages, {"role": "assistant", "content": answer}]


def _goes_on(settings: Settings, ask: ChatRequest) -> bool:
    if settings.prompt_file is not None:
        return bool(ask.follow_ups)
    asked: int = sum(message.get("role") == "user" for message in ask.messages)
    return bool(asked < settings.turns)


class Conversation:
    """One user with its connection, and what was said so far."""

    def __init__(self, run: Run, sender: Sender) -> None:
        self._run = run
        self._sender = sender
        self._client: Client = sender.client()
        self._history: Messages = ()
        self._follow_ups: Sequence[OwnPrompt] = ()

    def turn(self) -> None:
        """One turn: one request, one record, one request event of Locust; then the wait that follows it."""
        run = self._run
        if not run.wait_while_held() or not run.wait_for_funds():
            return
        ask = run.next_ask(history=self._history, follow_ups=self._follow_ups)
        exchange = run.open_exchange(asked=ask)
        record = self._sender.send(self._client, run.write(ask), exchange)
        if record is None:
            return
        self._history = said(run.settings, ask, exchange) if record.outcome is Outcome.OK else ()
        self._follow_ups = ask.follow_ups if self._history else ()
        run.pause_after(record, exchange)
        if self._history:
            run.wait_until_over(run.settings.think_s)

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()


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
