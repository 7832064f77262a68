"""When figures can be believed, from hand-made summaries."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.results.summary import Facts, summarize
from mixtral_contract.load.results.validity import INVALID, SUSPECT, VALID
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import FACTS, completions, summary
from tests.load.settings.test_settings import settings
from tests.support.load_records import MS, S, failed, record, tally


def _judged(folder: Path, counted: RunCounts, **options: Any) -> tuple[str, list[str]]:
    found = summarize(settings(folder, warmup=1.0, **options), FACTS, counted)["validity"]
    return found["verdict"], [reason["text"] for reason in found["reasons"]]


def test_clean_run__is_valid(tmp_path: Path) -> None:
    """Nothing speaks against it."""
    assert summary(tmp_path, *completions(20))["validity"] == {"verdict": VALID, "reasons": []}


@pytest.mark.parametrize(
    ("records", "facts", "verdict", "said"),
    [
        (completions(20), {"end_s": 1.0}, INVALID, "ended within its warm-up"),
        ([], {}, INVALID, "no request succeeded"),
        (completions(10), {}, SUSPECT, "10 completions are too few"),
        (completions(20), {"interrupted": True}, SUSPECT, "was interrupted"),
        (completions(20), {"lost_workers": ("w1",), "workers": 3}, SUSPECT, "1 of 3 workers were lost: w1"),
        (completions(20), {"lost_requests": 4}, SUSPECT, "4 requests that workers made never reached"),
        ([*completions(20), failed(Outcome.TIMEOUT, sent_ms=2000)], {}, SUSPECT, "4.8 % of the requests failed"),
    ],
)
def test_run__is_doubted(tmp_path: Path, records: list[Record], facts: dict[str, Any], verdict: str, said: str) -> None:
    """With the reason."""
    found = summary(tmp_path, *records, **facts)["validity"]
    assert found["verdict"] == verdict
    assert any(said in reason["text"] for reason in found["reasons"])


def _answered(*sent_s: float) -> list[Record]:
    return [record([(100.0, 1)], sent_ms=1000 * each, end_ms=150) for each in sent_s]


def _refused(*sent_s: float) -> list[Record]:
    return [failed(Outcome.CONNECTION_ERROR, sent_ms=1000 * each, end_ms=1) for each in sent_s]


BUSY = [tenth / 10 for tenth in range(10, 59)]
"""When one user sent requests that took 100 ms each, in the first half of a window from second 1 to 11."""


@pytest.mark.parametrize(
    ("records", "verdict", "said"),
    [
        # a share of requests would say 1 in 11
        ([*_answered(*BUSY), *_refused(6, 7, 8, 9, 10)], INVALID, "nothing answered from second 6 on"),
        (
            [*_answered(*BUSY), record([(100.0, 1)], sent_ms=6000, end_ms=4000), *_answered(10)],
            INVALID,
            "nothing answered from second 7 to second 10",
        ),
        (
            [*_answered(*BUSY), record(sent_ms=6000, end_ms=9000, outcome=Outcome.UNFINISHED)],
            INVALID,
            "nothing answered from second 6 on",
        ),
        # 2 s are no outage yet, but a user who waits for two seconds of twelve for nothing is told
        (
            [*_answered(*BUSY, 8, 9, 10), failed(Outcome.TIMEOUT, sent_ms=6000, end_ms=1900)],
            SUSPECT,
            "20 % of the users' time was spent on requests that failed",
        ),
        (
            [*_answered(*BUSY), *(failed(Outcome.TIMEOUT, sent_ms=1000, end_ms=4000) for _ in range(3))],
            INVALID,
            "62 % of the users' time was spent on requests that failed",
        ),
    ],
)
def test_outage__is_no_share_of_requests(tmp_path: Path, records: list[Record], verdict: str, said: str) -> None:
    """A dead server is asked once a second: it is time that tells."""
    found = summary(tmp_path, *records)
    assert found["validity"]["verdict"] == verdict
    assert said in [reason["text"] for reason in found["validity"]["reasons"]]
    assert found["exit_code"] == 1


def test_slow_answers__are_no_outage(tmp_path: Path) -> None:
    """One user, answers of 4 s in one piece: each second between has none."""
    records = [record([(4000.0, 1)], sent_ms=1000 + 4000 * index, end_ms=4000) for index in range(12)]
    counted = tally(*records, window=Window(S, 49 * S))
    found = summarize(settings(tmp_path, warmup=1.0), dataclasses.replace(FACTS, end_s=49.0), counted)
    assert found["silence"]["median_answer_s"] == pytest.approx(4, rel=0.001)
    assert found["validity"] == {"verdict": VALID, "reasons": []}


def test_outage_in_a_long_run__is_told(tmp_path: Path) -> None:
    """Six seconds of two minutes, with answers of 150 ms before and after."""
    sent_s = [each / 2 for each in range(2, 240) if not 120 < each <= 134]
    late = record([(100.0, 1)], sent_ms=60_500, end_ms=7000)
    counted = tally(*_answered(*sent_s), late, window=Window(S, 121 * S))
    found = summarize(settings(tmp_path, warmup=1.0), dataclasses.replace(FACTS, end_s=121.0), counted)["validity"]
    assert found["verdict"] == SUSPECT
    assert found["reasons"][0]["text"] == "nothing answered from second 61 to second 67"


def test_run_that_was_given_up__is_invalid(tmp_path: Path) -> None:
    """Whatever was measured before."""
    assert summary(tmp_path, *completions(20), gave_up=True)["validity"]["reasons"] == [
        {"severity": INVALID, "text": "the run was given up, for nothing answered"}
    ]


def test_busy_instrument__is_suspect(tmp_path: Path) -> None:
    """Of several processes the busiest counts."""
    counted = tally(*completions(20), window=Window(S, 11 * S))
    counted.use = {"0": (1.0, 10.0), "1": (9.5, 10.0)}
    assert _judged(tmp_path, counted) == (
        SUSPECT,
        ["a process of the instrument used 95 % of a core: more processes are needed"],
    )
    counted.use["1"] = (8.0, 10.0)
    assert _judged(tmp_path, counted)[0] == VALID


def test_loop_that_stands_still__is_suspect(tmp_path: Path) -> None:
    """Two stalls of 200 ms in ten seconds are more than one tick in a hundred."""
    counted = tally(*completions(20), window=Window(S, 11 * S))
    counted.figures["loop_lag_ms"].add(0.1, 960)
    assert _judged(tmp_path, counted)[0] == VALID
    counted.figures["loop_lag_ms"].add(200, 40)
    assert _judged(tmp_path, counted)[0] == SUSPECT


@pytest.mark.parametrize(("late_ms", "verdict"), [(1.0, VALID), (30.0, SUSPECT)])
def test_schedule_that_is_not_kept__is_suspect(tmp_path: Path, late_ms: float, verdict: str) -> None:
    """When requests leave later than a hundredth of the first token takes, and than 5 ms."""
    content = [(100.0, 1), (120.0, 1)]
    records = [record(content, sent_ms=2000 + late_ms, due_ns=2000 * MS) for _ in range(20)]
    assert _judged(tmp_path, tally(*records, window=Window(S, 11 * S)), arrivals="constant:2")[0] == verdict


@pytest.mark.parametrize(("dropped", "verdict"), [(0, VALID), (1, SUSPECT), (20, INVALID)])
def test_dropped_requests__make_another_load(tmp_path: Path, dropped: int, verdict: str) -> None:
    """One of a hundred is told, a sixth is another run than was asked for."""
    records = [record([(100.0, 1), (120.0, 1)], sent_ms=2000, due_ns=2000 * MS) for _ in range(100)]
    counted = tally(*records, window=Window(S, 11 * S))
    for _ in range(dropped):
        counted.drop(2 * S, Window(S))
    assert _judged(tmp_path, counted, arrivals="constant:10")[0] == verdict


@pytest.mark.parametrize(("growing", "verdict"), [(False, VALID), (True, SUSPECT)])
def test_requests_that_pile_up__are_suspect(tmp_path: Path, growing: bool, verdict: str) -> None:  # noqa: FBT001
    """Ten a second for ten seconds, answered in a second each, or each a second later than the one before."""
    records = []
    for index in range(100):
        sent_ms = 1000 + index * 100
        end_ms = 1000.0 + (sent_ms * 5 if growing else 0)
        records.append(record([(100.0, 1), (120.0, 1)], sent_ms=sent_ms, end_ms=end_ms, due_ns=sent_ms * MS))
    assert _judged(tmp_path, tally(*records, window=Window(S, 11 * S)), arrivals="constant:10")[0] == verdict


def test_overload_behind_a_long_warmup__is_suspect(tmp_path: Path) -> None:
    """22 requests a second to a server that does 18, for 20 s before the window and 10 s in it."""
    records, free_s = [], 0.0
    for index in range(660):
        due_ms = 1000 * index / 22
        free_s = max(free_s, due_ms / 1000) + 1 / 18
        took_ms = 1000 * free_s - due_ms
        records.append(record([(took_ms, 1)], sent_ms=due_ms, end_ms=took_ms, due_ns=round(due_ms * MS)))
    counted = tally(*records, window=Window(20 * S, 30 * S))
    facts = dataclasses.replace(FACTS, end_s=30.0)
    found = summarize(settings(tmp_path, warmup=20.0, arrivals="constant:22"), facts, counted)
    assert found["in_flight"]["grows"]
    assert found["validity"]["verdict"] == SUSPECT
    assert found["validity"]["reasons"][0]["text"] == (
        "the server does not keep up: 22 requests/s were offered, 18 completed, and from 81 at the window's beginning "
        "to 121 at its end were under way"
    )


def test_facts__name_the_lost(tmp_path: Path) -> None:
    """Who they were, for who has to look after them."""
    facts = Facts(
        **{**{name: getattr(FACTS, name) for name in FACTS.__slots__}, "lost_workers": ("a", "b"), "workers": 4}
    )
    counted = tally(*completions(20), window=Window(S, 11 * S))
    found = summarize(settings(tmp_path, warmup=1.0), facts, counted)
    assert found["lost"]["names"] == ["a", "b"]
    assert found["validity"]["reasons"][0]["text"] == (
        "2 of 4 workers were lost: a, b; what ended there since the last report, which comes every 3 s, is not counted"
    )
