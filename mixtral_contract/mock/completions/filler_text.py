"""Short English answers, made of sentences with slots; same chance and topic, same text.

The words are ordinary ones, so that most are one token of Mixtral's vocabularies; a few carry an accent, a dash or
curly quotes, so that a stream holds more than ASCII.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

Option = TypeVar("Option")

_TOPIC = "{topic}"
_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z]{3,20}")
_LOOKED_AT = 200
"""How many characters from the end of a question are searched for its topic."""

_FILLERS = (
    "about all and answer any are ask but can could describe did does each else ever explain few for from get"
    " give got had has have help her here him his how into its just know let like list long make many may more"
    " most must name not now off one only other our out over own please put question quite said same say"
    " sentence she short should show some still such sure tell than that the their them then there these they"
    " this those too two understand use very want was well were what when where which while who whom why will"
    " with without word words would write yes yet you your"
)
_COMMON = frozenset(_FILLERS.split())

_OPENINGS = (
    "Here is a short answer about {topic}.",
    "There is more to say about {topic} than it may seem at first.",
    "Let us look at {topic} step by step.",
    "That is a {quality} question about {topic}.",
    "The short answer on {topic}: it depends, but less than you might think.",
    "When people ask about {topic}, they often want a {quality} rule, and there is one.",
)

_SENTENCES = (
    "A {quality} way to begin is to {act}.",
    "Most people {act} first, and only then {act}.",
    "It helps to {act} before you {act}.",
    "In practice, the {thing} matters more than the {thing}.",
    "One {person} put it like this: “First {act}, then {act}.”",
    "A {person} in a small café once told me to {act} — and that was {quality} advice.",
    "The {thing} is {quality}, while the {thing} is not.",
    "If you have to choose, keep the {thing} and let the {thing} go.",
    "There are two sides to it: the {thing} and the {thing}.",
    "Note that the {thing} can change over time, so you may have to {act} again.",
    "With {topic}, the {thing} is usually the {quality} part.",
    "You can {act} in a few minutes; the rest takes a little longer.",
    "Some would say “{act}” and leave it there, but the {thing} deserves more care.",
    "A common mistake is to {act} too early.",
    "As a {person} from Köln would say, the {thing} is half of the work.",
    "None of this is hard, and after a while it feels {quality}.",
    "For example, a {person} may {act} on Monday and {act} on Friday.",
    "That said, nobody has to {act} all at once.",
    "The {thing} of {topic} has a long history — longer than many think.",
    "Still, a {quality} {thing} is better than none.",
)

_CLOSINGS = (
    "I hope this helps.",
    "In short: {act}, and the rest will follow.",
    "If you tell me more about {topic}, I can be more exact.",
    "So much for the {thing}; the rest is up to you.",
)

_SLOTS: Mapping[str, tuple[str, ...]] = {
    "quality": ("good", "simple", "clear", "useful", "common", "natural", "strong", "small", "fair", "safe", "new"),
    "thing": ("first step", "order", "result", "time", "cost", "plan", "reason", "detail", "source", "form", "name"),
    "person": ("teacher", "friend", "writer", "doctor", "student", "driver", "cook", "scientist", "neighbour"),
    "act": (
        "write down the facts",
        "ask a friend",
        "look at a small example",
        "take a short break",
        "read the whole page",
        "compare two cases",
        "check the numbers",
        "keep it simple",
        "start over",
        "make a list",
    ),
}

_LENGTHS = range(16, 126)
"""How many words a text has, about."""

_ON_TOPIC = 0.6
"""How often a phrase is the topic."""


class Chance(Protocol):
    """What chooses: a `random.Random`, or the cheaper `Digest`."""

    def choice(self, options: Sequence[Option], /) -> Option:
        """One of the options."""


class Digest:
    """Chooses as a digest says, with no generator to set up: it is one number, and each choice takes a digit off it.

    64 bytes last for some 60 choices; after them the first option is taken.
    """

    def __init__(self, digest: bytes) -> None:
        self._left = int.from_bytes(digest)

    def choice(self, options: Sequence[Option], /) -> Option:
        """One of the options."""
        self._left, chosen = divmod(self._left, len(options))
        return options[chosen]


def topic_of(question: str) -> str:
    """The last word of a question that says what it is about; `this` when there is none."""
    for said in reversed(question[-_LOOKED_AT:].split()):
        if said in _COMMON:
            continue
        for word in reversed(_WORD.findall(said)):
            if word.lower() not in _COMMON:
                return str(word)
    return "this"


def compose(chance: Chance, topic: str) -> str:
    """A few sentences about the topic, about 20 to 200 tokens long."""
    return " ".join(sentences(chance, topic))


def sentences(chance: Chance, topic: str) -> list[str]:
    """The sentences of `compose`."""
    choice = chance.choice
    opening = choice(_fillings(choice(_OPENINGS)))
    closing = choice(_fillings(choice(_CLOSINGS)))
    said = [opening]
    missing = choice(_LENGTHS) - opening.words - closing.words
    unsaid = list(_SENTENCES)
    while missing > 0 and unsaid:
        sentence = choice(unsaid)
        unsaid.remove(sentence)
        filled = choice(_fillings(sentence))
        said.append(filled)
        missing -= filled.words
    said.append(closing)
    return [filled.text.replace(_TOPIC, topic) if filled.on_topic else filled.text for filled in said]


def phrase(chance: random.Random, topic: str) -> str:
    """A word or a few, for the places where a text is wanted that is no sentence; often the topic."""
    return topic if chance.random() < _ON_TOPIC else chance.choice(_SLOTS[chance.choice(("thing", "person", "act"))])


class _Filled(NamedTuple):
    """A sentence with words in its slots, but for the topic; how many words it has."""

    text: str
    words: int
    on_topic: bool


@functools.cache
def _fillings(sentence: str) -> Sequence[_Filled]:
    """The sentence with every slot but the topic's filled, in every way that has no two slots of one kind alike."""
    names = _SLOT.findall(sentence)
    template = _SLOT.sub("%s", sentence)
    ways = itertools.product(*(_SLOTS.get(name, (_TOPIC,)) for name in names))
    texts = (template % words for words in ways if len(set(words)) == len(words))
    return tuple(_Filled(text, text.count(" ") + 1, _TOPIC in text) for text in texts)
