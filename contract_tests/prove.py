"""Shows that every clause can fail: the mock breaks one at a time, and the suite must find exactly that one.

Each break is a run of its own, of the mock and of the suite, as a user would start them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from contract_tests.target import choose, running
from spec import clauses
from spec.contract import Contract

_SUITE = Path(__file__).parent
_BROKEN = ("FAIL", "NON-STRICT")
_LIMIT_S = 300


@dataclass(frozen=True, slots=True)
class Proof:
    """What one break brought down, by dialect, beside what it had to."""

    clause: str
    expected: frozenset[tuple[str, str]]
    found: frozenset[tuple[str, str]]

    @property
    def killed(self) -> bool:
        """Whether exactly the declared clauses fell."""
        return self.expected == self.found

    def text(self) -> str:
        """The proof in one line."""
        if self.killed:
            return f"killed    {self.clause}"
        missed = ", ".join(f"{clause} on {dialect}" for clause, dialect in sorted(self.expected - self.found))
        beside = ", ".join(f"{clause} on {dialect}" for clause, dialect in sorted(self.found - self.expected))
        return f"SURVIVED  {self.clause}: not found {missed or 'none'}; found beside it {beside or 'none'}"


def prove(names: Sequence[str], *, jobs: int = 1) -> Iterator[Proof]:
    """A proof per clause, in the order of the names, as each is done; `jobs` run at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(prove_one, names)


def prove_one(name: str) -> Proof:
    """The proof of one clause: the suite's findings on a mock that breaks it."""
    contract = Contract.load()
    loaded = clauses.load()
    fall = [clause for clause in loaded.values() if clause.id == name or name in clause.falls_with]
    expected = frozenset(
        (clause.id, dialect)
        for clause in fall
        for dialect, operation in contract.operations.items()
        if clause.applies(operation) and loaded[name].applies(operation)
    )
    with tempfile.TemporaryDirectory() as folder, running(choose(contract), options=("--break", name)) as mock:
        _run_suite(mock.base_url or "", Path(folder))
        run = json.loads((Path(folder) / "verdicts.json").read_text(encoding="utf-8"))
    found = {(entry["clause"], entry["dialect"]) for entry in run["verdicts"] if entry["verdict"] in _BROKEN}
    return Proof(name, expected, frozenset(found))


def _run_suite(base_url: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(_SUITE), "-q", "-p", "no:cacheprovider"]
    command += ["--target", "mock", "--base-url", base_url, "--request-timeout", "5", "--report", str(folder)]
    # plugins that are installed beside the suite are not needed, and take most of the start
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run(command, check=False, capture_output=True, env=environment, timeout=_LIMIT_S)  # noqa: S603  our own
