"""Reads a scripted reply of plain data, and refuses what cannot be said, by the name of what is wrong.

`reply.schema.yaml` says what a reply is; what no schema can say of it is checked here.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from mixtral_contract.contract.schema import Schema
from mixtral_contract.mock.messages.messages import Ending, Write
from mixtral_contract.mock.replies.scripted_reply import (
    DECLINED,
    REASONING,
    TEXT,
    Called,
    ChoiceScript,
    Failure,
    Finish,
    Part,
    Said,
    ScriptedRefusal,
    ScriptedReply,
    said,
)
from mixtral_contract.mock.timing.engine import Pace
from mixtral_contract.primitives.bounded import safe_yaml
from mixtral_contract.primitives.shown import shown
from mixtral_contract.primitives.tokenizer import VERSIONS, tokenizer

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

SCHEMA = Path(__file__).with_name("reply.schema.yaml")

_SAID = {"text": TEXT, "reasoning_content": REASONING, "refusal": DECLINED}
_OF_CHOICE = ("reasoning_content", "text", "refusal", "tool_calls")
"""What a choice may have instead of parts, in the order in which it is said."""
_ALONE = frozenset(("tool_call", "error", "cut"))
"""The parts that are a reply by themselves."""
_OF_REFUSAL = frozenset(("status", "message", "retry_after_s"))


class ReplyError(ValueError):
    """The data is no reply; the message says where and why in one line."""


def read(data: Any, where: str) -> ScriptedReply:
    """The reply that the data is; `where` begins what is said about it.

    Raises: ReplyError
    """
    whole = _whole(data)
    if isinstance(whole, Mapping) and len(whole) == 1 and not set(_PARTS).isdisjoint(whole):
        if not _ALONE.isdisjoint(whole):
            whole = _whole([whole])
        else:
            name = next(iter(whole))
            raise ReplyError(f"{where}: expected a reply, got a {name} alone: the parts of a reply stand in one list")
    if not isinstance(whole, Mapping):
        raise ReplyError(f"{where}: expected a text, a list of parts or an object, got {shown(data)}")
    _check(whole, where)
    if "status" in whole:
        beside = sorted(set(whole) - _OF_REFUSAL)
        if beside:
            raise ReplyError(f"{where}.{beside[0]}: expected nothing beside the status of a refusal, got it")
        return ScriptedReply(refusal=ScriptedRefusal(**whole))
    for name in ("message", "retry_after_s"):
        if name in whole:
            raise ReplyError(f"{where}.{name}: expected a status beside it, got none")
    own = {name: value for name, value in whole.items() if name in (*_OF_CHOICE, "parts", "finish_reason", "logprobs")}
    if "choices" in whole:
        if own:
            raise ReplyError(f"{where}.{next(iter(own))}: expected it inside of choices, got it beside them")
        choices = tuple(_choice(each, f"{where}.choices.{number}") for number, each in enumerate(whole["choices"]))
    else:
        choices = (_choice(own, where),)
    pace = whole.get("pace")
    return ScriptedReply(
        choices=choices,
        usage=whole.get("usage", {}),
        pace=None if pace is None else Pace(_ns(pace.get("ttft_ms", 0)), _ns(pace.get("itl_ms", 0))),
        oddities=whole.get("oddities", {}),
    )


def _whole(data: Any) -> Any:
    """The data with every short form written out."""
    data = _object(data)
    if not isinstance(data, Mapping):
        return data
    data = dict(data)
    if isinstance(data.get("choices"), list):
        data["choices"] = [_whole(each) for each in data["choices"]]
    if isinstance(data.get("parts"), list):
        data["parts"] = [_part_object(each) for each in data["parts"]]
    return data


def _object(data: Any) -> Any:
    if isinstance(data, str):
        return {"text": data}
    return {"parts": data} if isinstance(data, list) else data


def _part_object(data: Any) -> Any:
    if isinstance(data, str):
        return {"text": data}
    if isinstance(data, Mapping) and isinstance(data.get("error"), str):
        return {**data, "error": {"message": data["error"]}}
    return data


def _check(whole: Mapping[str, Any], where: str) -> None:
    validator = schema()
    assert validator.validator  # compiled here: what it raises below is about the data
    try:
        orjson.dumps(whole, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS)
        violation = next(validator.violations(whole), None)
    except (TypeError, ValueError) as error:
        reason = "characters that UTF-8 has" if "surrogates" in str(error) else "values that JSON has"
        raise ReplyError(f"{where}: expected {reason}, got {shown(whole)}") from None
    if violation is not None:
        field = "" if violation.field == "body" else f".{violation.field}"
        raise ReplyError(f"{where}{field}: {violation.message}")


@functools.cache
def schema() -> Schema:
    """The schema of a reply with its short forms written out."""
    document = safe_yaml.read(SCHEMA)
    return Schema(document, document["components"]["schemas"]["reply"])


# one choice


def _choice(node: Mapping[str, Any], where: str) -> ChoiceScript:
    shortly = [name for name in _OF_CHOICE if name in node]
    if "parts" in node and shortly:
        raise ReplyError(f"{where}.{shortly[0]}: expected it among parts, or no parts, got both")
    parts: list[Part] = []
    finish: list[str | None] = [node["finish_reason"]] if "finish_reason" in node else []
    for name in shortly:
        parts += (
            [_called(each, f"{where}.tool_calls") for each in node[name]]
            if name == "tool_calls"
            else [Said(_SAID[name], node[name])]
        )
    for number, part in enumerate(node.get("parts", ())):
        ((name, value),) = part.items()
        if name == "finish":
            finish.append(value)
        parts.append(_part(name, value, f"{where}.parts.{number}.{name}"))
    if len(finish) > 1:
        raise ReplyError(f"{where}.finish_reason: expected one end, got {' and '.join(map(repr, finish))}")
    logprobs = node.get("logprobs")
    if logprobs is not None and not any(isinstance(part, Said) and part.name == TEXT for part in parts):
        parts.append(Said(TEXT, "".join(entry["token"] for entry in logprobs)))
    if not parts and not finish:
        raise ReplyError(f"{where}: expected something to say, such as text, tool_calls or parts, got none")
    _check_order(parts, where)
    made = ChoiceScript(
        tuple(_joined(parts)),
        bool(finish),
        finish[0] if finish else None,
        None if logprobs is None else tuple(logprobs),
    )
    _check_texts(made, where)
    return made


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """The parts that say anything, with neighbouring texts of one name as one: nothing happens between them."""
    for name, group in groupby(
        (part for part in parts if not (isinstance(part, Said) and not part.text)),
        lambda part: part.name if isinstance(part, Said) else None,
    ):
        if name is None:
            yield from group
        else:
            yield Said(name, "".join(part.text for part in group if isinstance(part, Said)))


def _part(name: str, value: Any, where: str) -> Part:
    if name in _SAID:
        return Said(_SAID[name], value)
    made: Part = _PARTS[name](value, where)
    return made


def _called(call: Mapping[str, Any], where: str) -> Called:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
    _check_spelled(f"{where}.name", call["name"])
    _check_spelled(f"{where}.arguments", text)
    return Called(call["name"], text, call.get("id"))


def _commented(text: str, where: str) -> Write:
    if "\n" in text or "\r" in text:
        raise ReplyError(f"{where}: expected one line, got {shown(text)}")
    return Write(f": {text}\n\n".encode())


def _failed(error: Mapping[str, Any], _where: str) -> Failure:
    return Failure(
        error["message"],
        error.get("code"),
        error.get("type"),
        error.get("envelope", "openai"),
        error.get("done", False),
    )


def _raw(value: Any, where: str) -> Write:
    data = value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])
    if not data:
        raise ReplyError(f"{where}: expected some bytes, got none")
    return Write(data)


_PARTS: Mapping[str, Any] = {
    "tool_call": _called,
    "pause": lambda seconds, _where: Write(before_ns=round(seconds * 1e9)),
    "comment": _commented,
    "error": _failed,
    "raw": _raw,
    "cut": lambda by, _where: Write(ending=Ending(by)),
    "finish": lambda _reason, _where: Finish(),
}


def _check_order(parts: Sequence[Part], where: str) -> None:
    """Nothing follows a cut, only what is no chunk follows an error, and nothing is said behind the finish."""
    over = ""
    for number, part in enumerate(parts):
        if over == "cut" or (over and not isinstance(part, Write | Failure)) or (over == "error" == _over(part)):
            raise ReplyError(f"{where}.parts.{number}: expected nothing to be said behind the {over}, got it")
        over = _over(part) or over


def _over(part: Part) -> str:
    if isinstance(part, Finish):
        return "finish"
    if isinstance(part, Failure):
        return "error"
    return "cut" if isinstance(part, Write) and part.ending is not None else ""


def _check_texts(choice: ChoiceScript, where: str) -> None:
    for name in _SAID.values():
        _check_spelled(where, said(choice, name))
    if choice.logprobs is None:
        return
    text, joined = said(choice, TEXT), "".join(entry["token"] for entry in choice.logprobs)
    if text != joined:
        raise ReplyError(f"{where}.logprobs: expected the tokens of {shown(text)}, got {shown(joined)}")


def _check_spelled(where: str, text: str) -> None:
    if any("".join(tokenizer(version).split(text)) != text for version in VERSIONS):
        raise ReplyError(f"{where}: expected what Mixtral's tokens can spell, got {shown(text)}")


def _ns(ms: float) -> int:
    return round(ms * 1e6)
