"""Shows that every clause can fail: the mock breaks one at a time, and the suite must find exactly that one.

Each break is a run of its own, of the mock and of the suite, as a user would start them; what they found is compared
with a run on the unbroken mock, verdict by verdict.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.primitives.doors import door
from mixtral_contract.suite.proof.proof import Proof, Verdicts, declared, proof
from mixtral_contract.suite.target.target import choose, running

_SUITE = door("contract_tests")
_LIMIT_S = 300
_COMMAND = (str(_SUITE), "-q", "-p", "no:cacheprovider", "--target", "mock", "--request-timeout", "5")
_FUZZ = (*_COMMAND, "-k", "FUZZ", "--fuzz-seconds", "20")
"""What only generated requests show is looked for among themselves."""
_PRELOAD = (
    "pytest",
    "hypothesis",
    "schemathesis",
    "mixtral_contract.suite.reporting.report",
    "mixtral_contract.suite.generation.schema_oracle",
)
"""What every run of the suite imports; imported once, and each run starts from there."""


def honest() -> Verdicts:
    """The verdicts on the mock as it is."""
    return _verdicts_on(_COMMAND)


def prove(names: Sequence[str], standard: Verdicts, *, jobs: int = 1) -> Iterator[Proof]:
    """A proof per clause, in the order of the names, as each is done; `jobs` run at a time.

    `standard` is what `honest()` found.
    """
    contract, loaded = Contract.load(), clauses.load()

    def one(name: str) -> Proof:
        generated = loaded[name].judged == "fuzz"
        before = _verdicts_on(_FUZZ) if generated else standard
        found = _verdicts_on(_FUZZ if generated else _COMMAND, "--break", name)
        return proof(name, honest=before, expected=declared(name, before, loaded, contract), found=found)

    with ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(one, name) for name in names]
        try:
            yield from (each.result() for each in begun)
        finally:
            # whoever stops listening does not wait for what has not begun
            pool.shutdown(cancel_futures=True)


def _verdicts_on(command: Sequence[str], *options: str) -> Verdicts:
    """The verdicts by clause and dialect, on a mock with these options; none at all when the run ended without."""
    with tempfile.TemporaryDirectory() as folder, running(choose(Contract.load()), options=options) as mock:
        _run_suite(command, mock.base_url or "", folder)
        try:
            run = json.loads((Path(folder) / "verdicts.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
    return {(entry["clause"], entry["dialect"]): entry["verdict"] for entry in run["verdicts"]}


def _run_suite(command: Sequence[str], base_url: str, folder: str) -> None:
    # forked from a server that has imported everything: half a second less for each of a hundred runs
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOAD))
    process = context.Process(target=_suite, args=(command, base_url, folder))
    process.start()
    try:
        process.join(_LIMIT_S)
    finally:
        process.kill()
        process.join()


def _suite(command: Sequence[str], base_url: str, folder: str) -> None:
    import pytest  # noqa: PLC0415  only in the process that runs it

    # plugins that are installed beside the suite are not needed, and take most of the start
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        pytest.main([*command, "--base-url", base_url, "--report", folder])
