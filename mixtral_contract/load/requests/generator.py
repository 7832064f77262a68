"""What the requests of a run say: their messages and the longest answer, drawn from the run's seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mixtral_contract.load.prompt_files.mooncake import BLOCK_TOKENS
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt
from mixtral_contract.load.requests.own_lengths import prompt_length
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.workload.arrivals import Arrival, Share
from mixtral_contract.load.workload.images import png_data_uri
from mixtral_contract.load.workload.prompts import Prompts
from mixtral_contract.primitives.tokenizer import tokenizer

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request: its conversation, the longest answer in tokens, and further fields of its body.

    `prompt_tokens` is how long the prompt is without the template; None for one that goes on, or has images.
    `follow_ups` are the turns of a conversation from a file that come after the answer.
    """

    messages: Messages
    max_tokens: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int | None = None
    follow_ups: tuple[OwnPrompt, ...] = ()


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
        self._answer_tokens: dict[int, int] = {}
        self._own = _dealt(settings.own_prompts, share)

    def next(
        self, arrival: Arrival | None = None, history: Messages = (), follow_ups: Sequence[OwnPrompt] = ()
    ) -> ChatRequest:
        """The next request; a trace's arrival says how long it is, `history` is what was said before.

        The first of `follow_ups` is what is asked then, where a conversation from a file goes on.
        """
        own = self._own_next(arrival, follow_ups)
        prompt_tokens = self._settings.prompt_tokens.draw(self._lengths)
        output_tokens = self._settings.output_tokens.draw(self._lengths)
        if arrival is not None:
            prompt_tokens = arrival.prompt_tokens or prompt_tokens
            output_tokens = arrival.output_tokens or output_tokens
        if own is not None:
            return self._own_request(own, history, own.follow_ups or tuple(follow_ups[1:]), output_tokens)
        question = {"role": "user", "content": self._content(self._prompts.next(prompt_tokens))}
        known = None if history or self._settings.images else prompt_tokens
        return ChatRequest([*history, question], output_tokens, prompt_tokens=known)

    def _own_next(self, arrival: Arrival | None, follow_ups: Sequence[OwnPrompt]) -> OwnPrompt | None:
        if follow_ups:
            return follow_ups[0]
        if arrival is not None and arrival.prompt is not None:
            return self._settings.own_prompts[arrival.prompt]
        return next(self._own, None)

    def _own_request(
        self, own: OwnPrompt, history: Messages, follow_ups: tuple[OwnPrompt, ...], output_tokens: int
    ) -> ChatRequest:
        messages = own.messages if own.prompt_tokens is None else [{"role": "user", "content": self._text(own)}]
        longest = own.max_tokens or self._answered(own) or output_tokens
        said = () if own.is_whole else history
        counted = None if said else self._counted(own)
        return ChatRequest([*said, *messages], longest, own.fields, counted, follow_ups)

    def _text(self, own: OwnPrompt) -> str:
        """The text of a trace's request: of its blocks where the trace has them, else one of its own."""
        assert own.prompt_tokens is not None
        if own.block_ids:
            return self._prompts.of_blocks(own.block_ids, own.prompt_tokens, BLOCK_TOKENS)
        return self._prompts.next(own.prompt_tokens)

    def _answered(self, own: OwnPrompt) -> int | None:
        """How long the recorded answer was, counted once."""
        if own.answer is None:
            return None
        if id(own) not in self._answer_tokens:
            self._answer_tokens[id(own)] = self._count(own.answer)
        return self._answer_tokens[id(own)]

    def _counted(self, own: OwnPrompt) -> int | None:
        """How long a user's own prompt is, counted once; None where it has more than texts."""
        if id(own) not in self._own_tokens:
            self._own_tokens[id(own)] = prompt_length(own, self._count)
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
