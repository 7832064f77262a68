"""Recorded answers to the requests that they were given to, and why another request has none. No network, no clock.

A request meets an exchange that asks the same: method, path, query, and the body's JSON value whatever the order of its
members. The key makes no difference: a recorded status is a status. What was asked several times is answered in that
order, and then with the last answer again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import unquote

from mixtral_contract.cassettes.exchange import Recorded, Request
from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.cassettes.redaction import redacted_request
from mixtral_contract.mock.fixtures.text_matcher import Mismatch

_SHOWN = 60
_COMPARED = 400
"""How many characters of two texts decide how near they come."""
_MOST_SHOWN = 5


class Replay:
    """A cassette that answers; it counts how often each request was asked."""

    def __init__(self, cassette: Cassette) -> None:
        self.cassette = cassette
        self._by_key: dict[object, list[Recorded]] = {}
        for recorded in cassette.exchanges:
            self._by_key.setdefault(_key(recorded.request), []).append(recorded)
        self._asked: Counter[object] = Counter()

    def answer(self, request: Request) -> Recorded | None:
        """The next exchange that the request meets, counting; None when it meets none."""
        key = _key(redacted_request(request))
        met = self._by_key.get(key)
        if met is None:
            return None
        recorded = met[min(self._asked[key], len(met) - 1)]
        self._asked[key] += 1
        return recorded

    def reset(self) -> None:
        """Lets every request begin with its first answer again."""
        self._asked.clear()

    def miss(self, request: Request) -> str:
        """Why the request meets no exchange, in one line: the one that comes nearest, and what is otherwise there."""
        asked = redacted_request(request)
        missed = [
            (number, list(_mismatches(recorded.request, asked)))
            for number, recorded in enumerate(self.cassette.exchanges, 1)
        ]
        if not missed:
            return "no recording of this request: there is none at all"
        number, mismatches = min(missed, key=lambda each: sum(1 - mismatch.likeness for mismatch in each[1]))
        reasons = [mismatch.text for mismatch in mismatches]
        more = f"; and {len(reasons) - _MOST_SHOWN} more" if len(reasons) > _MOST_SHOWN else ""
        return f"no recording of this request; nearest is exchange {number}: {'; '.join(reasons[:_MOST_SHOWN])}{more}"


def _key(request: Request) -> object:
    method, path, *rest = request.key
    return method, unquote(path), *rest


def _mismatches(recorded: Request, asked: Request) -> Iterator[Mismatch]:
    """What a request has otherwise than a recorded one."""
    for where, wanted, got in (
        ("method", recorded.method, asked.method),
        ("path", unquote(recorded.path), unquote(asked.path)),
        ("query", recorded.query, asked.query),
    ):
        if wanted != got:
            yield _otherwise(where, wanted, got)
    values = recorded.json, asked.json
    if ... in values:
        if recorded.body != asked.body:
            yield _otherwise("body", *(each.body.decode("utf-8", "replace") for each in (recorded, asked)))
    else:
        yield from _differences("", *values)


def _differences(where: str, wanted: Any, got: Any) -> Iterator[Mismatch]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name in {**wanted, **got}:
            inside = f"{where}.{name}" if where else name
            yield from _differences(inside, wanted.get(name, _NONE), got.get(name, _NONE))
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield Mismatch(f"{where or 'body'}: expected {len(wanted)} of them, got {len(got)}")
        for index, (one, other) in enumerate(zip(wanted, got, strict=False)):
            yield from _differences(f"{where}.{index}" if where else str(index), one, other)
    elif not _is_same(wanted, got):
        yield _otherwise(where or "body", wanted, got)


class _None:
    def __repr__(self) -> str:
        return "none"


_NONE = _None()


def _is_same(one: Any, other: Any) -> bool:
    # in JSON true is no number
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _otherwise(where: str, wanted: Any, got: Any) -> Mismatch:
    likeness = 0.0
    if isinstance(wanted, str) and isinstance(got, str):
        likeness = SequenceMatcher(None, wanted[:_COMPARED], got[:_COMPARED], autojunk=False).ratio()
    return Mismatch(f"{where}: expected {_shown(wanted, got)}, got {_shown(got, wanted)}", likeness)


def _shown(value: Any, other: Any) -> str:
    """The value; of a long text what is about to differ."""
    shown = repr(value)
    if len(shown) <= _SHOWN:
        return shown
    start = max(0, _in_common(shown, repr(other)) - _SHOWN // 2)
    cut = shown[start : start + _SHOWN]
    return f"{'...' * (start > 0)}{cut}{'...' * (start + _SHOWN < len(shown))}"


def _in_common(one: Sequence[str], other: Sequence[str]) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
