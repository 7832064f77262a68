"""What a command line means: which clauses are judged on which target, within what bounds."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mixtral_contract.contract import clauses, observations
from mixtral_contract.contract.clauses import Clause
from mixtral_contract.contract.observations import Observation
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.reporting.cost_estimate import SMOKE_COMPLETIONS
from mixtral_contract.suite.target import target
from mixtral_contract.suite.verdicts import baseline
from mixtral_contract.suite.verdicts.result import ClauseResult

TIERS = ("smoke", "full")
_UNITS = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_SIZE = re.compile(r"([0-9]{1,12})\s*([KMG]?B)?")
_SPECIAL_KEYS = ("exhausted", "forbidden", "limited")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is to do.

    `budget` None: any number of completions, `rpm` None: no pause, `fuzz_s` 0: no generated requests. `most_bytes`
    bounds each answer. `least_judged` is the share of the musts that has to be judged.
    """

    contract: Contract
    clauses: Mapping[str, Clause]
    target: target.Target
    baseline: baseline.Baseline
    observations: Mapping[str, Observation]
    level: str
    tier: str
    strict: bool
    dry_run: bool
    budget: int | None
    rpm: float | None
    timeout_s: float
    most_bytes: int
    fuzz_s: float
    least_judged: float
    report: Path

    @classmethod
    def read(cls, config: pytest.Config) -> Settings:
        """The command line's.

        Raises: TargetError, ContractError or BaselineError with what is wrong, in one line.
        """
        option = config.getoption
        contract, known = Contract.load(option("--spec")), clauses.load()
        dry_run = option("--dry-run")
        if dry_run and option("numprocesses", None):
            raise target.TargetError("--dry-run: expected no -n beside it, got one")
        chosen = target.choose(
            contract,
            name=option("--target"),
            base_url=option("--base-url"),
            dialect=option("--dialect"),
            model=option("--model"),
            api_key_env=option("--api-key-env"),
            special_key_envs={
                role: variable for role in _SPECIAL_KEYS if (variable := option(f"--{role}-key-env")) is not None
            },
            no_key=option("--no-key"),
            dry_run=dry_run,
            free=bool(option("--free")),
        )
        tier = _one_of("--tier", option("--tier"), TIERS)
        budget, rpm = _number(config, "--budget", int), _number(config, "--rpm", float)
        # what one process may use up of what all may: under xdist each has a budget of its own
        worker, workers = _worker(config)
        whole = _least(None if budget is None else int(budget), _smoke_budget(tier, chosen))
        return cls(
            contract=contract,
            clauses=known,
            target=chosen,
            baseline=_baseline(option("--baseline"), known),
            observations=observations.load(),
            level=_one_of("--level", option("--level"), clauses.LEVELS),
            tier=tier,
            strict=bool(option("--strict")),
            dry_run=dry_run,
            budget=None if whole is None else _share(whole, worker, workers),
            rpm=None if rpm is None else rpm / workers,
            timeout_s=_number(config, "--request-timeout", float) or 0.0,
            most_bytes=_size("--max-answer", option("--max-answer")),
            fuzz_s=_number(config, "--fuzz-seconds", float) or 0.0,
            least_judged=_share_of("--min-judged", option("--min-judged")),
            report=option("--report"),
        )

    def expected(self) -> list[str]:
        """The clauses that a run is to judge on some dialect, whichever of its tests are chosen."""
        dialects = self.target.dialects
        return [name for name, clause in self.clauses.items() if any(self.judges(clause, each) for each in dialects)]

    def where_it_is_free(self) -> Settings:
        """The same where completions may cost money; where the mock answers at the address, they cost none."""
        where = self.target.base_url
        if not self.target.paid or where is None or not target.is_mock(where):
            return self
        return replace(self, target=replace(self.target, paid=False))

    @property
    def verdicts_of_the_suite(self) -> int:
        """How many verdicts the suite has for the target, whatever level, tier or names were chosen."""
        whole = replace(self, level=clauses.LEVELS[-1], tier="full")
        return sum(whole.judges(clause, name) for clause in self.clauses.values() for name in self.target.dialects)

    def judges(self, clause: Clause, dialect: str) -> bool:
        """Whether the run is to judge the clause on that dialect; a dry run asks for all levels and tiers."""
        if not clause.applies(self.contract.operations[dialect]):
            return False
        if clause.judged == "fuzz" and not self.fuzz_s:
            return False
        if self.dry_run:
            return True
        wanted = clauses.LEVELS.index(clause.level) <= clauses.LEVELS.index(self.level)
        return wanted and (self.tier == "full" or clause.judged == "passive")

    def weighed(self, entry: ClauseResult) -> ClauseResult:
        """The verdict with what is on record: how live endpoints were seen to break the clause, and what is accepted.

        A break that the baseline accepts, and one that the live endpoint itself was seen to have, is KNOWN.
        """
        seen = [
            f"{each.statement} (seen {each.seen}, {each.urls[0]})"
            for each in self.observations.values()
            if entry.dialect in each.dialects and entry.clause in each.departs
        ]
        entry = replace(entry, observed=" ".join(seen) or None)
        deviation = self.baseline.accepted(entry.clause, self.target.name, entry.dialect)
        if deviation is None and seen and self.target.is_live:
            return entry.accepted(f"observed: {entry.observed}")
        return entry.accepted(deviation.text() if deviation else None)


def _share_of(option: str, text: str) -> float:
    """A share from 0 to 1, also as a percentage."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise target.TargetError(f"{option}: expected a share from 0 to 1, or a percentage, got {text!r}")
    return value


def _size(option: str, text: str) -> int:
    """A number of bytes, written with or without a unit: 500000, 500KB, 16MB."""
    found = _SIZE.fullmatch(text.strip().upper())
    if found is None or not int(found[1]):
        raise target.TargetError(f"{option}: expected a size as 500KB or 16MB, got {text!r}")
    return int(found[1]) * _UNITS[found[2] or "B"]


def _smoke_budget(tier: str, chosen: target.Target) -> int | None:
    return SMOKE_COMPLETIONS * len(chosen.dialects) if tier == "smoke" else None


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _worker(config: pytest.Config) -> tuple[int, int]:
    """Which of how many processes this is; the controller of several is none of them."""
    found = getattr(config, "workerinput", None)
    return (int(found["workerid"].removeprefix("gw")), int(found["workercount"])) if found else (0, 1)


def _share(whole: int, worker: int, workers: int) -> int:
    """One process's part; one that stands in for a crashed one gets none, for nobody knows what that one spent."""
    return whole // workers + (worker < whole % workers) if worker < workers else 0


def _baseline(path: Path | None, known: Mapping[str, Clause]) -> baseline.Baseline:
    return baseline.Baseline() if path is None else baseline.load(path, known, dt.datetime.now(dt.UTC).date())


def _one_of(option: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise target.TargetError(f"{option}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def _number(config: pytest.Config, option: str, kind: type[int | float]) -> float | None:
    text = config.getoption(option)
    if text is None:
        return None
    try:
        value = kind(text)
    except ValueError:
        value = kind(0)
    if not 0 < value < math.inf:
        raise target.TargetError(f"{option}: expected a {'whole ' * (kind is int)}number above 0, got {text!r}")
    return value
