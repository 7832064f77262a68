"""Drives ChatOpenAI of langchain-openai."""

from __future__ import annotations

import os

from langchain_openai import ChatOpenAI

from tests.clients.python import langchain
from tests.clients.python.asking import Heard, Question, drive


def _ask(question: Question, heard: Heard) -> None:
    fields = {name: value for name, value in question.fields().items() if name != "tools"}
    model = ChatOpenAI(
        base_url=os.environ["MOCK_BASE_URL"],
        api_key=question.key,
        model=os.environ["MOCK_MODEL"],
        timeout=20,
        stream_usage=True,
        **fields,
    )
    langchain.ask(model, question, heard)


if __name__ == "__main__":
    drive("langchain-openai", _ask)
