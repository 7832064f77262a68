"""The suite's options, and what a command line means by them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract import observations as observed
from mixtral_contract.contract.clauses import Clause
from mixtral_contract.contract.openapi import DOCUMENT, Contract
from mixtral_contract.suite.reporting.cost_estimate import SMOKE_COMPLETIONS
from mixtral_contract.suite.target import target
from mixtral_contract.suite.verdicts import baseline
from mixtral_contract.suite.verdicts.result import ClauseResult

TIERS = ("smoke", "full")
_SPECIAL_KEYS = ("exhausted", "forbidden", "limited")


class OptionGroup(Protocol):
    """Where options are declared: pytest's, or what shows them without it."""

    def addoption(self, *names: str, **how: Any) -> object:
        """Declares one, as argparse does."""


def add_to(group: OptionGroup) -> None:
    """Declares the options."""
    add = group.addoption
    add("--target", metavar="NAME", help="mock (default), or a known live endpoint: segmind, segmind-openai, nvidia")
    add("--base-url", metavar="URL", help="address of the server under test; with --dialect unless the target says it")
    add("--dialect", metavar="D", help="dialect that the address speaks: segmind, segmind-openai or nvidia")
    add("--model", metavar="M", help="model to ask for (default: the documented one)")
    add("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    for role, reason in (
        ("exhausted", "no credits"),
        ("forbidden", "no permission"),
        ("limited", "a small rate limit"),
    ):
        add(
            f"--{role}-key-env",
            metavar="NAME",
            help=f"environment variable with the key of an account that has {reason}; without it the clause is NOT-RUN",
        )
    add("--level", metavar="L", default="info", help="judge clauses down to must, should or info (default: info, all)")
    # pytest has an option --strict of its own (strict markers and the like); here a broken should fails the run too
    add(
        "--tier",
        metavar="T",
        default="full",
        help=f"smoke: only what can be judged on {SMOKE_COMPLETIONS} completions per dialect, or full (default)",
    )
    add("--dry-run", action="store_true", help="print what a run would cost, per tier and level, and send nothing")
    add("--budget", metavar="N", help="use up at most N completions, a hard cap; what is left over is NOT-RUN")
    add("--rpm", metavar="N", help="send at most N requests per minute")
    add("--request-timeout", default="30", metavar="S", help="seconds to wait for an answer (default: 30)")
    add(
        "--fuzz-seconds",
        metavar="N",
        help="send generated requests too, for N seconds per dialect; never where completions cost money",
    )
    add("--baseline", type=Path, metavar="FILE", help="deviations that are accepted until a day: KNOWN, not FAIL")
    add("--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract to hold to (default: our own)")
    add(
        "--report",
        type=Path,
        default=Path("reports/contract"),
        metavar="DIR",
        help="folder of verdicts.json, index.html and badge.svg (default: reports/contract)",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is to do.

    `budget` None: any number of completions, `rpm` None: no pause, `fuzz_s` 0: no generated requests.
    """

    contract: Contract
    clauses: Mapping[str, Clause]
    target: target.Target
    baseline: baseline.Baseline
    observations: Mapping[str, observed.Observation]
    level: str
    tier: str
    strict: bool
    dry_run: bool
    budget: int | None
    rpm: float | None
    timeout_s: float
    fuzz_s: float
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
            rehearsed=dry_run,
        )
        tier = _one_of("--tier", option("--tier"), TIERS)
        budget, rpm = _number(config, "--budget", int), _number(config, "--rpm", float)
        # what one process may use up of what all may: under xdist each has a purse of its own
        worker, workers = _worker(config)
        whole = _least(None if budget is None else int(budget), _smoke_budget(tier, chosen))
        return cls(
            contract=contract,
            clauses=known,
            target=chosen,
            baseline=_baseline(option("--baseline"), known),
            observations=observed.load(),
            level=_one_of("--level", option("--level"), clauses.LEVELS),
            tier=tier,
            strict=bool(option("--strict")),
            dry_run=dry_run,
            budget=None if whole is None else _share(whole, worker, workers),
            rpm=None if rpm is None else rpm / workers,
            timeout_s=_number(config, "--request-timeout", float) or 0.0,
            fuzz_s=_number(config, "--fuzz-seconds", float) or 0.0,
            report=option("--report"),
        )

    def judges(self, clause: Clause, dialect: str) -> bool:
        """Whether the run is to judge the clause on that dialect; a rehearsal asks for all levels and tiers."""
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
