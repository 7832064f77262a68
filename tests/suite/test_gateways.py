from __future__ import annotations

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.target.target import choose, running
from tests.support.gateway_proxy import Forward, at_once, by_bytes, by_time, compressing, proxying
from tests.support.judging import judged

CLAUSES = ("SSE-14", "SSE-23")


@pytest.mark.parametrize(
    ("forward", "held"),
    [(at_once, (False, False)), (by_bytes, (True, True)), (by_time, (True, True)), (compressing, (False, True))],
    ids=["at once", "by bytes", "by time", "compressing"],
)
def test_gateway_that_holds_a_stream_back__breaks_its_clause(forward: Forward, held: tuple[bool, bool]) -> None:
    """Tokens of 10 ms, passed on late; one that compresses does so to a client that takes gzip only."""
    with (
        running(choose(Contract.load()), options=["--itl-ms", "10"]) as mock,
        proxying(mock.base_url or "", forward) as url,
    ):
        found = judged(url, only=CLAUSES)
    for clause, fell in zip(CLAUSES, held, strict=True):
        verdict, got = found[clause].verdict, found[clause].got
        assert (verdict in ("FAIL", "NON-STRICT"), "together" in got) == (fell, fell), f"{clause} {verdict}: {got}"
        assert fell or verdict == "PASS"
