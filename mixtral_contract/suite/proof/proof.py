"""What a break must do to the verdicts, and what it did: a whole map against a whole map.

Pure: maps in, proofs out; knows no server and no process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mixtral_contract.contract.clauses import Clause
from mixtral_contract.contract.openapi import Contract

Place = tuple[str, str]
"""A clause on a dialect."""

Verdicts = Mapping[Place, str]
Expected = Mapping[Place, frozenset[str]]
"""The verdicts that a place may have."""

_FALLEN = frozenset(("FAIL", "NON-STRICT"))
_HONEST = frozenset(("PASS", "INFO", "NOT-RUN"))
_BLIND = "INCONCLUSIVE"
_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """One verdict that is none of those it may be; `got` is None where there is none at all."""

    clause: str
    dialect: str
    expected: tuple[str, ...]
    got: str | None

    def text(self) -> str:
        """The difference in a few words."""
        wanted = " or ".join(self.expected) or "no verdict"
        return f"{self.clause} on {self.dialect}: expected {wanted}, got {self.got or 'none'}"


@dataclass(frozen=True, slots=True)
class Proof:
    """One break: which verdicts it moved, and where they are not those that were declared."""

    clause: str
    moved: tuple[tuple[str, str, str | None], ...]
    differences: tuple[Difference, ...]

    @property
    def killed(self) -> bool:
        """Whether the declared clauses fell, and every other verdict stayed what it was."""
        return not self.differences

    def text(self) -> str:
        """The proof in one line."""
        if self.killed:
            return f"killed    {self.clause}"
        shown = "; ".join(difference.text() for difference in self.differences[:_SHOWN])
        more = f"; and {len(self.differences) - _SHOWN} more" if len(self.differences) > _SHOWN else ""
        return f"SURVIVED  {self.clause}: {shown}{more}"

    def as_dict(self) -> dict[str, Any]:
        """The proof as JSON."""
        return {
            "clause": self.clause,
            "killed": self.killed,
            "moved": [dict(zip(("clause", "dialect", "verdict"), each, strict=True)) for each in self.moved],
            "differences": [
                {**{name: getattr(each, name) for name in each.__slots__}, "expected": list(each.expected)}
                for each in self.differences
            ],
        }


def dishonest(honest: Verdicts) -> list[str]:
    """What keeps the unbroken mock from being a standard: each verdict that is no PASS and no record, a line each."""
    return [
        f"{clause} on {dialect} is {verdict}" for (clause, dialect), verdict in honest.items() if verdict not in _HONEST
    ]


def declared(name: str, honest: Verdicts, clauses: Mapping[str, Clause], contract: Contract) -> Expected:
    """The verdicts that a break must lead to: those of the unbroken mock, and what is declared to change.

    A clause falls with its own break and with those that its `falls_with` names; what else may change, to which
    verdict and why, stands in its `moves_with`, or in `blinds` of a break that leaves nothing to judge. A break acts
    on the dialects to which its own clause applies; on the others it may move what it moves there.
    """
    acted_on = {dialect for dialect, operation in contract.operations.items() if clauses[name].applies(operation)}
    expected = {}
    for (clause, dialect), verdict in honest.items():
        allowed = frozenset((verdict,))
        moved = clauses[clause].moves_with.get(name)
        if moved is not None:
            allowed = frozenset(moved[:1]) if dialect in acted_on else allowed | {moved[0]}
        elif dialect in acted_on and (clause == name or name in clauses[clause].falls_with):
            allowed = _FALLEN
        elif dialect in acted_on and clauses[name].blinds:
            allowed |= {_BLIND}
        expected[clause, dialect] = allowed
    return expected


def proof(name: str, *, honest: Verdicts, expected: Expected, found: Verdicts) -> Proof:
    """The proof of one break from the three maps."""
    places = sorted(expected.keys() | found.keys())
    return Proof(
        clause=name,
        moved=tuple((*place, found.get(place)) for place in places if found.get(place) != honest.get(place)),
        differences=tuple(
            Difference(*place, tuple(sorted(expected.get(place, ()))), found.get(place))
            for place in places
            if found.get(place) not in expected.get(place, ())
        ),
    )


def headline(proofs: Sequence[Proof]) -> str:
    """What was proven, in one sentence."""
    survivors = [proof.clause for proof in proofs if not proof.killed]
    others = f"the others: {', '.join(survivors)}" if survivors else "and no other verdict moved"
    return f"{len(proofs) - len(survivors)} of {len(proofs)} breaks were found, {others}"
