"""Reads profiles of nodes from YAML, the shipped ones by name; what is wrong with a file is told in one line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mixtral_contract.mock.timing.batching import Profile
from mixtral_contract.mock.timing.engine import Deployment, Pace
from mixtral_contract.primitives.bounded import safe_yaml
from mixtral_contract.primitives.doors import door

INSTANT = "instant"
FOLDER = door("mock_server") / "profiles"

_ABSENT = object()
_MS_NS = 1e6
_SECOND_NS = 1e9


class ProfileError(ValueError):
    """A profile that cannot be used: where, what was expected, what was there."""


class _Kind(NamedTuple):
    """What a value has to be."""

    words: str
    holds: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_rising(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    if not all(_is_whole(tokens) and tokens > 0 and _is_number(time) and time > 0 for tokens, time in value.items()):
        return False
    times = [value[tokens] for tokens in sorted(value)]
    return times == sorted(times)


_POSITIVE = _Kind("a positive number", lambda value: _is_number(value) and value > 0)
_NOT_NEGATIVE = _Kind("a number, not negative", lambda value: _is_number(value) and value >= 0)
_COUNT = _Kind("a positive whole number", lambda value: _is_whole(value) and value > 0)
_LENGTH = _Kind("a whole number, not negative", lambda value: _is_whole(value) and value >= 0)
_TEXT = _Kind("a text", lambda value: isinstance(value, str) and bool(value.strip()))
_BASIS = _Kind("modelled or measured", lambda value: value in ("modelled", "measured"))
_POINTS = _Kind("tokens in a step, each with its milliseconds, that do not fall", _is_rising)
_FULL = _Kind("429 or 503", lambda value: value in (429, 503))
_LATE = _Kind("503 or 504", lambda value: value in (503, 504))

FIELDS: Mapping[str, _Kind] = {
    "name": _TEXT,
    "basis": _BASIS,
    "slots": _COUNT,
    "step.tokens": _COUNT,
    "step.overhead_ms": _NOT_NEGATIVE,
    "step.weights_ms": _POINTS,
    "prefill.tokens_per_s": _POSITIVE,
    "kv.tokens": _COUNT,
    "kv.read_ms_per_1k_tokens": _NOT_NEGATIVE,
    "queue.length": _LENGTH,
    "queue.wait_s": _POSITIVE,
    "queue.full_status": _FULL,
    "queue.late_status": _LATE,
}
"""Every field of a profile, all required: a default would be a claim about a node that nobody made."""


def names() -> list[str]:
    """The profiles that are shipped."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(source: str) -> Deployment:
    """`instant`, a shipped profile by its name, or one from a file.

    Raises: ProfileError when there is none or it cannot be used.
    """
    if source == INSTANT:
        return Pace()
    path = FOLDER / f"{source}.yaml" if source in names() else Path(source)
    try:
        content = safe_yaml.content(path)
    except (OSError, ValueError) as error:
        expected = ", ".join([INSTANT, *names()])
        reason = f" ({error.strerror})" if isinstance(error, OSError) and path.suffix else ""
        raise ProfileError(f"expected {expected} or a YAML file, got {source!r}{reason}") from error
    try:
        return parse(content)
    except ProfileError as error:
        raise ProfileError(f"{source}: {error}") from error


def parse(text: str | bytes) -> Profile:
    """The profile that a YAML text describes.

    Raises: ProfileError for the first field that is not what it should be.
    """
    try:
        document = safe_yaml.parse(text)
    except safe_yaml.YamlError as error:
        where = "" if error.line is None else f"line {error.line}: "
        raise ProfileError(f"{where}{error}") from error
    values = _values(document)
    for name, kind in FIELDS.items():
        value = values.get(name, _ABSENT)
        if value is _ABSENT:
            raise ProfileError(f"{name}: expected {kind.words}, got nothing")
        if not kind.holds(value):
            raise ProfileError(f"{name}: expected {kind.words}, got {value!r}")
    if values["step.tokens"] <= values["slots"]:
        message = f"expected more than the {values['slots']} slots, or no prompt is read while all decode"
        raise ProfileError(f"step.tokens: {message}, got {values['step.tokens']}")
    return _profile(values)


def _values(document: Any) -> dict[str, Any]:
    """The fields by their dotted names."""
    if not isinstance(document, Mapping):
        raise ProfileError(f"expected fields such as slots and prefill.tokens_per_s, got {document!r:.80}")
    sections = {name.partition(".")[0] for name in FIELDS if "." in name}
    values = {}
    for name, value in document.items():
        if name in sections and isinstance(value, Mapping):
            values.update({f"{name}.{key}": item for key, item in value.items()})
        elif name in sections:
            raise ProfileError(f"{name}: expected fields, got {value!r:.80}")
        else:
            values[str(name)] = value
    for name in values:
        if name not in FIELDS:
            raise ProfileError(f"{name}: expected one of {', '.join(FIELDS)}, got an unknown field")
    return values


def _profile(values: Mapping[str, Any]) -> Profile:
    weights = sorted(values["step.weights_ms"].items())
    return Profile(
        name=values["name"],
        basis=values["basis"],
        slots=values["slots"],
        step_tokens=values["step.tokens"],
        overhead_ns=values["step.overhead_ms"] * _MS_NS,
        weights_ns=tuple((tokens, time_ms * _MS_NS) for tokens, time_ms in weights),
        token_ns=_SECOND_NS / values["prefill.tokens_per_s"],
        kv_tokens=values["kv.tokens"],
        kv_token_ns=values["kv.read_ms_per_1k_tokens"] * _MS_NS / 1000,
        queue_length=values["queue.length"],
        queue_wait_ns=round(values["queue.wait_s"] * _SECOND_NS),
        full_status=values["queue.full_status"],
        late_status=values["queue.late_status"],
    )
