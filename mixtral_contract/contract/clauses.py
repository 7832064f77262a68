"""The clauses as objects, and to which operations of a contract each applies.

What a clause needs is written in a few words, each asked of the operation:

    condition NAME          a documented response answers that condition
    field NAME              the request has that field
    default NAME            that field has a documented default
    bounds                  some number of the request has a documented bound
    window                  the model has a documented context window
    optional                some field of the request admits null
    stream                  the operation documents an event stream
    credential NAME         that security scheme is accepted
    header NAME             a completion may carry that header
    required-header NAME    a completion must carry it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mixtral_contract.contract.openapi import ContractError, Operation, read_yaml
from mixtral_contract.primitives.doors import door

CLAUSES = door("spec") / "clauses.yaml"
LEVELS = ("must", "should", "info")
EFFECTS = ("content", "hang", "money", "refused", "status", "form", "none")
"""What the break of a clause does to a client, the worst first."""
FAULTS = (
    "cut answer",
    "cut stream",
    "no event stream",
    "event without JSON",
    "error in a 200",
    "error in a stream",
    "no finish_reason",
    "no [DONE]",
)
"""What one answer can have wrong in it that breaks many clauses at once, the deepest first."""
JUDGED = ("passive", "request", "property", "metamorphic", "stateful", "fuzz")
_KEYS = {"id", "level", "effect", "reason", "statement", "source", "needs", "dialects", "judged", "cost", "break"}
_OF_A_KEY = ("condition missing-key", "condition wrong-key")
_SOURCES = ({"document", "phrase"}, {"standard", "section"}, {"practice"})
_KEYS |= {"falls_with", "moves_with", "blinds", "fault"}

Level = Literal["must", "should", "info"]
Effect = Literal["content", "hang", "money", "refused", "status", "form", "none"]


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered, sourced, testable statement.

    `effect` is what a break does to a client; `reason` is why the level is what it is, None where the sources say so.
    `cost` is in completions of a paid endpoint, `violation` says how the mock breaks it (None: an info clause has
    nothing to break), `falls_with` names clauses whose break violates this one too. `moves_with` maps
    clauses whose break leaves this one nothing to judge to the verdict that it gets then, with the reason. `blinds` is
    why the break leaves any other clause nothing to judge; None: it does not. `fault` is the one of `FAULTS` that the
    clause is about: others that an answer with it breaks as well follow from it.
    """

    id: str
    level: Level
    effect: Effect
    reason: str | None
    statement: str
    sources: tuple[Mapping[str, str], ...]
    needs: tuple[str, ...]
    dialects: tuple[str, ...] | None
    judged: str
    cost: int
    violation: str | None
    falls_with: tuple[str, ...]
    moves_with: Mapping[str, tuple[str, str]]
    blinds: str | None
    fault: str | None

    @property
    def needs_key(self) -> bool:
        """Whether there is something to judge only where the server asks for a key."""
        return any(need.partition(" ")[0] == "credential" or need in _OF_A_KEY for need in self.needs)

    @property
    def group(self) -> str:
        """The letters before the number."""
        return self.id.partition("-")[0]

    def applies(self, operation: Operation) -> bool:
        """Whether the operation documents everything that the clause speaks of."""
        if self.dialects is not None and operation.dialect not in self.dialects:
            return False
        return all(_meets(operation, need) for need in self.needs)


def load(path: Path = CLAUSES) -> Mapping[str, Clause]:
    """All clauses by id, in the file's order.

    Raises: ContractError when an entry is malformed or an id stands twice.
    """
    clauses: dict[str, Clause] = {}
    for entry in read_yaml(path):
        clause = _clause(path, entry)
        if clause.id in clauses:
            raise ContractError(f"{path}: expected each id once, got {clause.id} twice")
        clauses[clause.id] = clause
    return clauses


def _clause(path: Path, entry: Mapping[str, Any]) -> Clause:
    name = entry.get("id")
    unknown = entry.keys() - _KEYS
    missing = {"id", "level", "effect", "statement", "source", "judged", "cost", "break"} - entry.keys()
    if unknown or missing:
        raise ContractError(f"{path}: {name}: expected the keys of a clause, got {sorted(unknown | missing)} wrong")
    if entry["level"] not in LEVELS or entry["judged"] not in JUDGED:
        raise ContractError(f"{path}: {name}: expected a known level and judgement, got {entry['level']!r}")
    if entry["effect"] not in EFFECTS:
        raise ContractError(f"{path}: {name}: expected an effect of {', '.join(EFFECTS)}, got {entry['effect']!r}")
    if entry.get("fault") not in (None, *FAULTS):
        raise ContractError(f"{path}: {name}: expected a fault of {', '.join(FAULTS)}, got {entry['fault']!r}")
    if (entry["break"] is None) != (entry["level"] == "info"):
        raise ContractError(f"{path}: {name}: expected a break, and none for an info clause, got {entry['break']!r}")
    needs = tuple(entry.get("needs", ()))
    for need in needs:
        if need.partition(" ")[0] not in _NEEDS:
            raise ContractError(f"{path}: {name}: expected a known need, got {need!r}")
    sources = entry["source"] if isinstance(entry["source"], list) else [entry["source"]]
    for source in sources:
        if source.keys() not in _SOURCES:
            raise ContractError(f"{path}: {name}: expected the keys of a source, got {', '.join(map(repr, source))}")
    dialects = entry.get("dialects")
    return Clause(
        id=entry["id"],
        level=entry["level"],
        effect=entry["effect"],
        reason=entry.get("reason"),
        statement=entry["statement"],
        sources=tuple(sources),
        needs=needs,
        dialects=None if dialects is None else tuple(dialects),
        judged=entry["judged"],
        cost=entry["cost"],
        violation=entry["break"],
        falls_with=tuple(entry.get("falls_with", ())),
        moves_with=_moves(path, entry),
        blinds=entry.get("blinds"),
        fault=entry.get("fault"),
    )


def _moves(path: Path, entry: Mapping[str, Any]) -> Mapping[str, tuple[str, str]]:
    """Each as `VERDICT: reason`."""
    moves = {}
    for other, text in entry.get("moves_with", {}).items():
        verdict, _, reason = str(text).partition(": ")
        if not verdict.isupper() or not reason:
            raise ContractError(f"{path}: {entry['id']}: moves_with: expected 'VERDICT: reason', got {text!r}")
        moves[other] = (verdict, reason)
    return moves


def _meets(operation: Operation, need: str) -> bool:
    kind, _, name = need.partition(" ")
    return _NEEDS[kind](operation, name)


def _has_bounds(operation: Operation, _name: str) -> bool:
    fields = operation.request.properties.values()
    return any({"minimum", "maximum"} & field.keys() and "x-source" in field for field in fields)


def _has_optional(operation: Operation, _name: str) -> bool:
    request = operation.request
    return any(request.field(name).is_valid(None) for name in request.properties if name not in request.required)


_NEEDS: Mapping[str, Callable[[Operation, str], bool]] = {
    "condition": lambda operation, name: operation.response_for(name) is not None,
    "field": lambda operation, name: name in operation.request.properties,
    "default": lambda operation, name: name in operation.defaults,
    "bounds": _has_bounds,
    "window": lambda operation, _name: operation.models[0].context_window is not None,
    "optional": _has_optional,
    "stream": lambda operation, _name: operation.streams,
    "credential": lambda operation, name: any(credential.name == name for credential in operation.credentials),
    "header": lambda operation, name: name in operation.success.headers,
    "required-header": lambda operation, name: operation.success.headers.get(name, False),
}
