from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.journal.grading import FINAL, RULES, Finding, grade
from mixtral_contract.mock.journal.journal import CLIENT_LEFT, CUT, Entry
from mixtral_contract.mock.journal.key_placement import Misplaced, misplaced
from mixtral_contract.mock.journal.retries import conversations
from tests.support.journal_entries import at, completed, entry, generation, journal, refused
from tests.support.mock_requests import request

NOW = at(1_000_000)
Made = tuple[Entry, float, str]


def _graded(*requests: Made, now_ns: int = NOW, patience_s: float = 60) -> list[Finding]:
    return grade(journal(*requests).entries(), now_ns, patience_s=patience_s)


def _rules(*requests: Made) -> list[str]:
    return [finding.rule for finding in _graded(*requests)]


@pytest.mark.parametrize("status", sorted(FINAL))
def test_final_refusal__is_not_to_be_retried(status: int) -> None:
    """Same body, same key, same place, soon after."""
    (finding,) = _graded(refused(0, status), refused(1, status), refused(3, status))
    assert (finding.rule, finding.level, finding.requests) == ("final-retried", "fault", (1, 2, 3))
    assert finding.expected == f"no second attempt at what was answered {status}"
    assert finding.got == "the same request 2 times more, first after 1 s"


@pytest.mark.parametrize(
    "second",
    [
        refused(1, 400, b'{"other": 1}'),
        refused(1, 400, credential=2),
        refused(1000, 400),
        completed(0.5),
    ],
)
def test_what_differs__is_no_retry(second: Made) -> None:
    """Another body, another key, much later; or the first one had succeeded."""
    first = completed(0, took_s=0.1) if second[0].status == 200 else refused(0, 400)
    assert _rules(first, second) == []


def test_same_request_at_the_same_time__is_no_retry() -> None:
    """Two workers that ask alike are two conversations."""
    assert _rules(refused(0, 401, took_s=2), refused(1, 401, took_s=2)) == []


def test_attempts__continue_the_conversation_that_failed_last() -> None:
    """Of two under way at once."""
    kept = journal(refused(0, 500, took_s=1), refused(0.5, 500, took_s=2), refused(1.2, 500, took_s=0.1), completed(3))
    assert [[each.id for each in attempts] for attempts in conversations(kept.entries())] == [[1, 3], [2, 4]]


def test_success__ends_a_conversation() -> None:
    """Who asks the same again has it already."""
    kept = journal(completed(0), completed(5))
    assert [[each.id for each in attempts] for attempts in conversations(kept.entries())] == [[1], [2]]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 5), st.sampled_from([200, 400, 429, 500])), max_size=20))
def test_conversations__share_out_all_requests(made: list[tuple[float, float, int]]) -> None:
    """Each request is in one of them, attempts do not overlap, and nothing follows a success."""
    requests = [
        completed(begun, took_s=took) if status == 200 else refused(begun, status, took_s=took)
        for begun, took, status in made
    ]
    found = conversations(journal(*requests).entries())
    assert sorted(each.id for attempts in found for each in attempts) == list(range(1, len(made) + 1))
    for attempts in found:
        for failed, again in pairwise(attempts):
            assert failed.status != 200
            assert (failed.ended_ns or 0) <= again.received_ns
    assert grade(journal(*requests).entries(), NOW) == grade(reversed(journal(*requests).entries()), NOW)


def test_retry_before_retry_after__is_found() -> None:
    """With the wait that was asked for, and the one that came."""
    (finding,) = _graded(refused(0, 429, wait_s=5), completed(2))
    assert (finding.rule, finding.requests) == ("retry-after-ignored", (1, 2))
    assert (finding.expected, finding.got) == ("the next attempt 5 s after the 429 at the soonest", "one after 2 s")


def test_wait_that_is_a_little_short__is_kept() -> None:
    """Clocks and roundings may take off as much."""
    assert _rules(refused(0, 429, wait_s=2), completed(1.98)) == []
    assert _rules(refused(0, 429, wait_s=2), completed(1.9)) == ["retry-after-ignored"]


def test_retry_after_a_long_wait__is_kept_apart_from_a_new_request() -> None:
    """Who waits the ten minutes that it was told does well; who comes after one does not."""
    assert _rules(refused(0, 429, wait_s=600), completed(600)) == []
    assert _rules(refused(0, 429, wait_s=600), completed(61)) == ["retry-after-ignored"]


def test_waiting_as_told__is_no_storm() -> None:
    """However often."""
    assert _rules(*(refused(2 * number, 429, wait_s=2) for number in range(8))) == []


@pytest.mark.parametrize(
    ("waits", "storm"),
    [
        ([0.01, 0.01], True),
        ([0.5, 0.5, 0.5], True),
        ([0.5, 0.4, 0.6], True),
        ([0.5, 1, 2], False),
        ([0.4, 0.9, 1.6, 3.5], False),
        ([0.5, 0.5], False),
        ([10, 10, 10], False),
        ([0.01], False),
    ],
)
def test_retries_without_backoff__are_a_storm(waits: list[float], *, storm: bool) -> None:
    """Waits that do not grow, unless they are long; one immediate retry is none."""
    moments = [sum(waits[:index]) for index in range(len(waits) + 1)]
    found = _graded(*(refused(moment, 503) for moment in moments))
    assert [finding.rule for finding in found] == (["retry-storm"] if storm else [])
    assert all(finding.requests == tuple(range(1, len(moments) + 1)) for finding in found)


def test_truncated_stream__is_to_be_asked_for_again() -> None:
    """No next attempt: possibly taken for a whole one; with one, or cut before the head, nothing is said."""
    (finding,) = _graded(completed(0, end=CUT, took_s=1), now_ns=at(4))
    assert (finding.rule, finding.level) == ("truncated-accepted", "possible")
    assert finding.got == "no attempt in 3 s: it possibly took a truncated answer for a whole one"
    assert _rules(completed(0, end=CUT), completed(2)) == []
    assert _rules((entry(0, status=None), 1, CUT)) == []
    assert _rules(completed(0, end=CLIENT_LEFT, stream=False)) == []


def test_key_in_the_wrong_place__is_found() -> None:
    """By account and place; a place that is accepted but not printed is only possibly wrong."""
    wrong = Misplaced("authorization: Bearer", "x-api-key", accepted=False)
    other = Misplaced("authorization: Bearer", "x-api-key", accepted=True)
    found = _graded(
        refused(0, 401, b"1", misplaced=wrong), refused(1, 401, b"2", misplaced=wrong), completed(2, misplaced=other)
    )
    assert [(finding.rule, finding.requests) for finding in found] == [
        ("key-misplaced", (1, 2)),
        ("key-undocumented", (3,)),
    ]
    assert (found[0].expected, found[0].got) == ("the key in x-api-key", "a key in authorization: Bearer, 2 times")


@pytest.mark.parametrize(
    ("dialect", "fields", "query", "found"),
    [
        ("nvidia", {"authorization": "Bearer k"}, "", None),
        ("nvidia", {}, "", None),
        ("nvidia", {"x-api-key": "k"}, "", ("x-api-key", False)),
        ("nvidia", {"authorization": "k"}, "", ("authorization with another scheme or none", False)),
        ("nvidia", {"authorization": "Bearer k"}, "api_key=k", ("the URL's query", False)),
        ("nvidia", {"authorization": "Bearer k"}, "verbose=1", None),
        ("segmind", {"x-api-key": "k"}, "", None),
        ("segmind", {"authorization": "Bearer k"}, "", ("authorization: Bearer", True)),
        ("segmind", {"api-key": "k"}, "", ("api-key", False)),
    ],
)
def test_place_of_a_key__is_looked_at_by_the_contract(
    contract: Contract, dialect: str, fields: dict[str, str], query: str, found: Any
) -> None:
    """Where it is, and whether it is read there; never what it is."""
    operation = contract.operations[dialect]
    strayed = misplaced(operation, request(operation, key=None, fields=fields, query=query))
    assert (strayed and (strayed.found, strayed.accepted)) == found
    assert strayed is None or strayed.expected == ("x-api-key" if dialect == "segmind" else "authorization: Bearer")


def test_silent_stream__is_to_be_given_up() -> None:
    """A client that still reads long after the last byte; one that left in time did well."""
    stalled: dict[str, Any] = {"head_ns": at(0), "generation": generation([(2, at(1))], [(2, at(1))])}
    (finding,) = _graded(completed(0, took_s=100, **stalled))
    assert (finding.rule, finding.level, finding.got) == (
        "no-read-timeout",
        "possible",
        "one that still read after 99 s",
    )
    assert _rules(completed(0, took_s=50, **stalled)) == []
    assert [finding.rule for finding in _graded(completed(0, took_s=50, **stalled), patience_s=10)] == [finding.rule]


def test_abandoned_streams__are_counted() -> None:
    """With how much of them was out; whole answers that nobody waited for are not among them."""
    half = generation([(5, at(1))], [(5, at(1))])
    (finding,) = _graded(completed(0, b"1", end=CLIENT_LEFT, generation=half), completed(1, b"2", end=CLIENT_LEFT))
    assert (finding.rule, finding.requests) == ("stream-abandoned", (1, 2))
    assert finding.got == "the client left 2 of them, with 5 of 20 tokens out"
    assert _rules(completed(0, end=CLIENT_LEFT, stream=False)) == []


def test_connections__are_to_be_used_again() -> None:
    """Five requests one after the other on five connections; at the same time, or fewer, they may."""
    bodies = [b"%d" % number for number in range(5)]
    one_by_one = [completed(2 * number, body, connection=number) for number, body in enumerate(bodies)]
    (finding,) = _graded(*one_by_one)
    assert (finding.rule, finding.got) == ("connection-not-reused", "5 connections for as many requests")
    assert _rules(*one_by_one[:4]) == []
    assert _rules(*(completed(0, body, connection=number) for number, body in enumerate(bodies))) == []
    assert _rules(*(completed(2 * number, body, connection=number % 4) for number, body in enumerate(bodies))) == []
    assert _rules(*(completed(2 * number, body, connection=None) for number, body in enumerate(bodies))) == []


def test_client_that_does_well__is_not_found_fault_with() -> None:
    """Success at once, backoff that grows, Retry-After kept."""
    assert _rules(completed(0, b"a"), completed(0, b"a"), completed(5, b"b")) == []
    assert _rules(refused(0, 500, b"c"), refused(0.5, 503, b"c"), completed(1.6, b"c")) == []
    assert _rules(refused(0, 429, b"d", wait_s=2), completed(2.01, b"d")) == []
    assert grade([], NOW) == []


def test_findings__name_rules_that_are_explained() -> None:
    """Each finding as JSON has the rule's id and level."""
    finding = _graded(refused(0, 400), refused(1, 400))[0].as_json()
    assert RULES[finding["rule"]].level == finding["level"]
    assert finding["requests"] == (1, 2)
    assert finding["dialect"] == "nvidia"
