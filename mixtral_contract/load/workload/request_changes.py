"""What a user says about every request: where it goes, its headers, its body, and how its answer tells tokens.

Plain values; a secret is in none of them, but the name of the environment variable that holds it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

LIMITS = ("max_tokens", "max_completion_tokens")
"""What a request calls its longest answer."""

USAGE: Mapping[str, Mapping[str, bool] | None] = {
    "none": None,
    "end": {"include_usage": True},
    "continuous": {"include_usage": True, "continuous_usage_stats": True},
}
"""What stream_options say; source: OpenAI's API reference, and vLLM's continuous_usage_stats."""

OF_THE_RUN = ("messages", "stream")
"""Fields that every request has from the run itself."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FROM_VARIABLE = "env:"
_OF_THE_CONNECTION = ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade")
_WITH_KEYS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "cookie")


@dataclass(frozen=True, slots=True)
class Header:
    """One header; its value, or the variable that holds it in each process."""

    name: str
    value: str | None = None
    variable: str | None = None

    @classmethod
    def parse(cls, text: str) -> Header:
        """The header that NAME=VALUE, or NAME=env:VARIABLE, says.

        Raises: argparse.ArgumentTypeError; what may be a key is not repeated.
        """
        name, found, value = text.partition("=")
        if not found or not _TOKEN.fullmatch(name):
            raise argparse.ArgumentTypeError("expected NAME=VALUE or NAME=env:VARIABLE, got something else (not shown)")
        if name.lower() in _OF_THE_CONNECTION:
            raise argparse.ArgumentTypeError(f"expected a header that the run does not write itself, got {name}")
        if value.startswith(_FROM_VARIABLE):
            variable = value.removeprefix(_FROM_VARIABLE)
            if not _VARIABLE.fullmatch(variable):
                raise argparse.ArgumentTypeError(f"{name}: expected the NAME of a variable behind env: (not shown)")
            return cls(name, variable=variable)
        if name.lower() in _WITH_KEYS:
            # a command line is seen by everybody on the machine
            raise argparse.ArgumentTypeError(f"{name}: expected env:VARIABLE, which holds the key, got it (not shown)")
        if not value.isascii() or not value.isprintable():
            raise argparse.ArgumentTypeError(f"{name}: expected printable ASCII, got something else")
        return cls(name, value=value)

    def text(self, environ: Mapping[str, str]) -> str:
        """The value that is sent.

        Raises: argparse.ArgumentTypeError when the variable holds none; the message never has it.
        """
        if self.variable is None:
            return self.value or ""
        value = environ.get(self.variable, "").strip()
        if not value or not value.isascii() or not value.isprintable():
            state = "something that no header can carry" if value else "nothing"
            raise argparse.ArgumentTypeError(f"{self.name}: expected a value in {self.variable}, got {state}")
        return value

    def __str__(self) -> str:
        return f"{self.name}={self.value if self.variable is None else _FROM_VARIABLE + self.variable}"


@dataclass(frozen=True, slots=True)
class RequestChanges:
    """What is said differently than the run says by itself; `None` in `left_out` is none.

    `path` is the whole path of the request, None for the operation's own below the target's. `limit` is the field of
    the longest answer, `is_limit_chosen` whether the user named it; `usage` a key of `USAGE`.
    """

    path: str | None = None
    headers: tuple[Header, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    usage: str = "end"
    limit: str = LIMITS[0]
    is_limit_chosen: bool = False
    sends_key: bool = True

    def query_text(self) -> str:
        """The query as it stands behind the path, nothing without one."""
        return f"?{urlencode(self.query)}" if self.query else ""

    def apply(self, own: Mapping[str, Any], documented: Container[str]) -> dict[str, Any]:
        """The body: of the run's `own` fields those that the dialect documents or that are required, and the user's."""
        sent = {name: value for name, value in own.items() if self._is_sent(name, documented)}
        return {name: value for name, value in {**sent, **self.body}.items() if name not in self.left_out}

    def limits_answers(self, documented: Container[str]) -> bool:
        """Whether each request carries its longest answer."""
        overridden = self.limit in self.left_out or self.limit in self.body
        return not overridden and (self.is_limit_chosen or self.limit in documented)

    def secrets(self, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The values that no output may show."""
        return tuple(header.text(environ) for header in self.headers if header.variable is not None)

    def document(self) -> dict[str, Any]:
        """What was changed, for summary.json; secrets by the names of their variables."""
        changed = {
            "headers": [str(header) for header in self.headers],
            "query": [list(pair) for pair in self.query],
            "body": dict(self.body),
            "left_out": sorted(self.left_out),
        }
        given = {name: value for name, value in changed.items() if value}
        if self.usage != "end":
            given["usage"] = self.usage
        if self.is_limit_chosen:
            given["limit"] = self.limit
        if not self.sends_key:
            given["key"] = False
        return given

    def _is_sent(self, name: str, documented: Container[str]) -> bool:
        return name in documented or (name == self.limit and self.is_limit_chosen)


def parse_query(text: str) -> tuple[str, str]:
    """The parameter that NAME=VALUE says.

    Raises: argparse.ArgumentTypeError.
    """
    name, found, value = text.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def read_body(fields: Iterable[str], path: str | None) -> tuple[dict[str, Any], frozenset[str]]:
    """The fields that a file and KEY=JSON add to the body, and those that KEY= leaves out of it.

    Raises: argparse.ArgumentTypeError.
    """
    body = _object(path) if path else {}
    left_out = set[str]()
    for text in fields:
        name, found, value = text.partition("=")
        if not found or not name:
            raise argparse.ArgumentTypeError(f"expected KEY=JSON, got {text!r}")
        left_out.discard(name)
        if value:
            body[name] = _json(name, value)
        else:
            body.pop(name, None)
            left_out.add(name)
    for name in OF_THE_RUN:
        if name in body or name in left_out:
            raise argparse.ArgumentTypeError(f"expected a field that the run does not say itself, got {name!r}")
    return body, frozenset(left_out)


def _object(path: str) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{path}: expected a readable file, got {error.strerror}") from None
    except (ValueError, RecursionError):
        raise argparse.ArgumentTypeError(f"{path}: expected a JSON object, got no JSON") from None
    if not isinstance(content, dict):
        raise argparse.ArgumentTypeError(f"{path}: expected a JSON object, got another value")
    return content


def _json(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        hint = f", such as {name}={json.dumps(value)}" if value.isascii() else ""
        raise argparse.ArgumentTypeError(f"{name}: expected JSON{hint}, got {value!r}") from None
