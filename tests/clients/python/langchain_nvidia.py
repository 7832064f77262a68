"""Drives ChatNVIDIA of langchain-nvidia-ai-endpoints."""

from __future__ import annotations

import os

from langchain_nvidia_ai_endpoints import ChatNVIDIA

from tests.clients.python import langchain
from tests.clients.python.asking import Heard, Question, drive


def _ask(question: Question, heard: Heard) -> None:
    fields = {name: value for name, value in question.fields().items() if name != "tools"}
    model = ChatNVIDIA(
        base_url=os.environ["MOCK_BASE_URL"],
        api_key=question.key,
        model=os.environ["MOCK_MODEL"],
        usage_telemetry_enabled=False,
        **fields,
    )
    langchain.ask(model, question, heard)


if __name__ == "__main__":
    drive("langchain-nvidia-ai-endpoints", _ask)
