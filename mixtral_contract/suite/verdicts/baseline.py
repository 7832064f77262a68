"""Deviations that are accepted for now: which clause, on which target, since when, why, and until when.

Pure but for `load`, which reads the file; the day comes in as an argument.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from mixtral_contract.contract.openapi import read_yaml
from mixtral_contract.primitives.bounded.safe_yaml import YamlError
from mixtral_contract.suite.verdicts.verdict import Verdict

SCHEMA = Path(__file__).with_name("baseline.schema.json")
BROKEN = frozenset((Verdict.FAIL, Verdict.NON_STRICT))
_HEALED = frozenset((Verdict.PASS, Verdict.INFO))
_MONTHS_DAYS = 90


class BaselineError(ValueError):
    """The file is no baseline; the message says where and why in one line."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One accepted deviation; `dialect` None: any. It holds up to and with the day `expires`."""

    clause: str
    target: str
    dialect: str | None
    date: dt.date
    reason: str
    expires: dt.date

    def speaks_of(self, clause: str, target: str, dialect: str) -> bool:
        """Whether it is about this clause there."""
        return (self.clause, self.target) == (clause, target) and self.dialect in (None, dialect)

    @property
    def name(self) -> str:
        """Which one it is, for a reader."""
        return f"{self.clause} on {self.target}" + (f" ({self.dialect})" if self.dialect else "")

    def text(self) -> str:
        """Why it is accepted, in one line."""
        return f"known since {self.date}, accepted until {self.expires}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted deviations, as of a day."""

    deviations: Sequence[Deviation] = ()
    today: dt.date = dt.date.min

    def accepted(self, clause: str, target: str, dialect: str) -> Deviation | None:
        """The deviation that accepts the clause's break there today; None without one."""
        found = (each for each in self.deviations if each.speaks_of(clause, target, dialect))
        return next((each for each in found if each.expires >= self.today), None)

    def remarks(self, target: str, verdicts: Mapping[tuple[str, str], Verdict]) -> list[str]:
        """What the file's keeper should do, a line each, from a run's verdicts by clause and dialect.

        An entry has expired, or nothing of what it accepts is broken any more. What was not judged says nothing.
        """
        remarks = []
        for each in self.deviations:
            seen = {
                verdict for (clause, dialect), verdict in verdicts.items() if each.speaks_of(clause, target, dialect)
            }
            if seen and seen <= _HEALED:
                remarks.append(f"no longer needed: {each.name} passes")
            elif seen and each.expires < self.today:
                remarks.append(f"expired on {each.expires}: {each.name}: {each.reason}")
        return remarks


def load(path: Path, clauses: Collection[str], today: dt.date) -> Baseline:
    """The baseline in a YAML file.

    Raises: BaselineError when it cannot be read, does not keep its schema, names an unknown clause, says a bad date or
    says two things of one place.
    """
    try:
        raw = read_yaml(path)
    except OSError as error:
        raise BaselineError(f"{path}: expected a readable file, got {error.strerror}") from error
    except YamlError as error:
        raise BaselineError(f"{path}: {error}") from error
    plain = json.loads(json.dumps(raw, default=str))
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    for problem in validator.iter_errors([] if plain is None else plain):
        raise BaselineError(f"{path}: {_place(problem.instance_path)}{problem.message}")
    deviations = [_deviation(path, entry, clauses) for entry in plain or ()]
    seen: set[tuple[str, str, str | None]] = set()
    for each in deviations:
        place = (each.clause, each.target, each.dialect)
        if place in seen:
            raise BaselineError(f"{path}: expected one entry for {each.name}, got two")
        seen.add(place)
    return Baseline(deviations, today)


def _place(path: Iterable[str | int]) -> str:
    parts = list(path)
    return f"entry {int(parts[0]) + 1}: " + "".join(f"{part}: " for part in parts[1:]) if parts else ""


def _deviation(path: Path, entry: Mapping[str, Any], clauses: Collection[str]) -> Deviation:
    if entry["clause"] not in clauses:
        raise BaselineError(f"{path}: expected the id of a clause, got {entry['clause']!r}")
    dates = {}
    for name in ("date", "expires"):
        try:
            dates[name] = dt.date.fromisoformat(entry[name])
        except ValueError:
            raise BaselineError(
                f"{path}: {entry['clause']}: {name}: expected YYYY-MM-DD, got {entry[name]!r}"
            ) from None
    if dates["expires"] < dates["date"]:
        raise BaselineError(
            f"{path}: {entry['clause']}: expires: expected {dates['date']} or later, got {entry['expires']!r}"
        )
    return Deviation(
        clause=entry["clause"],
        target=entry["target"],
        dialect=entry.get("dialect"),
        date=dates["date"],
        reason=entry["reason"],
        expires=dates["expires"],
    )


def drawn_from(run: Mapping[str, Any], today: dt.date) -> str:
    """A first baseline as YAML: an entry for each FAIL of a run, with what was got as its reason to be edited."""
    entries = [
        {
            "clause": entry["clause"],
            "target": run["target"]["name"],
            "dialect": entry["dialect"],
            "date": today,
            "reason": entry["got"] or entry["statement"],
            "expires": today + dt.timedelta(days=_MONTHS_DAYS),
        }
        for entry in run["verdicts"]
        if entry["verdict"] == Verdict.FAIL
    ]
    head = "# Accepted deviations. Say in each reason why it is accepted, and remove the entry when it is mended.\n"
    return head + yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=110)
