"""An exchange as a document of a cassette: written for people to read and compare, and for `spec.cassette` to read."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mixtral_contract.cassettes.exchange import Recorded, Request
from mixtral_contract.cassettes.reader import VERSION

_MS_NS = 1_000_000
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
"""What YAML takes for line ends, or leaves out, in a block of text."""


def head(upstream: str, recorded: str) -> bytes:
    """The first document of a cassette."""
    note = "# Recorded exchanges, one document each; spec/cassette.schema.yaml describes them. Keys are redacted.\n"
    return (note + _dumped({"cassette": VERSION, "upstream": upstream, "recorded": recorded})).encode()


def document(recorded: Recorded) -> bytes:
    """One exchange as a document, with the line that separates it from what stands before."""
    request, answer = recorded.request, recorded.answer
    asked: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.query:
        asked["query"] = request.query
    asked["headers"] = [_Pair(pair) for pair in request.headers]
    if request.body:
        asked |= _asked(request)
    said = {
        "status": answer.status,
        "headers": [_Pair(pair) for pair in answer.headers],
        "head_ms": _ms(answer.head_ns),
        "pieces": [{"at_ms": _ms(piece.at_ns), **_said(piece.data)} for piece in answer.pieces],
        "end_ms": _ms(answer.end_ns),
        "ending": answer.ending,
    }
    return b"---\n" + _dumped({"at": recorded.at, "request": asked, "answer": said}).encode()


class _Pair(list[str]):
    """A header, on one line."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # libyaml's is ten times faster
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if _BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_pair(dumper: yaml.SafeDumper, pair: Sequence[str]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", pair, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Pair, _represent_pair)


def _dumped(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=1 << 30)
    return text.removesuffix("...\n")  # libyaml's mark of an end; the next document's beginning is one too


def _asked(request: Request) -> Mapping[str, Any]:
    value = request.json
    return _said(request.body) if value is ... else {"json": value}


def _said(data: bytes) -> Mapping[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _ms(ns: int) -> float:
    return round(ns / _MS_NS, 3)
