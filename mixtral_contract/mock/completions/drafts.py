"""The choices of an answer before anything cuts them: free texts, texts of a demanded form, or function calls.

The same digest and question give the same takes; knows nothing of limits, ids or the wire.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from mixtral_contract.mock.completions import filler_text as prose
from mixtral_contract.mock.completions.features import RequestFeatures, UnanswerableError, called_functions
from mixtral_contract.mock.completions.json_values.generator import JsonValueGenerator
from mixtral_contract.mock.completions.json_values.subschemas import UnsatisfiableError
from mixtral_contract.primitives.bounded.work import Work
from mixtral_contract.primitives.tokenizer import Tokenizer, text_of

MOST_CALLS = 4
"""How many functions are called side by side."""
_FORM_FIELD = "response_format.json_schema.schema"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the model writes it: `opening` tokens say that it is one and name the function, then its arguments."""

    name: str
    opening: int
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChoiceDraft:
    """What one choice says, token by token: a text, or calls."""

    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()


def said_last(messages: Sequence[Mapping[str, Any]]) -> str:
    """What the user said last, whatever was said last where no user did."""
    last = next((message for message in reversed(messages) if message["role"] == "user"), messages[-1])
    return text_of(last.get("content"))


def draft_choices(
    tokens: Tokenizer,
    messages: Sequence[Mapping[str, Any]],
    asked: RequestFeatures,
    digest: bytes,
    work: Work,
) -> tuple[ChoiceDraft, ...]:
    """A draft per choice; the first one is that of a question for one choice.

    No two texts are alike; what has to keep a form may have few values.

    Raises: UnanswerableError when a demanded form or the arguments of a function can have no value; TooMuchWorkError
    when the request's time is over.
    """
    said = said_last(messages)
    topic, chance = prose.topic_of(said), random.Random(digest)  # noqa: S311  the same for the same is the point
    maker = JsonValueGenerator(chance, partial(prose.phrase, chance, topic), work)
    for function in asked.functions:
        # tried whether it is called or not: a mistake in a schema shows at once, not by chance
        _made(maker, function.parameters, function.field)
    if asked.calls(messages):
        called = called_functions(messages)
        return tuple(ChoiceDraft(calls=_calls(tokens, maker, asked, said, called)) for _ in range(asked.n))
    form = asked.form
    if form is not None:
        return tuple(ChoiceDraft(tuple(tokens.split(_made(maker, form, _FORM_FIELD)))) for _ in range(asked.n))
    texts = {prose.compose(prose.Digest(digest), topic): None}
    while len(texts) < asked.n:
        texts[prose.compose(chance, topic)] = None
    return tuple(ChoiceDraft(tuple(tokens.split(text))) for text in texts)


def _calls(
    tokens: Tokenizer, maker: JsonValueGenerator, asked: RequestFeatures, said: str, called: Collection[str]
) -> tuple[Call, ...]:
    suited = asked.suited(said, called)
    named = [function for function in suited if function.name.lower() in said.lower()]
    chosen = named[:MOST_CALLS] if asked.parallel and len(named) > 1 else [maker.chance.choice(suited)]
    return tuple(
        # one control token before the name says that a call follows
        Call(each.name, 1 + tokens.count(each.name), tuple(tokens.split(_made(maker, each.parameters, each.field))))
        for each in chosen
    )


def _made(maker: JsonValueGenerator, schema: Mapping[str, Any], field: str) -> str:
    try:
        return orjson.dumps(maker.make(schema)).decode()
    except UnsatisfiableError as error:
        raise UnanswerableError(field, str(error)) from error
