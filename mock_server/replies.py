"""What is said: the answer to a question, the same for the same seed and request.

The text depends on the messages, the model and everything that a sampler would see; not on how the answer is
delivered (`stream`, `stream_options`) nor on where it is cut (`max_tokens`, `stop`). Knows no account and no clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from mock_server import prose
from mock_server.completion import Completion, usage
from mock_server.memory import Memory
from spec.contract import Model, Operation
from spec.tokens import text_of, tokenizer

_NOT_SAMPLED = frozenset(("messages", "model", "stream", "stream_options", "max_tokens", "stop"))
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 16 * 1024
"""How many answers are kept, and of questions up to how many bytes."""


@dataclass(frozen=True, slots=True)
class Question:
    """A valid body with its defaults filled in; null and absence are one.

    `sampling` holds every further documented field, `max_tokens` is None where nothing bounds the answer.
    """

    model: Model
    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any]
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class Script:
    """What the model would say if nothing cut it, token by token, and how long the question is."""

    prompt_tokens: int
    pieces: tuple[str, ...]


def question(operation: Operation, model: Model, body: Mapping[str, Any]) -> Question:
    """The question that a valid body asks."""
    given = {name: body[name] for name in operation.request.properties if body.get(name) is not None}
    fields = {**operation.defaults, **given}
    stop = fields.get("stop", ())
    max_tokens = fields.get("max_tokens")
    return Question(
        model=model,
        messages=fields["messages"],
        sampling={name: _plain(value) for name, value in fields.items() if name not in _NOT_SAMPLED},
        max_tokens=None if max_tokens is None else int(max_tokens),
        stop=tuple(filter(None, (stop,) if isinstance(stop, str) else stop)),
        stream=operation.streams and bool(fields.get("stream")),
        include_usage=bool(fields.get("stream_options", {}).get("include_usage")),
    )


class Replies:
    """Answers questions; `seed` is the server's, `new_id` names each completion."""

    def __init__(self, seed: int, new_id: Callable[[], str]) -> None:
        self._seed = seed
        self._new_id = new_id
        self._scripts = Memory[bytes, Script](_REMEMBERED)

    def script(self, asked: Question) -> Script:
        """The whole answer to a question; short questions that come again are answered from memory."""
        key = _canonical(asked)
        if len(key) > _LONGEST_REMEMBERED:
            return self._write(asked, key)
        script = self._scripts.get(key)
        if script is None:
            script = self._write(asked, key)
            self._scripts.put(key, script)
        return script

    def completion(self, asked: Question, script: Script, created: int) -> Completion:
        """The answer, cut where the question says."""
        limit = asked.max_tokens
        if asked.model.context_window is not None:
            room = asked.model.context_window - script.prompt_tokens
            limit = room if limit is None else min(limit, room)
        pieces, finish_reason, stopped_by = cut(asked.model.tokenizer, script.pieces, limit, asked.stop)
        return Completion(
            id=self._new_id(),
            created=created,
            model=asked.model.name,
            pieces=pieces,
            finish_reason=finish_reason,
            stopped_by=stopped_by,
            usage=usage(script.prompt_tokens, len(pieces)),
        )

    def _write(self, asked: Question, key: bytes) -> Script:
        tokens = tokenizer(asked.model.tokenizer)
        digest = hashlib.blake2b(b"%d " % self._seed + key).digest()
        last = next((message for message in reversed(asked.messages) if message["role"] == "user"), asked.messages[-1])
        sentences = prose.sentences(prose.Digest(digest), prose.topic_of(text_of(last["content"])))
        prompt_tokens = tokens.count_chat(asked.messages, image_tokens=asked.model.image_tokens)
        return Script(prompt_tokens, tuple(tokens.split_joined(sentences)))


def cut(
    version: str, pieces: tuple[str, ...], limit: int | None, stop: Sequence[str]
) -> tuple[tuple[str, ...], str, str | None]:
    """The tokens up to the limit and before the earliest stop sequence, why they end, and which sequence it was.

    A text cut at the end of a token has the tokens that it had; one cut inside is split anew, so that the tokens are
    always those which the tokenizer counts.
    """
    finish_reason = "stop"
    if limit is not None and len(pieces) > limit:
        pieces, finish_reason = pieces[:limit], "length"
    if not stop:
        return pieces, finish_reason, None
    text = "".join(pieces)
    found = [(text.find(sequence), sequence) for sequence in stop if sequence in text]
    if not found:
        return pieces, finish_reason, None
    position, sequence = min(found)
    return tuple(tokenizer(version).split(text[:position])), "stop", sequence


def _canonical(asked: Question) -> bytes:
    messages = [(message["role"], message["content"]) for message in asked.messages]
    return orjson.dumps((asked.model.name, messages, asked.sampling), option=orjson.OPT_SORT_KEYS)


def _plain(value: Any) -> Any:
    """1.0 and 1 are one number, in JSON and in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
