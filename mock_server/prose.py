"""Short English answers, made of sentences with slots; same random generator and topic, same text.

The words are ordinary ones, so that most are one token of Mixtral's vocabularies; a few carry an accent, a dash or
curly quotes, so that a stream holds more than ASCII.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Mapping, Sequence

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

_LEAST_WORDS, _MOST_WORDS = 16, 125


def topic_of(question: str) -> str:
    """The last word of a question that says what it is about; `this` when there is none."""
    words = reversed(_WORD.findall(question[-_LOOKED_AT:]))
    return next((word for word in words if word.lower() not in _COMMON), "this")


def compose(chance: random.Random, topic: str) -> str:
    """A few sentences about the topic, about 20 to 200 tokens long."""
    opening = _fill(chance, _pick(chance, _OPENINGS), topic)
    closing = _fill(chance, _pick(chance, _CLOSINGS), topic)
    said, unsaid = [opening], list(_SENTENCES)
    missing = chance.randint(_LEAST_WORDS, _MOST_WORDS) - _count_words(opening) - _count_words(closing)
    while missing > 0 and unsaid:
        sentence = _pick(chance, unsaid)
        unsaid.remove(sentence)
        said.append(_fill(chance, sentence, topic))
        missing -= _count_words(said[-1])
    return " ".join([*said, closing])


def _fill(chance: random.Random, sentence: str, topic: str) -> str:
    """The sentence with each slot filled, no two slots of one kind alike."""
    template, names = _template(sentence)
    words: list[str] = []
    for name in names:
        word = topic if name == "topic" else _pick(chance, _SLOTS[name])
        while word in words and name != "topic":
            word = _pick(chance, _SLOTS[name])
        words.append(word)
    return template % tuple(words)


@functools.cache
def _template(sentence: str) -> tuple[str, Sequence[str]]:
    """The sentence with `%s` for each slot, and the names of the slots."""
    return _SLOT.sub("%s", sentence), _SLOT.findall(sentence)


def _pick(chance: random.Random, options: Sequence[str]) -> str:
    # `choice` is five times slower, for a fairness that nobody sees
    return options[int(chance.random() * len(options))]


def _count_words(text: str) -> int:
    return text.count(" ") + 1
