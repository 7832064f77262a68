"""One request and what came back, byte for byte, with the time of each piece.

Knows HTTP's outer form; knows nothing of verdicts. The key never leaves here: `shown()` redacts it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import string
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from hashlib import sha256
from typing import Any

from mixtral_contract.suite.http.split_keys import without_split

_SHOWN = 6_000
"""Longest body in a report, in characters."""
_PLAIN = re.compile(r"(?!@)[^\0-\x08\x0b-\x1f\x7f]*")
"""What a line shows, and curl takes from it, as it is; an @ at the beginning is a file's name to curl."""
_SUMMARY = 160
TOO_LONG = "too long"
"""How an exchange ended that was given up, for its answer was longer than an answer may be."""


@dataclass(frozen=True)
class Request:
    """What is sent; `secrets` are the keys in it, which no report shows.

    `version` is the protocol's, 1.1 or 1.0.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    secrets: tuple[str, ...] = ()
    version: str = "1.1"

    def curl(self) -> str:
        """A command line for any shell that repeats the request byte for byte, the key as $API_KEY.

        Where the body is too long for a line, it names the file beside the report that holds it.
        """
        # with -X HEAD curl would wait for the body that a HEAD has not
        method = ["--head"] if self.method == "HEAD" and not self.body else ["-X", self.method]
        parts = ["curl", "-sS", "-i", "-N", *method, self._quoted(self.url)]
        if self.version != "1.1":
            parts.insert(1, f"--http{self.version}")
        named = {name.lower() for name, _ in self.headers}
        headers = [f"{name}: {value}" for name, value in self.headers if name.lower() not in ("host", "content-length")]
        if self.body and "content-type" not in named:
            headers.append("Content-Type:")  # else curl says that it is a form
        for header in headers:
            parts += ["-H", self._quoted(header)]
        if not self.body:
            return " ".join(parts)
        before, data, after = self._data()
        return f"{before}{' '.join(parts)} --data-binary {data}{after}"

    @property
    def body_file(self) -> str | None:
        """The name of the file that holds a body too long for a line; None for others."""
        return f"body-{sha256(self.body).hexdigest()[:12]}" if len(self.body) > _SHOWN else None

    def _data(self) -> tuple[str, str, str]:
        """What stands before curl, for its --data-binary, and at the end of the line."""
        if self.body_file is not None:
            return "", f"@{self.body_file}", f"  # in the folder of the report, where the {len(self.body)} bytes lie"
        with contextlib.suppress(UnicodeDecodeError):
            if _PLAIN.fullmatch(text := self.body.decode()):
                return "", self._quoted(text), ""
        # byte by byte, as every printf reads it
        printed = self._quoted(self.body.decode("latin-1"), _octal)
        return f"printf {printed} | ", "@-", ""

    def _quoted(self, text: str, encoded: Callable[[str], str] = str) -> str:
        """The text as one word of a shell, "$API_KEY" where a key stands."""
        keys = "|".join(re.escape(secret) for secret in filter(None, self.secrets))
        pieces = re.split(keys, text) if keys else [text]
        return '"$API_KEY"'.join(shlex.quote(encoded(piece)) if piece else "" for piece in pieces)

    def shown(self) -> str:
        """The request as text, the key redacted."""
        head = "".join(f"{name}: {value}\n" for name, value in self.headers)
        body = self.redacted(self.body.decode("utf-8", "replace"))
        more = f"\n[{len(body) - _SHOWN} characters more]" if len(body) > _SHOWN else ""
        return self.redacted(f"{self.method} {self.url}\n{head}\n{body[:_SHOWN]}{more}")

    def redacted(self, text: str, mark: str = "***") -> str:
        """The text with the mark where a key stood, in one piece or over several events of a stream."""
        for secret in filter(None, self.secrets):
            text = text.replace(secret, mark)
        return without_split(text, self.secrets, mark)


@dataclass(frozen=True)
class Exchange:
    """A request and its answer as received.

    `status` is None when no answer came; `received` are the body's pieces with their times in ns of one monotonic
    clock; `ending` is `complete`, `truncated`, `timeout`, `too long`, `refused` (no connection) or `malformed`;
    `detail` says more.
    `surplus` is what was received after the end of the answer, on a connection on which nothing more was asked.
    """

    request: Request
    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    received: tuple[tuple[int, bytes], ...] = ()
    ending: str = "complete"
    detail: str = ""
    sent_ns: int = 0
    head_ns: int | None = None
    end_ns: int = 0
    raw_head: bytes = field(default=b"", repr=False)
    surplus: bytes = field(default=b"", repr=False)

    @cached_property
    def body(self) -> bytes:
        """The body, its transfer coding removed."""
        return b"".join(piece for _, piece in self.received)

    def header(self, name: str) -> str | None:
        """The first header of that name; None when there is none."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in small letters; empty without a Content-Type."""
        message = Message()
        message["content-type"] = self.header("content-type") or ""
        return message.get_content_type() if self.header("content-type") else ""

    @cached_property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def end(self) -> str:
        """How it ended, in one line."""
        how = f"{self.ending}{': ' + self.detail if self.detail else ''}"
        return f"no answer ({how})" if self.status is None else f"{self.status}, {how}"

    @property
    def summary(self) -> str:
        """The answer in one line."""
        if self.status is None or self.ending == TOO_LONG:
            return self.end
        # redacted before it is cut: half a key is a secret too
        text = self.request.redacted(self.body.decode("utf-8", "replace"))[:_SUMMARY]
        return f"{self.status} {' '.join(text.split())}".strip()

    def shown(self, most: int = _SHOWN) -> dict[str, str]:
        """The exchange for a report: `request`, `answer` and `curl` as text, keys redacted.

        `most` is how many characters of the answer's body are shown. A request's body that is too long for a line comes
        along in base64 as `body`, with the name of the file that is to hold it as `body_file`.
        """
        head = self.raw_head.decode("latin-1").replace("\r\n", "\n")
        body = self.request.redacted(self.body.decode("utf-8", "replace"))
        answer = f"{head}{body[:most]}" if self.status is not None else self.summary
        if len(body) > most:
            answer += f"\n[{len(body) - most} characters more]"
        if self.ending != "complete":
            answer += f"\n[{self.ending}: {self.detail}]"
        told = {
            "request": self.request.shown(),
            "answer": self.request.redacted(answer),
            "curl": self.request.curl(),
        }
        if (name := self.request.body_file) is not None:
            text = self.request.redacted(self.request.body.decode("latin-1"))
            told |= {"body_file": name, "body": b64encode(text.encode("latin-1", "replace")).decode()}
        return told


def is_completion(exchange: Exchange) -> bool:
    """Whether it is a whole completion, and no error behind a 200."""
    return exchange.status == 200 and isinstance(exchange.json, dict) and "choices" in exchange.json


def _octal(text: str) -> str:
    """Bytes, a character each, as the format of every shell's printf."""
    plain = string.ascii_letters + string.digits + ' {}[]:,"'
    return "".join(letter if letter in plain else f"\\{ord(letter):03o}" for letter in text)
