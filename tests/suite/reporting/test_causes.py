"""Which breaks follow from which, and how that is told."""

from __future__ import annotations

import re
from dataclasses import replace

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.reporting.causes import with_causes
from mixtral_contract.suite.reporting.markdown_summary import render_markdown
from mixtral_contract.suite.reporting.report import page
from mixtral_contract.suite.reporting.run_summary import RunSummary
from mixtral_contract.suite.target.target import choose
from mixtral_contract.suite.verdicts.baseline import Baseline
from mixtral_contract.suite.verdicts.result import ClauseResult, judge
from mixtral_contract.suite.verdicts.verdict import Violation

CONTRACT = Contract.load()
CLAUSES = clauses.load()
ABOUT = {clause.fault: clause.id for clause in CLAUSES.values() if clause.fault}
STREAM = (("Content-Type", "text/event-stream"),)
ERROR = b'data: {"error": {"message": "overloaded"}}\n\n'


def exchange(number: int, body: bytes = ERROR) -> Exchange:
    """A stream that answers the request of that number."""
    request = Request("POST", "http://x", (), b"%d" % number)
    return Exchange(request, 200, STREAM, ((1, body),), raw_head=b"HTTP/1.1 200 OK\r\n\r\n")


def broken(clause: str, shown: Exchange | None, dialect: str = "nvidia") -> ClauseResult:
    """A break that this exchange shows."""
    return judge(CLAUSES[clause], dialect, Violation("x", exchange=shown), strict=False, test="t")


def follows(*results: ClauseResult) -> dict[tuple[str, str], str | None]:
    """What each follows from, by clause and dialect."""
    return {(each.clause, each.dialect): each.follows for each in with_causes(results, ABOUT)}


def test_one_fault_in_many_answers__is_one_cause() -> None:
    """The clause about it stands in front, whatever the others do to a client."""
    found = follows(broken("STR-04", exchange(1)), broken("SSE-08", exchange(2)), broken("ERR-15", exchange(3)))
    assert found == {("STR-04", "nvidia"): "ERR-15", ("SSE-08", "nvidia"): "ERR-15", ("ERR-15", "nvidia"): None}


def test_fault_whose_own_clause_holds__is_no_cause() -> None:
    """Then other answers with it are breaks of their own."""
    found = follows(broken("STR-04", exchange(1)), broken("STR-02", exchange(2)))
    assert set(found.values()) == {None}


def test_one_answer__is_one_cause() -> None:
    """What loses a client most stands in front; another answer, and another dialect, are other causes."""
    body = b'data: {"choices": [{"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    first, second = exchange(1, body), exchange(2, body)
    found = follows(
        broken("STR-01", first),
        broken("STR-17", first),
        broken("STR-16", second),
        broken("STR-20", first, "segmind"),
        broken("RSP-02", None),
    )
    assert {key: leader for key, leader in found.items() if leader} == {("STR-01", "nvidia"): "STR-17"}


def test_refusal__shows_breaks_of_their_own() -> None:
    """Each thing that it lacks is missing for itself."""
    refusal = Exchange(Request("POST", "http://x"), 401, raw_head=b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    assert set(follows(broken("AUT-03", refusal), broken("HTTP-10", refusal)).values()) == {None}


def test_broken_must__follows_from_no_departure() -> None:
    """The worst verdict stands in front."""
    strict = replace(broken("STR-20", exchange(1)), verdict=broken("ERR-15", None).verdict)
    accepted = broken("ERR-15", exchange(2)).accepted("known")
    assert follows(strict, accepted) == {("STR-20", "nvidia"): None, ("ERR-15", "nvidia"): "STR-20"}


def summary(*results: ClauseResult) -> RunSummary:
    """A run with these verdicts."""
    made = RunSummary(choose(CONTRACT), CONTRACT, list(CLAUSES), strict=False)
    for each in results:
        made.add(each.as_dict())
    return made


def test_run__tells_causes_and_what_follows() -> None:
    """In the headline, on the terminal, among the departures, as JSON, as Markdown and on the page."""
    made = summary(
        broken("STR-04", exchange(1)), broken("SSE-08", exchange(2)), broken("ERR-15", exchange(3)),
        broken("STR-16", exchange(1)), broken("RSP-02", None),
    )  # fmt: skip
    expected = (
        "4 clauses are broken on mock: RSP-02, ERR-15; 2 more follow from these; 1 more departed from (NON-STRICT)"
    )
    assert made.headline() == expected
    lines = made.lines(Baseline())
    at = next(number for number, line in enumerate(lines) if line.startswith("FAIL       ERR-15"))
    assert lines[at + 1].strip() == "from which follow: STR-04, SSE-08, STR-16"
    assert not any(line.startswith(("FAIL       STR-04", "NON-STRICT STR-16")) for line in lines)
    assert made.departures() == ["NON-STRICT  STR-16 (should, form) on nvidia, follows from ERR-15"]
    run = made.as_dict(Baseline())
    assert {entry["clause"]: entry["follows"] for entry in run["verdicts"]}["SSE-08"] == "ERR-15"
    rows = [line for line in render_markdown(run).splitlines() if line.startswith("| **FAIL**")]
    assert [row.split("|")[6].strip() for row in rows] == ["STR-04, SSE-08, STR-16", ""]
    shown = page([run])
    assert re.search(r'from which follow:</span> <a href="#SSE-08">SSE-08</a>,\s*<a href="#STR-04">', shown)
    assert shown.count("one fault, or one answer, broke both") == 3


def test_markdown__is_what_was_said_and_nothing_else() -> None:
    """An answer with Markdown or HTML in it changes nothing; what is whole has no table."""
    evil = judge(CLAUSES["RSP-02"], "nvidia", Violation("|x| <b>\n# y"), strict=False, test="t")
    told = render_markdown(summary(evil).as_dict(Baseline()))
    assert "\\|x\\| \\<b\\> \\# y" in told
    assert "| verdict" not in render_markdown(
        summary(judge(CLAUSES["RSP-02"], "nvidia", None, strict=False, test="t")).as_dict(Baseline())
    )
