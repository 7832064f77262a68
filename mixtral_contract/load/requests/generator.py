"""What the requests of a run say: their messages and the longest answer, drawn from the run's seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.workload.arrivals import Arrival, Share
from mixtral_contract.load.workload.images import png_data_uri
from mixtral_contract.load.workload.prompt_file import OwnPrompt
from mixtral_contract.load.workload.prompts import Prompts
from mixtral_contract.primitives.tokenizer import tokenizer

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request: its conversation, the longest answer in tokens, and further fields of its body.

    `prompt_tokens` is how long the prompt is without the template; None for one that goes on, or has images.
    """

    messages: Messages
    max_tokens: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int | None = None


class RequestGenerator:
    """Makes the requests of one process; same seed and share, same requests in the same order."""

    def __init__(self, settings: Settings, share: Share) -> None:
        self._settings = settings
        # lengths and images have a generator of their own, so that asking for one does not change the other
        self._lengths = random.Random(f"lengths/{settings.seed}/{share.worker}")  # noqa: S311 -- repeatable on purpose
        self._pixels = random.Random(f"images/{settings.seed}/{share.worker}")  # noqa: S311 -- same
        used = tokenizer(settings.contract_model.tokenizer)
        self._prompts = Prompts(used, settings.seed, share.worker, settings.prefix_share)
        self._count: Callable[[Any], int] = used.count
        self._own_tokens: dict[int, int | None] = {}
        self._own = _dealt(settings.own_prompts, share)

    def next(self, arrival: Arrival | None = None, history: Messages = ()) -> ChatRequest:
        """The next request; a trace's arrival says how long it is, `history` is what was said before."""
        own = next(self._own, None)
        prompt_tokens = self._settings.prompt_tokens.draw(self._lengths)
        output_tokens = self._settings.output_tokens.draw(self._lengths)
        if arrival is not None:
            prompt_tokens = arrival.prompt_tokens or prompt_tokens
            output_tokens = arrival.output_tokens or output_tokens
        if own is not None:
            counted = None if history else self._counted(own)
            return ChatRequest([*history, *own.messages], own.max_tokens or output_tokens, own.fields, counted)
        question = {"role": "user", "content": self._content(self._prompts.next(prompt_tokens))}
        known = None if history or self._settings.images else prompt_tokens
        return ChatRequest([*history, question], output_tokens, prompt_tokens=known)

    def _counted(self, own: OwnPrompt) -> int | None:
        """How long a user's own prompt is, counted once; None where it has more than texts."""
        if id(own) not in self._own_tokens:
            texts = [message.get("content") for message in own.messages]
            is_known = all(isinstance(text, str) for text in texts)
            self._own_tokens[id(own)] = sum(map(self._count, texts)) if is_known else None
        return self._own_tokens[id(own)]

    def _content(self, text: str) -> Any:
        if not self._settings.images:
            return text
        urls = (png_data_uri(self._pixels) for _ in range(self._settings.images))
        return [{"type": "text", "text": text}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]


def _dealt(prompts: Sequence[OwnPrompt], share: Share) -> Iterator[OwnPrompt]:
    """The user's own prompts for ever, from another one on in each worker; none when there are none."""
    if not prompts:
        return iter(())
    return (prompts[index % len(prompts)] for index in itertools.count(share.worker, share.workers))
