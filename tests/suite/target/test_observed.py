from __future__ import annotations

from pathlib import Path

from mixtral_contract.contract import observations
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import choose, running
from tests.support.suite_run import run_suite, verdicts


def test_mock_as_observed__departs_where_the_observations_say_so(tmp_path: Path) -> None:
    """The overlay names exactly the clauses that its behaviour breaks, and the retired model is no failure."""
    contract = Contract.load()
    with running(choose(contract), options=("--as", "observed")) as mock:
        ended = run_suite("--target", "mock", "--base-url", mock.base_url or "", folder=tmp_path)
    # 3: of the retired model too little can be judged
    assert ended.returncode == 3, ended.stdout + ended.stderr
    found = verdicts(tmp_path)
    broken = {(clause, dialect) for (clause, dialect), verdict in found.items() if verdict in ("FAIL", "NON-STRICT")}
    told = {
        (clause, dialect)
        for dialect in ("nvidia", "segmind")
        for clause in observations.departures(observations.load(), dialect)
    }
    assert {each for each in broken if each[1] != "segmind-openai"} == told
    assert found["RSP-01", "segmind-openai"] == "RETIRED"
