"""What is said: the answer to a question, the same for the same seed and request.

The text depends on the messages, the model and everything that a sampler would see; not on how the answer is
delivered (`stream`, `stream_options`) nor on where it is cut (`max_tokens`, `stop`). Knows no account and no clock.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from mixtral_contract.contract.openapi import Model, Operation
from mixtral_contract.mock.completions import filler_text as prose
from mixtral_contract.mock.completions.choices import Choice, ToolCall
from mixtral_contract.mock.completions.completion import Completion, Text, usage
from mixtral_contract.mock.completions.drafts import ChoiceDraft, draft_choices, said_last
from mixtral_contract.mock.completions.features import RequestFeatures, UnanswerableError, check, request_features
from mixtral_contract.mock.completions.logprobs import entries
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache
from mixtral_contract.primitives.bounded.work import Work
from mixtral_contract.primitives.tokenizer import tokenizer

_NOT_SAMPLED = frozenset(
    (
        *("messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("stop", "n", "logprobs", "top_logprobs"),
    )
)
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 16 * 1024
"""How many answers are kept, and of questions up to how many bytes."""
_MOST_DRAFTS_KEPT = 4
_MOST_PROBABILITIES = 40_000
"""In one answer: as many make it three megabytes long."""


@dataclass(slots=True)
class CompletionRequest:
    """A valid body with its defaults filled in; null and absence are one.

    `sampling` holds every further documented field, `max_tokens` is None where nothing bounds the answer, `features` is
    None where one free text is asked for, and `tools` says whether the dialect knows functions at all.
    """

    model: Model
    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any]
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    features: RequestFeatures | None
    tools: bool


@dataclass(slots=True)
class Draft:
    """What the model would say if nothing cut it, token by token, and how long the question is.

    Where more than one free text is asked for there is a draft per choice. `digest` is what all that is random about
    the answer follows from. `choices` are those that are made already, because their probabilities take long.
    """

    prompt_tokens: int
    pieces: tuple[str, ...]
    drafts: tuple[ChoiceDraft, ...] | None = None
    digest: bytes = b""
    choices: tuple[Choice, ...] | None = None

    @property
    def is_small(self) -> bool:
        """Whether it is worth keeping: with many choices it is better written anew."""
        return self.drafts is None or len(self.drafts) <= _MOST_DRAFTS_KEPT

    def saying(self, pieces: tuple[str, ...], asked: CompletionRequest) -> Draft:
        """The script with another text, in every choice."""
        draft_choices = None if asked.features is None else (ChoiceDraft(pieces),) * asked.features.n
        return replace(self, pieces=pieces, drafts=draft_choices, choices=None)


def completion_request(operation: Operation, model: Model, body: Mapping[str, Any]) -> CompletionRequest:
    """The question that a valid body asks."""
    properties = operation.request.properties
    given = {name: value for name, value in body.items() if value is not None and name in properties}
    fields = {**operation.defaults, **given}
    sampled = {name: _plain(value) for name, value in given.items() if name not in _NOT_SAMPLED}
    stop = fields.get("stop", ())
    limits = [int(fields[name]) for name in ("max_tokens", "max_completion_tokens") if name in fields]
    return CompletionRequest(
        model=model,
        messages=fields["messages"],
        sampling={**_sampled_defaults(operation), **sampled},
        max_tokens=min(limits, default=None),
        stop=tuple(filter(None, (stop,) if isinstance(stop, str) else stop)),
        stream=operation.streams and bool(fields.get("stream")),
        include_usage=bool(fields.get("stream_options", {}).get("include_usage")),
        features=request_features(fields),
        tools="tools" in properties,
    )


@functools.cache
def _sampled_defaults(operation: Operation) -> Mapping[str, Any]:
    return {name: _plain(value) for name, value in operation.defaults.items() if name not in _NOT_SAMPLED}


class CompletionGenerator:
    """Answers questions; `seed` is the server's, `new_id` names each completion."""

    def __init__(self, seed: int, new_id: Callable[[], str]) -> None:
        self._seed = seed
        self.new_id = new_id
        self._scripts = BoundedCache[bytes, Draft](_REMEMBERED)

    def script(self, asked: CompletionRequest, work: Work | None = None) -> Draft:
        """The whole answer to a question; short questions that come again are answered from memory.

        Raises: UnanswerableError when the question contradicts itself, TooManyTokensError when it is longer than the
        context window by far, TooMuchWorkError when the time for it is over.
        """
        work = work or Work()
        script = self._script(asked, work)
        wanted = asked.features
        if wanted is None or wanted.top_logprobs is None:
            return script
        choices = _text_choices(asked, wanted, script, token_limit(asked, script), work)
        return replace(script, choices=choices)

    def _script(self, asked: CompletionRequest, work: Work) -> Draft:
        key = _canonical(asked)
        if len(key) > _LONGEST_REMEMBERED:
            return self._write(asked, key, work)
        name = key if asked.features is None else b"%d " % asked.features.n + key
        script = self._scripts.get(name)
        if script is None:
            script = self._write(asked, key, work)
            if script.is_small:
                self._scripts.put(name, script)
        return script

    def completion(self, asked: CompletionRequest, script: Draft, created: int) -> Completion:
        """The answer, cut where the question says."""
        limit = token_limit(asked, script)
        if asked.features is not None:
            return self._demanded(asked, asked.features, script, limit, created)
        pieces, finish_reason, stopped_by = cut(asked.model.tokenizer, script.pieces, limit, asked.stop)
        counts = usage(script.prompt_tokens, len(pieces))
        return Completion(self.new_id(), created, asked.model.name, pieces, finish_reason, stopped_by, counts)

    def _demanded(
        self, asked: CompletionRequest, wanted: RequestFeatures, script: Draft, limit: int | None, created: int
    ) -> Completion:
        """The answer to a question that demands more than one free text."""
        name = self.new_id()
        drafts = script.drafts or ()
        if drafts and drafts[0].calls:
            prefix = f"call_{name.removeprefix('chatcmpl-')}"
            choices = tuple(
                _calls_choice(wanted, each, limit, f"{prefix}{index:02x}") for index, each in enumerate(drafts)
            )
        else:
            choices = script.choices or _text_choices(asked, wanted, script, limit, Work())
        counts = usage(script.prompt_tokens, sum(choice.tokens for choice in choices))
        return Completion.of_choices(name, created, asked.model.name, choices, counts)

    def _write(self, asked: CompletionRequest, key: bytes, work: Work) -> Draft:
        if asked.tools:
            check(asked.messages, asked.features)
        tokens = tokenizer(asked.model.tokenizer)
        digest = hashlib.blake2b(b"%d " % self._seed + key).digest()
        window = asked.model.context_window
        prompt_tokens = tokens.count_chat(
            asked.messages,
            image_tokens=asked.model.image_tokens,
            tools=asked.sampling.get("tools", ()),
            most=None if window is None else window + window // 4,
            work=work,
        )
        if asked.features is not None:
            drafts = draft_choices(tokens, asked.messages, asked.features, digest, work)
            return Draft(prompt_tokens, drafts[0].pieces, drafts, digest)
        sentences = prose.sentences(prose.Digest(digest), prose.topic_of(said_last(asked.messages)))
        return Draft(prompt_tokens, Text(tokens.split_joined(sentences)))


def token_limit(asked: CompletionRequest, script: Draft) -> int | None:
    """How many tokens the answer may have, None for any number."""
    limit, window = asked.max_tokens, asked.model.context_window
    if window is not None and (limit is None or limit > window - script.prompt_tokens):
        limit = window - script.prompt_tokens
    return limit


def check_probabilities(tokens: int, top: int) -> None:
    """Returns when so many tokens in all choices, with that many alternatives each, are no more than an answer holds.

    Raises: UnanswerableError
    """
    if tokens * (1 + top) > _MOST_PROBABILITIES:
        message = f"expected at most {_MOST_PROBABILITIES} probabilities in all choices, got more"
        raise UnanswerableError("top_logprobs", message)


def _text_choices(
    asked: CompletionRequest, wanted: RequestFeatures, script: Draft, limit: int | None, work: Work
) -> tuple[Choice, ...]:
    """The choices of texts; none for one that calls functions.

    Raises: UnanswerableError when there are too many probabilities, TooMuchWorkError when the time is over.
    """
    choices = []
    tokens = 0
    for index, draft in enumerate(script.drafts or ()):
        work.check()
        pieces, finish_reason, stopped_by = cut(asked.model.tokenizer, draft.pieces, limit, asked.stop)
        logprobs = None
        if wanted.top_logprobs is not None:
            tokens += len(pieces)
            check_probabilities(tokens, wanted.top_logprobs)
            seed = script.digest + b" %d" % index
            logprobs = entries(random.Random(seed), pieces, wanted.top_logprobs)  # noqa: S311
        choices.append(Choice(pieces, (), finish_reason, stopped_by, logprobs))
    return tuple(choices)


def _calls_choice(wanted: RequestFeatures, made: ChoiceDraft, limit: int | None, name: str) -> Choice:
    """The calls up to the limit; stop sequences end texts, and arguments are none."""
    calls: list[ToolCall] = []
    left = sum(call.opening + len(call.arguments) for call in made.calls) if limit is None else limit
    for number, call in enumerate(made.calls):
        if left <= 0:
            break
        opening = min(call.opening, left)
        calls.append(ToolCall(f"{name}{number:02x}", call.name, opening, call.arguments[: left - opening]))
        left -= calls[-1].tokens
    is_whole = len(calls) == len(made.calls) and len(calls[-1].arguments) == len(made.calls[-1].arguments)
    logprobs = None if wanted.top_logprobs is None else ()
    return Choice((), tuple(calls), "tool_calls" if is_whole else "length", None, logprobs)


def cut(
    version: str, pieces: tuple[str, ...], limit: int | None, stop: Sequence[str]
) -> tuple[tuple[str, ...], str, str | None]:
    """The tokens up to the limit and before the earliest stop sequence, why they end, and which sequence it was.

    A text cut at the end of a token has the tokens that it had; one cut inside is split anew, so that the tokens are
    those which the tokenizer counts; only where these would be more than the limit it keeps the part of its last token.
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
    tokens = tuple(tokenizer(version).split(text[:position]))
    if limit is not None and len(tokens) > limit:
        tokens = tuple(_first(pieces, position))
    return tokens, "stop", sequence


def _first(pieces: tuple[str, ...], characters: int) -> Iterator[str]:
    """The pieces of so many characters, the last one cut."""
    for piece in pieces:
        if characters <= 0:
            return
        yield piece[:characters]
        characters -= len(piece)


def _canonical(asked: CompletionRequest) -> bytes:
    messages = [(message["role"], message.get("content"), *_calling(message)) for message in asked.messages]
    return orjson.dumps((asked.model.name, messages, asked.sampling), option=orjson.OPT_SORT_KEYS)


def _calling(message: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a turn says besides its content, where it calls functions or answers a call."""
    if "tool_calls" not in message and "tool_call_id" not in message:
        return ()
    return message.get("tool_calls"), message.get("tool_call_id")


def _plain(value: Any) -> Any:
    """1.0 and 1 are one number, in JSON and in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
