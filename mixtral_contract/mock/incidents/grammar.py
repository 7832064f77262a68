"""What is written to ask for incidents, read: the grammar, its errors, and what it promises to each attempt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mixtral_contract.mock.incidents.answers import BODY, CODE, CONNECTION, STATUS, TRICKLE
from mixtral_contract.mock.incidents.incident import Incident, Kind, Parameter
from mixtral_contract.mock.incidents.streams import EVENTS, FRAMING, WRITES

GRAMMAR = """\
NAME, NAME:ARG=VALUE,...        befalls every answer          cut:after=5,by=rst
...;rate=SHARE                  befalls that share of them    cut:after=5;rate=0.1
NAME(ARG=VALUE,...)*COUNT, ...  a sequence: the next attempt gets the next one, the last one stays (with a COUNT
                                "ok" stays behind it)         429(retry_after=2)*2,ok
NAME+NAME(...)                  together                      delay(ms=500)+503*2,crlf+comments
...;per=request|key|server      what a sequence counts: attempts at one request (method, path and body), at all of
                                one key, or at all (default: request)
                                                              503*10;per=server"""

KINDS: Mapping[str, Kind] = {"NNN": STATUS, **EVENTS, **CONNECTION, **BODY, **FRAMING, **WRITES, **TRICKLE}
"""The table of all incidents, in the order in which they are applied; a status is named by its number."""

PER = ("request", "key", "server")
OK = "ok"

_CALL = re.compile(r"([A-Za-z0-9_-]*)(?:\((.*)\))?", re.DOTALL)
_COLON = re.compile(r"([A-Za-z0-9_-]+)\s*:(.*)", re.DOTALL)
_COUNTED = re.compile(r"(.*?)\*\s*([0-9]{1,9})\s*", re.DOTALL)
_RANKS = {name: rank for rank, name in enumerate(KINDS)}
_LONGEST = 1000
_SHOWN = 60


class IncidentError(ValueError):
    """The text asks for no incident; the message says what was expected, in one line."""


@dataclass(frozen=True, slots=True)
class Step:
    """What befalls so many attempts, None for all that follow."""

    incidents: tuple[Incident, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What befalls which attempt: the steps of a sequence, or one step at a rate."""

    text: str
    steps: tuple[Step, ...]
    rate: float | None = None
    per: str = PER[0]

    @property
    def counts(self) -> bool:
        """Whether it depends on how often something was attempted before."""
        return self.rate is not None or self.steps[0].count is not None

    def step(self, attempt: int) -> tuple[Incident, ...]:
        """What befalls an attempt, counted from 0, at any rate."""
        for step in self.steps:
            if step.count is None or attempt < step.count:
                return step.incidents
            attempt -= step.count
        return ()


def parse(text: str) -> Plan:
    """The plan that the text is.

    Raises: IncidentError when it is none.
    """
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable():
        raise IncidentError(f"expected at most {_LONGEST} printable characters of ASCII, got {text[:_SHOWN]!r}")
    head, *options = (part.strip() for part in text.split(";"))
    rate, per = _options(options)
    colon = _COLON.fullmatch(head)
    if colon is not None:
        steps = [Step((_incident(colon[1], colon[2]),), None)]
    else:
        steps = [_step(part) for part in _outside(",", head)]
        # without a count an attempt in the middle is one, and the last one stays
        steps[:-1] = [step if step.count is not None else Step(step.incidents, 1) for step in steps[:-1]]
    sequence = steps[0].count is not None
    if rate is not None and sequence:
        raise IncidentError(f"rate: expected one incident without a count, got the sequence {_shown(head)}")
    if per is not None and not sequence:
        raise IncidentError(f"per: expected a sequence such as 429*2,ok, got {_shown(head)}")
    return Plan(text.strip(), tuple(steps), rate, per or PER[0])


def describe() -> Iterator[str]:
    """The table of all incidents, a line or two for each: name, arguments with their defaults, what happens."""
    for name, kind in KINDS.items():
        arguments = ",".join(f"{key}={parameter.default}" for key, parameter in kind.parameters.items())
        yield f"{name}:{arguments}" if arguments else name
        yield f"    {kind.summary}"
        for key, parameter in kind.parameters.items():
            yield f"    {key}: {parameter.expected}"


def _options(options: list[str]) -> tuple[float | None, str | None]:
    rate, per = None, None
    for option in options:
        name, _, value = option.partition("=")
        if name == "rate" and rate is None and re.fullmatch(r"0?\.[0-9]{1,9}|[01](\.0*)?", value):
            rate = float(value)
        elif name == "per" and per is None and value in PER:
            per = value
        else:
            raise IncidentError(f"expected rate=SHARE from 0 to 1, or per={'|'.join(PER)}, got {_shown(option)}")
    return rate, per


def _step(text: str) -> Step:
    counted = _COUNTED.fullmatch(text)
    count = None if counted is None else int(counted[2])
    if count == 0:
        raise IncidentError(f"expected a count of at least 1, got {_shown(text)}")
    fate = (text if counted is None else counted[1]).strip()
    return Step(() if fate == OK else tuple(map(_call, _outside("+", fate))), count)


def _call(text: str) -> Incident:
    found = _CALL.fullmatch(text)
    if found is None:
        raise IncidentError(f"expected NAME or NAME(ARG=VALUE,...), got {_shown(text)}")
    return _incident(found[1], found[2])


def _incident(name: str, arguments: str | None) -> Incident:
    kind = STATUS if name.isdigit() else KINDS.get(name)
    if kind is None or name == "NNN":
        names = [*KINDS, OK][1:]
        near = _near(name.lower(), names) or f"a status such as 503 or one of {', '.join(names)}"
        raise IncidentError(f"expected {near}, got {_shown(name)}")
    given: dict[str, str] = {}
    for argument in [] if arguments is None else arguments.split(","):
        key, equals, value = (part.strip() for part in argument.partition("="))
        if not equals or key not in kind.parameters or key in given:
            known = " or ".join(f"{known}=" for known in kind.parameters) or "no argument"
            raise IncidentError(f"{name}: expected {known} once, got {_shown(argument)}")
        given[key] = value
    values = {
        key: _read(f"{name}: {key}", parameter, given.get(key, parameter.default))
        for key, parameter in kind.parameters.items()
    }
    if kind is STATUS:
        values["code"] = _read("status", CODE, name)
    text = name + (f"({','.join(f'{key}={value}' for key, value in given.items())})" if given else "")
    return Incident(text, _RANKS.get(name, 0), kind, values)


def _read(where: str, parameter: Parameter, text: str) -> object:
    try:
        return parameter.read(text)
    except ValueError:
        raise IncidentError(f"{where}: expected {parameter.expected}, got {_shown(text)}") from None


def _outside(separator: str, text: str) -> list[str]:
    """The parts between separators that stand in no parentheses."""
    return [part.strip() for part in re.split(rf"{re.escape(separator)}(?![^()]*\))", text)]


def _near(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  only who mistypes waits for it

    return " or ".join(get_close_matches(word, known, n=3, cutoff=0.6))


def _shown(text: str) -> str:
    return repr(text[:_SHOWN])
