"""What a request gets of a scripted reply: the completion as it is counted, and the answer, whole or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import orjson

from mixtral_contract.contract.openapi import EVENT_STREAM, JSON
from mixtral_contract.mock.completions import completion as rendering
from mixtral_contract.mock.completions.completion import DONE, Completion, usage
from mixtral_contract.mock.completions.generator import CompletionRequest, check_probabilities
from mixtral_contract.mock.messages.messages import HEAD, Reply, Write
from mixtral_contract.mock.replies.chunks import Event, as_object, events
from mixtral_contract.mock.replies.drafting import ChoiceDraft, draft_choice
from mixtral_contract.mock.replies.error_event import StreamError, error_event
from mixtral_contract.mock.replies.scripted_reply import Failure, ScriptedReply

_FILTERED = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
"""What Azure's first chunk says of the prompt."""


@dataclass(slots=True)
class ScriptedAnswer:
    """A scripted reply to one request: `completion` is what it is counted and billed as."""

    script: ScriptedReply
    drafts: tuple[ChoiceDraft, ...]
    completion: Completion

    def reply(self, completion: Completion, asked: CompletionRequest) -> Reply:
        """The answer; the completion names it and counts it."""
        return self._stream(completion, asked) if asked.stream else self._whole(completion)

    def _whole(self, completion: Completion) -> Reply:
        content = rendering.whole(completion)
        oddities = self.script.oddities
        if oddities.get("usage") == "missing":
            del content["usage"]
        if oddities.get("tool_arguments") == "object":
            for choice in content["choices"]:
                for call in choice["message"].get("tool_calls", ()):
                    call["function"]["arguments"] = as_object(call["function"]["arguments"])
        reply = Reply(200, {"content-type": JSON}, content, tokens=completion.steps)
        writes = [[item for item in _items(draft) if isinstance(item, Write)] for draft in self.drafts]
        pause_ns = max(sum(write.before_ns for write in each) for each in writes)
        ending = next((write.ending for each in writes for write in each if write.ending is not None), None)
        if pause_ns or ending is not None:
            body = orjson.dumps(content)
            disturbed: dict[int, tuple[Write, ...]] = {HEAD: (Write(before_ns=pause_ns),)}
            if ending is not None:
                disturbed[0] = (Write(body[: len(body) // 2], ending=ending),)
            reply.disturbed = disturbed
        return reply

    def _stream(self, completion: Completion, asked: CompletionRequest) -> Reply:
        reply = Reply(200, {"content-type": f"{EVENT_STREAM}; charset=utf-8", "cache-control": "no-cache"})
        stream = _Stream(completion, self.script.oddities, include_usage=asked.include_usage)
        frames = [*stream.frames(self.drafts)]
        reply.frames = [b"".join(write.data for write in frame) for frame in frames]
        reply.tokens = len(frames)
        disturbed = {
            number: tuple(frame)
            for number, frame in enumerate(frames)
            if any(write.before_ns or write.ending for write in frame)
        }
        # a frame that holds nothing cannot leave as a chunk: that would end the body
        reply.disturbed = disturbed if disturbed or b"" in reply.frames else None
        reply.scripted = True
        return reply


def answer(
    script: ScriptedReply,
    asked: CompletionRequest,
    *,
    prompt_tokens: int,
    limit: int | None,
    digest: bytes,
    name: str,
    created: int,
) -> ScriptedAnswer:
    """The reply to a request with so many tokens, under this name; what is made up follows from the `digest`.

    Raises: UnanswerableError when it asks for too many probabilities.
    """
    ids = f"call_{name.removeprefix('chatcmpl-')}"
    count = 1 if asked.features is None else asked.features.n
    scripts = [script.choices[min(index, len(script.choices) - 1)] for index in range(count)]
    interleaved = script.oddities.get("tool_fragments") == "interleaved"
    drafts: list[ChoiceDraft] = []
    tokens = 0
    for index, each in enumerate(scripts):
        seed = digest + b" %d" % index
        drafts.append(draft_choice(each, asked, limit, f"{ids}{index:02x}", seed, interleaved=interleaved))
        if asked.features is not None and asked.features.top_logprobs is not None:
            tokens += len(drafts[-1].choice.pieces)
            check_probabilities(tokens, asked.features.top_logprobs)
    choices = tuple(draft.choice for draft in drafts)
    counts = usage(prompt_tokens, sum(choice.tokens for choice in choices)) | dict(script.usage)
    if "total_tokens" not in script.usage:
        counts["total_tokens"] = counts["prompt_tokens"] + counts["completion_tokens"]
    completion = Completion.of_choices(name, created, asked.model.name, choices, counts)
    return ScriptedAnswer(script, tuple(drafts), completion)


def _items(draft: ChoiceDraft) -> Iterator[object]:
    yield from draft.before
    for step in draft.steps:
        yield from step


class _Stream:
    """The events of one stream as the writes that leave with each token."""

    def __init__(self, completion: Completion, oddities: Mapping[str, str], *, include_usage: bool) -> None:
        self._base = rendering.chunk_head(completion)
        self._usage = completion.usage
        self._oddity = oddities.get("usage")
        self._include_usage = include_usage and self._oddity != "missing"
        self._oddities = oddities
        self._out = 0
        self._over = False

    def frames(self, drafts: Sequence[ChoiceDraft]) -> Iterator[list[Write]]:
        """The writes of each step, up to the end or to where it breaks off."""
        choices = [events(index, draft, self._oddities) for index, draft in enumerate(drafts)]
        counts = [
            [_tokens(draft, step) for step in range(len(each))] for draft, each in zip(drafts, choices, strict=True)
        ]
        waiting = [self._filtered()] if "first_choices" in self._oddities else []
        last = max(len(steps) for steps in choices) - 1
        for number, (step, tokens) in enumerate(
            zip(zip_longest(*choices, fillvalue=()), zip_longest(*counts, fillvalue=0), strict=True)
        ):
            self._out += sum(tokens)
            waiting += [write for each in step for write in self._writes(each)]
            if number == last and not self._over:
                waiting += self._closing()
            yield waiting
            waiting = []
            if self._over:
                return

    def _writes(self, step: Sequence[Event]) -> Iterator[Write]:
        """What one choice's step leaves in; nothing once the stream is over."""
        if self._over:
            return
        for event in step:
            if isinstance(event, Failure):
                self._over = True
                yield Write(error_event(event.envelope, StreamError(event.message, event.code, event.type)))
                if event.done:
                    yield Write(DONE)
            elif isinstance(event, Write):
                self._over = self._over or event.ending is not None
                yield event
            elif not self._over:
                yield Write(self._chunk([event]))

    def _chunk(self, choices: Sequence[Mapping[str, Any]], **more: Any) -> bytes:
        chunk = {**self._base, "choices": choices, **more}
        if self._oddity == "each":
            chunk["usage"] = usage(self._usage["prompt_tokens"], self._out)
        elif self._oddity == "with-finish" and choices and choices[0]["finish_reason"] is not None:
            chunk["usage"] = self._usage
        elif self._include_usage and "usage" not in chunk:
            chunk["usage"] = None
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def _closing(self) -> Iterator[Write]:
        if self._include_usage and self._oddity != "with-finish":
            chunk = {**self._base, "choices": [], "usage": self._usage}
            yield Write(b"data: " + orjson.dumps(chunk) + b"\n\n")
        yield Write(DONE)

    def _filtered(self) -> Write:
        if self._oddities["first_choices"] == "empty":
            return Write(self._chunk([]))
        results = [{"prompt_index": 0, "content_filter_results": _FILTERED}]
        return Write(self._chunk([], prompt_filter_results=results))


def _tokens(draft: ChoiceDraft, step: int) -> int:
    return int(step < len(draft.steps))
