"""What real endpoints were seen to do: dated observations beside the contract, never merged with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixtral_contract.contract.openapi import ContractError, read_yaml
from mixtral_contract.primitives.doors import door

OBSERVED = door("spec") / "observed.yaml"
EVIDENCE = ("vendor", "users", "summary")
COMPLETION = "completion"
"""The word for what is no refusal, where an observation says what it happens on."""

_KEYS = {"id", "dialects", "statement", "seen", "evidence", "urls", "departs", "when", "where", "answer", "ignores"}
_REQUIRED = {"id", "dialects", "statement", "seen", "evidence", "urls"}


@dataclass(frozen=True, slots=True)
class Appearance:
    """How an observed answer looks; None leaves what the contract says, a header of None is left out.

    `body` is a JSON value, or a text that is sent as it stands; placeholders in it are the renderer's to fill.
    """

    status: int | None = None
    headers: Mapping[str, str | None] | None = None
    content_type: str | None = None
    body: Any = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen.

    `seen` is a day, a month or a year as the evidence dates it. `departs` are the clauses that a target which behaves
    so breaks. `when` are the conditions it happens on (empty: it is told, not imitated), `where` narrows them,
    `ignores` is a request header that counts for nothing.
    """

    id: str
    dialects: tuple[str, ...]
    statement: str
    seen: str
    evidence: str
    urls: tuple[str, ...]
    departs: tuple[str, ...]
    when: tuple[str, ...]
    where: str | None
    answer: Appearance
    ignores: str | None


def load(path: Path = OBSERVED) -> Mapping[str, Observation]:
    """All observations by id, in the order of the file.

    Raises: ContractError when an entry is not well-formed or an id stands twice.
    """
    observations: dict[str, Observation] = {}
    for entry in read_yaml(path):
        observation = _observation(entry)
        if observation.id in observations:
            raise ContractError(f"{observation.id}: expected each id once, got it twice")
        observations[observation.id] = observation
    return observations


def departures(observations: Mapping[str, Observation], dialect: str) -> Mapping[str, Observation]:
    """The clauses that the dialect's endpoint is known to break, each with the observation that says so."""
    return {
        clause: observation
        for observation in observations.values()
        if dialect in observation.dialects
        for clause in observation.departs
    }


def _observation(entry: Mapping[str, Any]) -> Observation:
    where = f"{entry.get('id')}" if isinstance(entry, Mapping) else repr(entry)
    for problem in _problems(entry):
        raise ContractError(f"{where}: {problem}")
    return Observation(
        id=entry["id"],
        dialects=tuple(entry["dialects"]),
        statement=entry["statement"],
        seen=_date(entry["seen"]),
        evidence=entry["evidence"],
        urls=tuple(entry["urls"]),
        departs=tuple(entry.get("departs", ())),
        when=_several(entry.get("when")),
        where=entry.get("where"),
        answer=Appearance(**entry.get("answer", {})),
        ignores=entry.get("ignores"),
    )


def _problems(entry: Mapping[str, Any]) -> Iterator[str]:
    if missing := _REQUIRED - entry.keys():
        yield f"expected {', '.join(sorted(missing))}, got none"
    if unknown := entry.keys() - _KEYS:
        yield f"expected no key but {', '.join(sorted(_KEYS))}, got {', '.join(sorted(unknown))}"
    if entry["evidence"] not in EVIDENCE:
        yield f"evidence: expected one of {', '.join(EVIDENCE)}, got {entry['evidence']!r}"
    if ("answer" in entry) != ("when" in entry):
        yield "expected when and answer together, got one of them"


def _date(seen: str | int | dt.date) -> str:
    return seen.isoformat() if isinstance(seen, dt.date) else str(seen)


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
