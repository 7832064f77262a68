"""What is asked: calls of one dialect as the bytes of HTTP requests.

Three workloads, because a mock may remember what it saw: `same` is one body again and again; `distinct` are windows of
about 400 bytes of this project's own documents, each with a number of its own, so that no body comes twice while the
words are those of a language; `strange` are words of random letters, so that not even a word comes twice.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixtral_contract.contract.openapi import Contract

ROOT = Path(__file__).parent.parent
WORKLOADS = ("same", "distinct", "strange")
KEY = "mock-valid"
PROMPT_BYTES = 400
NUMBER = "#0000000000"
"""What the client replaces by the number of the request."""

_PROMPTS = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """How one dialect is called: the path, the headers, and the fields of the body beside the messages."""

    path: str
    headers: tuple[tuple[str, str], ...]
    fields: dict[str, object]

    def body(self, prompt: str, **fields: object) -> bytes:
        """The body that asks the prompt."""
        return json.dumps({**self.fields, "messages": [{"role": "user", "content": prompt}], **fields}).encode()

    def request(self, prompt: str, **fields: object) -> bytes:
        """The whole request that asks the prompt."""
        body = self.body(prompt, **fields)
        head = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


def dialects() -> tuple[str, ...]:
    """The dialects of the contract."""
    return tuple(Contract.load().operations)


def call_of(dialect: str) -> Call:
    """How the contract says that a dialect is called.

    Raises: KeyError for an unknown dialect.
    """
    operation = Contract.load().operations[dialect]
    credential = operation.credentials[0]
    headers = (
        ("Host", "127.0.0.1"),
        ("User-Agent", "benchmark"),
        ("Accept", "application/json"),
        (credential.header.title(), credential.value(KEY)),
        ("Content-Type", "application/json"),
    )
    # peers want a model, even where the contract does not
    fields: dict[str, object] = {"model": operation.models[0].name} if "model" in operation.request.properties else {}
    return Call(operation.path, headers, fields)


def prompts(workload: str) -> Iterator[str]:
    """The prompts of a workload, the same in every run.

    Raises: KeyError for an unknown workload.
    """
    return {"same": _same, "distinct": _distinct, "strange": _strange}[workload]()


def _same() -> Iterator[str]:
    yield next(_distinct()).replace(NUMBER, "once")


def _distinct() -> Iterator[str]:
    chance = random.Random(1)
    words = " ".join(path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("*.md"))).split()
    for _ in range(_PROMPTS):
        begin = chance.randrange(len(words) - PROMPT_BYTES)
        yield f"{NUMBER} {' '.join(words[begin : begin + PROMPT_BYTES])[:PROMPT_BYTES].strip()}"


def _strange() -> Iterator[str]:
    chance = random.Random(2)
    letters = string.ascii_letters + string.digits
    for _ in range(_PROMPTS):
        text = "".join(chance.choices(letters, k=PROMPT_BYTES))
        yield f"{NUMBER} {' '.join(text[at : at + 6] for at in range(0, len(text), 7))}"
