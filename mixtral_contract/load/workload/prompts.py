"""Prompts of an exact length in tokens, the same for the same seed.

Every request gets another text: a server that keeps the state of earlier prompts would answer a repeated one too soon.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from mixtral_contract.primitives.tokenizer import Tokenizer

OPENING = "Tell me a very long story with these words:"
"""Asks a real model for more than it is allowed to say, so that max_tokens decides the length of its answer."""

_WORDS = """
about above across action after again against age air all almost along also always among animal answer any apple area
arm around art ask away baby back ball bank base bear beat bed before begin behind best better between big bird black
blood blue board boat body book both bottom box boy bread break bring brother brown build busy call came camp car card
care carry case cat catch cause cell center chair chance change check child choose church circle city class clean clear
climb clock close cloud coat cold color come common cook cool copy corn corner cost count country course cover cross
crowd cry current cut dance dark daughter day dead deal dear death deep desert design die difficult dinner direct doctor
dog door double down draw dream dress drink drive drop dry each ear early earth east easy eat edge effect egg eight end
energy engine enough even evening ever every exact eye face fact fair fall family famous far farm fast father favor
fear feel feet few field fight figure fill final find fine finger finish fire first fish five floor flow flower fly
follow food foot force forest form forward four free fresh friend front fruit full funny game garden gave general gentle
gift girl give glad glass gold good grand grass gray great green ground group grow guess guide hair half hand happy hard
head hear heart heat heavy help high hill history hold home hope horse hot hour house huge human hundred
""".split()  # noqa: SIM905 -- a list of so many strings would be unreadable


class Prompts:
    """Texts of a given number of tokens; the template around them is not counted.

    Of each text the given share, `round(share * tokens)` tokens, is a beginning that all texts of the seed have in
    common, as a long system prompt would be; the rest is its own. With a share of 0 that beginning is just the opening
    sentence. `worker` makes the own parts of one process differ from those of another.
    """

    def __init__(self, tokenizer: Tokenizer, seed: int, worker: int = 0, prefix_share: float = 0.0) -> None:
        # no token of these models reaches over a space into the next word, so the tokens of words add up
        self._opening_tokens = tokenizer.count(OPENING)
        self._words = [word for word in _WORDS if tokenizer.count(word) == 1]
        self._prefix_share = prefix_share
        self._seed = seed
        self._common: list[str] = []
        self._common_chance = random.Random(f"prefix/{seed}")  # noqa: S311 -- repeatable on purpose
        self._own_chance = random.Random(f"prompts/{seed}/{worker}")  # noqa: S311 -- same

    def next(self, tokens: int) -> str:
        """The next text, of exactly so many tokens."""
        asks = self._opening_tokens < tokens
        words = tokens - self._opening_tokens if asks else tokens
        shared = round(self._prefix_share * tokens)
        opens = asks and (shared >= self._opening_tokens or not self._prefix_share)
        # where the opening is longer than what is to be common, it stands behind the words
        common = self._prefix(min(words, max(0, shared - self._opening_tokens) if opens else shared))
        own = self._own_chance.choices(self._words, k=words - len(common))
        sentence = [OPENING] if asks else []
        return " ".join([*sentence, *common, *own] if opens else [*common, *own, *sentence])

    def of_blocks(self, ids: Sequence[int], tokens: int, block_tokens: int) -> str:
        """A text of so many tokens that consists of the blocks with these ids; the last is cut to what is left.

        A block of an id is the same in all texts of the seed, in every process, wherever it stands.
        """
        words = itertools.chain.from_iterable(self._block(each, block_tokens) for each in ids)
        return " ".join(itertools.islice(words, tokens))

    def _block(self, block_id: int, tokens: int) -> list[str]:
        chance = random.Random(f"block/{self._seed}/{block_id}")  # noqa: S311 -- repeatable on purpose
        return chance.choices(self._words, k=tokens)

    def _prefix(self, words: int) -> list[str]:
        if words > len(self._common):
            self._common += self._common_chance.choices(self._words, k=words - len(self._common))
        return self._common[:words]
