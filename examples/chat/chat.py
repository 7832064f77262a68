"""A chat on the terminal: it remembers, streams, waits when it is told to, and stops before the credits are gone.

    NVIDIA_API_KEY=...        python chat.py nvidia
    SEGMIND_API_KEY=...       python chat.py segmind --keep 0.05
    NVIDIA_API_KEY=mock-valid python chat.py nvidia --origin http://127.0.0.1:8000

Copy this file and its tests: it needs httpx and nothing else of ours.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

import httpx

ATTEMPTS = 4
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class Endpoint:
    """One of the vendors: where it is, how it wants its key, and whether it streams."""

    origin: str
    path: str
    key_name: str
    header: str
    scheme: str
    model: str | None
    streams: bool


ENDPOINTS = {
    "nvidia": Endpoint(
        origin="https://integrate.api.nvidia.com",
        path="/v1/chat/completions",
        key_name="NVIDIA_API_KEY",
        header="Authorization",
        scheme="Bearer ",
        model="mistralai/mixtral-8x22b-instruct-v0.1",
        streams=True,
    ),
    "segmind": Endpoint(
        origin="https://api.segmind.com",
        path="/v1/mixtral-8x22b-instruct",
        key_name="SEGMIND_API_KEY",
        header="x-api-key",
        scheme="",
        model=None,
        streams=False,
    ),
}


class ChatError(Exception):
    """The question got no answer, and why; the conversation stands where it stood before it."""


class Chat:
    """A conversation with one endpoint.

    `keep` is how many credits have to be left for another question. `credits` is what the last answer said of them,
    None as long as none did.
    """

    def __init__(self, endpoint: Endpoint, key: str, http: httpx.Client, keep: Decimal = Decimal(0)) -> None:
        self.messages: list[dict[str, str]] = []
        self.credits: Decimal | None = None
        self._endpoint = endpoint
        self._headers = {endpoint.header: endpoint.scheme + key}
        self._http = http
        self._keep = keep

    def ask(self, question: str) -> Iterator[str]:
        """The answer, piece by piece as it comes.

        Raises: ChatError when there is none, or only the beginning of one.
        """
        if self.credits is not None and self.credits <= self._keep:
            raise ChatError(f"credits: {self.credits} left, and {self._keep} are to be kept")
        messages = [*self.messages, {"role": "user", "content": question}]
        answer = ""
        try:
            for piece in self._pieces(messages):
                answer += piece
                yield piece
        except (httpx.TransportError, ValueError) as error:
            raise ChatError(f"the answer broke off: {error}") from error
        self.messages = [*messages, {"role": "assistant", "content": answer}]

    def _pieces(self, messages: list[dict[str, str]]) -> Iterator[str]:
        body: dict[str, object] = {"messages": messages}
        if self._endpoint.model:
            body["model"] = self._endpoint.model
        if self._endpoint.streams:
            body["stream"] = True
        url = self._endpoint.origin + self._endpoint.path
        for attempt in range(ATTEMPTS):
            with self._http.stream("POST", url, json=body, headers=self._headers) as response:
                if response.status_code == 200:
                    self._note_credits(response)
                    yield from _streamed(response) if self._endpoint.streams else _whole(response)
                    return
                wait_s = _wait_s(response, attempt)
                if wait_s is None:
                    raise ChatError(f"{response.status_code}: {_reason(response)}")
            time.sleep(wait_s)

    def _note_credits(self, response: httpx.Response) -> None:
        if left := response.headers.get("x-remaining-credits"):
            self.credits = Decimal(left)


def _wait_s(response: httpx.Response, attempt: int) -> float | None:
    """How long to wait before the next attempt; None when there should be none."""
    if response.status_code not in (429, 502, 503, 504) or attempt + 1 == ATTEMPTS:
        return None
    told = response.headers.get("retry-after", "")
    wait_s = float(told) if told.isdecimal() else 2.0**attempt
    return wait_s if wait_s <= LONGEST_WAIT_S else None


def _whole(response: httpx.Response) -> Iterator[str]:
    response.read()
    yield response.json()["choices"][0]["message"]["content"]


def _streamed(response: httpx.Response) -> Iterator[str]:
    """The pieces of a stream that comes to its end: one that just stops looks like a short answer, and is none."""
    finished = False
    for line in response.iter_lines():
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            break
        chunk = json.loads(data)
        if "error" in chunk:
            raise ChatError(f"the answer broke off: {chunk['error']}")
        for choice in chunk["choices"]:
            yield choice["delta"].get("content") or ""
            finished = finished or choice["finish_reason"] is not None
    if not finished:
        raise ChatError("the answer broke off before its end")


def _reason(response: httpx.Response) -> str:
    """What the endpoint says of a refusal: each vendor has another form for it."""
    response.read()
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
    return str(error["message"] if isinstance(error, dict) else error)


def main(arguments: list[str] | None = None) -> int:
    """Talks until the input ends; 0 then, 1 when a question got no answer, 2 when the command line is no good."""
    parser = argparse.ArgumentParser(prog="chat.py", description="A chat on the terminal.")
    parser.add_argument("endpoint", choices=ENDPOINTS)
    parser.add_argument("--keep", type=_credits, default=Decimal(0), metavar="CREDITS", help="leave so many unspent")
    parser.add_argument("--origin", metavar="URL", help="another server in its place, such as a mock")
    options = parser.parse_args(arguments)
    endpoint = ENDPOINTS[options.endpoint]
    endpoint = replace(endpoint, origin=options.origin or endpoint.origin)
    key = os.environ.get(endpoint.key_name)
    if not key:
        parser.error(f"expected a key in the environment variable {endpoint.key_name}")
    with httpx.Client(timeout=60) as http:
        return _talk(Chat(endpoint, key, http, options.keep))


def _credits(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"expected a number of credits, got {text!r}")
    return amount


def _talk(chat: Chat) -> int:
    print("> ", end="", flush=True)
    for question in sys.stdin:
        try:
            for piece in chat.ask(question.strip()):
                print(piece, end="", flush=True)
        except ChatError as error:
            print(f"\nchat.py: {error}", file=sys.stderr)
            return 1
        print(f"\n[{chat.credits} credits left]" if chat.credits is not None else "")
        print("> ", end="", flush=True)
    print()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
