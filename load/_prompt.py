"""Prompts of an exact length in tokens, the same for the same seed.

Every request gets another text: a server that keeps the state of earlier prompts would answer a repeated one too soon.
"""

from __future__ import annotations

import random

from spec.tokens import Tokenizer

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
    """An endless series of texts that each have exactly `tokens` tokens; the template around them is not counted."""

    def __init__(self, tokens: int, tokenizer: Tokenizer, seed: str) -> None:
        # no token of these models reaches over a space into the next word, so the tokens of words add up
        opening = tokenizer.count(OPENING)
        self._opening = [OPENING] if opening < tokens else []
        self._missing = tokens - opening if self._opening else tokens
        self._words = [word for word in _WORDS if tokenizer.count(word) == 1]
        self._random = random.Random(seed)  # noqa: S311 -- repeatable on purpose

    def next(self) -> str:
        """The next text."""
        return " ".join([*self._opening, *self._random.choices(self._words, k=self._missing)])
