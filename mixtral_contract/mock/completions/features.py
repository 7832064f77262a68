"""What a question asks for beyond one free text: functions to call, a form to keep, several choices, probabilities.

Read from a body that keeps the contract. What no schema can say of it (a result that answers no call, a choice of a
function that is not there) is checked here, as OpenAI and Mistral check it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIELDS = frozenset(("tools", "response_format", "n", "logprobs"))
"""The fields that make a question more than a request for one free text."""

AN_OBJECT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "answer": {"type": "string"}, "confidence": {"enum": [0.5, 0.8, 0.9]}},
    "required": ["topic", "answer", "confidence"],
}
"""What is written where any JSON object will do."""
_WORD = re.compile(r"[a-z]{3,}")


class UnanswerableError(ValueError):
    """The question contradicts itself; `field` is the dotted path of what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Function:
    """A function that the model may call; `field` is where its schema stands in the body."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    field: str


@dataclass(frozen=True, slots=True)
class RequestFeatures:
    """What is asked beyond one free text.

    `functions` are all that are declared, `choice` is `none`, `auto` or `required`, `only` the one function that has
    to be called. `form` is the JSON Schema that the text has to keep, None where any text does. `top_logprobs` is how
    many alternatives come with each token, None where no probabilities are asked for.
    """

    n: int
    functions: tuple[Function, ...]
    choice: str
    only: str | None
    parallel: bool
    form: Mapping[str, Any] | None
    top_logprobs: int | None

    def calls(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Whether the answer calls functions.

        With `auto` it does when the user spoke last, and answers in text once a function's result is there, so that
        an agent's loop ends by itself.
        """
        if not self.functions or self.choice == "none":
            return False
        return self.choice == "required" or messages[-1]["role"] == "user"

    def suited(self, said: str, called: Collection[str] = ()) -> tuple[Function, ...]:
        """The functions that suit what the user said: those that it names, else those whose words it shares most.

        Those that were `called` for it come last, so that an agent's loop ends where a call is required each time and
        one of the functions takes the result.
        """
        if self.only is not None:
            return tuple(function for function in self.functions if function.name == self.only)[:1]
        left = tuple(function for function in self.functions if function.name not in called) or self.functions
        named = tuple(function for function in left if function.name.lower() in said.lower())
        if named:
            return named
        words = set(_WORD.findall(said.lower()))
        shared = [len(words & _words(function)) for function in left]
        return tuple(each for each, count in zip(left, shared, strict=True) if count == max(shared))


def request_features(fields: Mapping[str, Any]) -> RequestFeatures | None:
    """What a valid body asks beyond one free text; None for a body that asks for nothing else."""
    if FIELDS.isdisjoint(fields):
        return None
    choice = fields.get("tool_choice", "auto")
    return RequestFeatures(
        n=int(fields.get("n", 1)),
        functions=tuple(_function(number, tool) for number, tool in enumerate(fields.get("tools", ()))),
        choice=choice if isinstance(choice, str) else "required",
        only=None if isinstance(choice, str) else choice["function"]["name"],
        parallel=fields.get("parallel_tool_calls", True),
        form=_form(fields.get("response_format", {})),
        top_logprobs=int(fields.get("top_logprobs", 0)) if fields.get("logprobs") else None,
    )


def called_functions(messages: Sequence[Mapping[str, Any]]) -> set[str]:
    """The names of the functions that the assistant called since the user spoke last."""
    called: set[str] = set()
    for message in messages:
        if message["role"] == "user":
            called.clear()
        called.update(call["function"]["name"] for call in message.get("tool_calls") or ())
    return called


def check(messages: Sequence[Mapping[str, Any]], asked: RequestFeatures | None) -> None:
    """Returns when calls and results of the conversation belong together, and the function to call is declared.

    Raises: UnanswerableError when not.
    """
    if asked is not None and asked.only is not None and not asked.suited(""):
        declared = ", ".join(function.name for function in asked.functions)
        raise UnanswerableError("tool_choice", f"expected one of the functions {declared}, got {asked.only!r}")
    waiting: dict[str, str] = {}
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            answers = message["tool_call_id"]
            if waiting.pop(answers, None) is None:
                raise UnanswerableError(
                    f"messages.{index}.tool_call_id",
                    f"expected the id of a call in the assistant's message before it, got {answers[:80]!r}",
                )
        elif waiting:
            break
        elif role == "assistant":
            calls = message.get("tool_calls") or ()
            waiting = {call["id"]: f"messages.{index}.tool_calls" for call in calls}
    for name, field in waiting.items():
        raise UnanswerableError(
            field, f"expected a message with the role tool for each call after it, got none for {name!r}"
        )


def _function(number: int, tool: Mapping[str, Any]) -> Function:
    function = tool["function"]
    field = f"tools.{number}.function.parameters"
    parameters = function.get("parameters") or {"type": "object", "additionalProperties": False}
    return Function(function["name"], function.get("description") or "", parameters, field)


def _form(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if wanted.get("type") == "json_schema":
        return wanted["json_schema"].get("schema") or AN_OBJECT
    return AN_OBJECT if wanted.get("type") == "json_object" else None


def _words(function: Function) -> set[str]:
    return set(_WORD.findall(f"{function.name} {function.description}".lower()))
