"""What the drivers of LangChain's chat models have in common: they all speak its messages."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.messages import convert_to_messages

from tests.clients.python.asking import Heard, Question


def ask(model: Any, question: Question, heard: Heard) -> None:
    """Puts the question to a chat model and takes in its answer."""
    if question.tools:
        model = model.bind_tools(question.tools)
    messages = _messages(question)
    if not question.stream:
        _read(model.invoke(messages), heard)
        return
    whole = None
    for chunk in model.stream(messages):
        heard.say(chunk.content)
        whole = chunk if whole is None else whole + chunk
    _read(whole, heard, spoken=True)


def _messages(question: Question) -> list[Any]:
    """The messages as LangChain's own; ChatNVIDIA reads calls only where its own answers have them."""
    messages: list[Any] = convert_to_messages(question.messages)
    for message, sent in zip(messages, question.messages, strict=True):
        if "tool_calls" in sent:
            message.additional_kwargs["tool_calls"] = sent["tool_calls"]
    return messages


def _read(message: Any, heard: Heard, *, spoken: bool = False) -> None:
    if not spoken:
        heard.say(message.content)
    heard.finish_reason = message.response_metadata.get("finish_reason")
    if message.usage_metadata:
        heard.usage = [message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]]
    for index, call in enumerate(message.tool_calls):
        heard.call(index, call["name"], json.dumps(call["args"]))
