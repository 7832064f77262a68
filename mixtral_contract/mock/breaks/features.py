"""Breaks of what is asked beyond one free text: calls, forms, log probabilities, several choices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.breaks.answers import completion
from mixtral_contract.mock.breaks.bodies import Body, changed_body, forgiven, has_role
from mixtral_contract.mock.breaks.broken_service import Break, Factory
from mixtral_contract.mock.breaks.headers import refused
from mixtral_contract.mock.breaks.streams import chunks
from mixtral_contract.mock.completions.choices import Choice, ToolCall
from mixtral_contract.mock.completions.completion import Completion, usage
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.service.call import Call


def _choices(change: Callable[[Call, Choice], Choice]) -> Factory:
    """Changes each choice of an answer to more than a question for one text."""

    def changed(call: Call, made: Completion) -> Completion:
        if made.choices is None:
            return made
        return replace(made, choices=tuple(change(call, choice) for choice in made.choices))

    return completion(changed)


def _calls(change: Callable[[Call, ToolCall], ToolCall]) -> Factory:
    """Changes each function call."""
    return _choices(lambda call, choice: replace(choice, calls=tuple(change(call, each) for each in choice.calls)))


def _entries(change: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Factory:
    """Changes each entry of a choice's log probabilities."""

    def changed(_call: Call, choice: Choice) -> Choice:
        if choice.logprobs is None:
            return choice
        return replace(choice, logprobs=tuple(change(entry) for entry in choice.logprobs))

    return _choices(changed)


def _written(change: Callable[[dict[str, Any]], None]) -> Factory:
    """Changes each choice of a whole answer as it is written."""

    def changed(_call: Call, reply: Reply) -> None:
        if reply.refusal is None and reply.frames is None:
            for choice in reply.content["choices"]:
                change(choice)

    return lambda: Break(reply=changed)


def _chosen(wanted: str, instead: str) -> Factory:
    def change(_operation: Operation, body: Body) -> None:
        if body.get("tool_choice") == wanted:
            body["tool_choice"] = instead

    return changed_body(change)


def _other_type(choice: dict[str, Any]) -> None:
    for call in choice["message"].get("tool_calls", ()):
        call["type"] = "tool"


def _other_function(call: Call, made: ToolCall) -> ToolCall:
    wanted = call.completion_request.features
    if wanted is None or wanted.only is None:
        return made
    return replace(made, name=next((each.name for each in wanted.functions if each.name != wanted.only), made.name))


def _filtered(*, stream: bool) -> Factory:
    def change(call: Call, choice: Choice) -> Choice:
        wanted = choice.calls and call.completion_request.stream == stream
        return replace(choice, finish_reason="content_filter") if wanted else choice

    return _choices(change)


def _number_for_index() -> Break:
    def change(number: int, chunk: dict[str, Any]) -> None:
        for choice in chunk["choices"]:
            for fragment in choice["delta"].get("tool_calls", ()):
                fragment["index"] = number

    return chunks(change)()


def _shorter_stream(call: Call, made: ToolCall) -> ToolCall:
    return replace(made, arguments=made.arguments[:-1]) if call.completion_request.stream else made


def _ignore_undeclared(_operation: Operation, body: Body) -> None:
    choice = body.get("tool_choice")
    declared = [tool["function"]["name"] for tool in body.get("tools") or () if _is_function(tool)]
    if isinstance(choice, dict) and choice.get("function", {}).get("name") not in declared:
        del body["tool_choice"]


def _is_function(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _result_for_user(_operation: Operation, body: Body) -> None:
    messages = body.get("messages")
    if not isinstance(messages, list) or any(isinstance(each, dict) and each.get("tool_calls") for each in messages):
        return
    for each in messages:
        if isinstance(each, dict) and each.get("role") == "tool":
            each["role"] = "user"


def _ignore_tools(_operation: Operation, body: Body) -> None:
    tools = body.get("tools")
    if isinstance(tools, list) and not all(map(_is_function, tools)):
        del body["tools"]


def _ignore_form(kind: str) -> Factory:
    def change(_operation: Operation, body: Body) -> None:
        wanted = body.get("response_format")
        if isinstance(wanted, dict) and wanted.get("type") == kind:
            del body["response_format"]

    return changed_body(change)


def _shorter_entries(call: Call, choice: Choice) -> Choice:
    if choice.logprobs is None or call.completion_request.stream:
        return choice
    return replace(choice, logprobs=choice.logprobs[:-1])


def _silent_stream(call: Call, choice: Choice) -> Choice:
    return replace(choice, logprobs=None) if call.completion_request.stream else choice


def _unasked(choice: dict[str, Any]) -> None:
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
    choice.setdefault("logprobs", {"content": [token], "refusal": None})


def _ignore_top(_operation: Operation, body: Body) -> None:
    if not body.get("logprobs"):
        body.pop("top_logprobs", None)


def _one_choice(_operation: Operation, body: Body) -> None:
    if not body.get("stream") and body.get("n") == 2:
        del body["n"]


def _index_0(_number: int, chunk: dict[str, Any]) -> None:
    for choice in chunk["choices"]:
        choice["index"] = 0


def _count_first(_call: Call, made: Completion) -> Completion:
    if made.choices is None:
        return made
    return replace(made, usage=usage(made.usage["prompt_tokens"], made.choices[0].tokens))


DEMANDS: Mapping[str, Factory] = {
    "TOOL-01": _chosen("required", "none"),
    "TOOL-02": _written(_other_type),
    "TOOL-03": _calls(lambda _call, made: replace(made, arguments=("{}",))),
    "TOOL-04": _calls(_other_function),
    "TOOL-05": _chosen("none", "required"),
    "TOOL-06": _filtered(stream=False),
    "TOOL-07": _number_for_index,
    "TOOL-08": _calls(_shorter_stream),
    "TOOL-09": refused(lambda call: has_role(call, "tool")),
    "TOOL-10": changed_body(_ignore_undeclared),
    "TOOL-11": changed_body(_result_for_user),
    "TOOL-12": changed_body(_ignore_tools),
    "TOOL-13": _filtered(stream=True),
    "FMT-01": _ignore_form("json_object"),
    "FMT-02": _ignore_form("json_schema"),
    "FMT-03": forgiven("response_format"),
    "LOGP-01": _choices(_shorter_entries),
    "LOGP-02": _entries(lambda entry: {**entry, "logprob": 0.5}),
    "LOGP-03": _entries(lambda entry: {**entry, "bytes": [*reversed(entry["bytes"]), 0]}),
    "LOGP-04": _entries(lambda entry: {**entry, "top_logprobs": entry["top_logprobs"][::-1]}),
    "LOGP-05": _written(_unasked),
    "LOGP-06": _choices(_silent_stream),
    "LOGP-07": forgiven("top_logprobs"),
    "LOGP-08": changed_body(_ignore_top),
    "CHC-01": changed_body(_one_choice),
    "CHC-02": chunks(_index_0),
    "CHC-03": completion(_count_first),
    "CHC-04": forgiven("n"),
}
