"""The suite on servers that nobody wrote for it: honest ones in every lawful style, and others with one defect each."""

from __future__ import annotations

import pytest

from tests.support.defects import DEFECTS
from tests.support.judging import CLAUSES, broken, judged
from tests.support.late_defects import LATE
from tests.support.other_http import other_server
from tests.support.other_server import Defect, Style
from tests.support.subtle_defects import SUBTLE
from tests.support.tool_calling import with_an_object

PASSIVE = {name for name, clause in CLAUSES.items() if clause.judged == "passive"}
ABOUT_FORM = {name for name, clause in CLAUSES.items() if clause.group in ("SSE", "STR", "HTTP", "RSP")}
CASES = {**DEFECTS, **SUBTLE, **LATE}
OPTIONAL = {"TOOL", "FMT", "LOGP", "CHC"}
"""What this server refuses, for it does not know it."""

STYLES = {
    "plain": (Style(), set[str]()),
    "until the connection closes": (Style(framing="close"), set()),
    "with a length": (Style(framing="length"), set()),
    "in pieces of two bytes": (Style(pieces=2), set()),
    "in pieces of seven bytes": (Style(pieces=7, ascii_only=False), set()),
    "small header names, backwards": (Style(small_headers=True, reverse=True), set()),
    "indented": (Style(indent=2), set()),
    "after white space": (Style(pad=b"\n   \n"), set()),
    "characters beyond ASCII as they are": (Style(ascii_only=False), set()),
    "comments between events": (Style(comments=True), set()),
    "the role with the first content": (Style(role="first chunk"), set()),
    "finish_reason with the last content": (Style(finish="last chunk"), set()),
    "usage absent until the end": (Style(usage_null=False), set()),
    "more fields than documented": (Style(extras=True), set()),
    "few words, whatever is asked": (Style(brief=True), set()),
    # lawful by the standard, and missed by some clients: a should, never a must
    "CRLF": (Style(line_end=b"\r\n"), {"SSE-04"}),
    "CR": (Style(line_end=b"\r"), {"SSE-04"}),
    "no space after data:": (Style(colon=b"data:"), {"SSE-17"}),
    "JSON over several lines": (Style(indent=2, lines=True), {"SSE-16"}),
}


def test_honest_server__breaks_no_clause() -> None:
    """All clauses, in both formats; 402 for want of credits is another tongue's word for 406."""
    with other_server() as url:
        for dialect in ("nvidia", "segmind"):
            found = judged(url, dialect)
            assert set(broken(found)) - {"ERR-05"} == set(), dialect
            assert sum(entry.verdict == "PASS" for entry in found.values()) > 80
            unjudged = {name for name, entry in found.items() if entry.verdict in ("INCONCLUSIVE", "UNSUPPORTED")}
            assert {CLAUSES[name].group for name in unjudged} <= OPTIONAL


@pytest.mark.parametrize("name", STYLES)
def test_lawful_style__is_no_failure(name: str) -> None:
    """How an honest server says it is its own business; what trips some clients is NON-STRICT."""
    style, departures = STYLES[name]
    with other_server(style) as url:
        found = broken(judged(url, only=ABOUT_FORM))
    assert found == dict.fromkeys(departures, "NON-STRICT")


def test_text_that_is_never_the_same__is_no_broken_stop_sequence() -> None:
    """What a sampling server says the second time need not hold the stop sequence; a should on the seed says so."""
    with other_server(Style(sampled=True)) as url:
        found = judged(url, only={"RSP-14", "RSP-26", "RSP-27", "RSP-30", "STR-11", "STR-27"})
    assert broken(found) == {}


def test_stop_sequence_ignored__has_ended_nothing() -> None:
    """What max_tokens cut says so, rightly; that the stop sequence was ignored has its own clauses."""
    with other_server(defect=DEFECTS["stop ignored"].defect) as url:
        found = judged(url, only={"RSP-26", "STR-31", "RSP-14", "STR-11"})
    assert {name: entry.verdict for name, entry in found.items()} == {
        "RSP-26": "UNSUPPORTED",
        "STR-31": "UNSUPPORTED",
        "RSP-14": "FAIL",
        "STR-11": "FAIL",
    }


def test_arguments_as_an_object__break_the_schema() -> None:
    """Every typed client fails at them: what a call holds is a part of the answer."""
    with other_server(defect=Defect(answer=with_an_object, tolerant=frozenset({"tools"}))) as url:
        found = judged(url, only={"RSP-19", "TOOL-03"})
    assert broken(found) == {"RSP-19": "FAIL", "TOOL-03": "NON-STRICT"}


def test_server_that_needs_no_key__accepts_none_in_the_query() -> None:
    """A missing key has its own clause; the others about keys have nothing to judge."""
    with other_server(defect=DEFECTS["any key"].defect) as url:
        found = judged(url, only={"AUT-01", "AUT-10", "AUT-13"})
    assert found["AUT-01"].verdict == "FAIL"
    assert {found["AUT-10"].verdict, found["AUT-13"].verdict} == {"UNSUPPORTED"}


def test_report_of_a_key_compared_in_part__shows_no_part_of_it() -> None:
    """A key without its last letter tells all but one of a real one's."""
    with other_server(defect=SUBTLE["a key without its last letter"].defect) as url:
        exchange = judged(url, only={"AUT-12"})["AUT-12"].exchange
    assert "mock-vali" not in str(exchange)


@pytest.mark.parametrize("name", CASES)
def test_defect__brings_down_its_clauses(name: str) -> None:
    """Those that speak of it, and of all that judge every answer no other."""
    case = CASES[name]
    with other_server(case.style, case.defect) as url:
        found = judged(url, case.dialect, only=PASSIVE | case.falls)
    assert set(broken(found)) == case.falls
    assert all(found[clause].got for clause in case.falls)
