"""Shows that every clause can fail: the mock breaks one at a time, and the suite must find exactly that one.

The suite is run on one mock after the other break, in processes that keep running; what each round found is compared
with a round on the unbroken mock, verdict by verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.primitives.doors import door
from mixtral_contract.suite.proof.proof import Proof, Verdicts, declared, proof
from mixtral_contract.suite.proof.worker_pool import WorkerPool

_SUITE = door("contract_tests")
_QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:logging", "--capture=no")
_COMMAND = (str(_SUITE), *_QUIET, "--target", "mock", "--request-timeout", "5")
_FUZZ = (*_COMMAND, "-k", "FUZZ", "--fuzz-seconds", "20")
"""What only generated requests show is looked for among themselves."""


class MutationRun:
    """The processes that prove, `jobs` at a time; they end with the context."""

    def __init__(self, jobs: int = 1) -> None:
        self._pool, self._fuzz_pool = WorkerPool(_COMMAND, jobs), WorkerPool(_FUZZ, jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._fuzz_pool, self._pool:
            pass

    def honest(self) -> Verdicts:
        """The verdicts on the mock as it is."""
        (found,) = self._pool.rounds([()])
        return found

    def prove(self, names: Sequence[str], standard: Verdicts) -> Iterator[Proof]:
        """A proof per clause, in the order of the names, as each is done; `standard` is what `honest()` found."""
        contract, loaded = Contract.load(), clauses.load()
        fuzz = [name for name in names if loaded[name].judged == "fuzz"]
        found = self._pool.rounds([(name,) for name in names if name not in fuzz])
        fuzz_found = self._fuzz_pool.rounds([(), *((name,) for name in fuzz)])
        fuzz_standard: Verdicts | None = None
        for name in names:
            if name not in fuzz:
                before, after = standard, next(found)
            else:
                before = fuzz_standard = next(fuzz_found) if fuzz_standard is None else fuzz_standard
                after = next(fuzz_found)
            yield proof(name, honest=before, expected=declared(name, before, loaded, contract), found=after)
