"""Whether streams were held back on the way, from hand-made records: those of nginx and HAProxy as they were seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixtral_contract.load.counts.bundling import report
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.validity import SUSPECT, VALID
from tests.load.results.test_summary import summary
from tests.support.load_records import record, tally


def stream(*content: tuple[float, int], ends_ms: float = 3000) -> Record:
    """An answer that came so: (ms since sending, events) for each read."""
    return record(content, sent_ms=2000, end_ms=ends_ms, usage_tokens=sum(events for _, events in content))


def paced(events: int, first_ms: float, gap_ms: float, *, each: int = 1) -> Record:
    """Events at even times, so many to a read."""
    return stream(*((first_ms + gap_ms * index, each) for index in range(events)))


NGINX_5_MS = stream((222, 23), (361, 25), (500, 25), (646, 25), (797, 25), (821, 4))
NGINX_50_MS = stream((1267, 23), (2133, 17))
NGINX_100_MS = stream((2127, 20))
HAPROXY_5_MS = stream((207, 20), (415, 37), (624, 35), (835, 36))
HAPROXY_100_MS = stream((206, 2), (507, 3), (807, 3), (1114, 3), (1419, 3), (1715, 3), (2019, 3))
WHOLE_IN_READS = stream((900, 300), (900.5, 300), (901.5, 24))


@pytest.mark.parametrize(
    ("seen", "whole", "in_pieces"),
    [
        (NGINX_5_MS, 0, 1),
        (NGINX_50_MS, 0, 1),
        (NGINX_100_MS, 1, 0),
        (HAPROXY_5_MS, 0, 1),
        (HAPROXY_100_MS, 0, 1),
        (WHOLE_IN_READS, 1, 0),
        # an event after the other, each written by itself, when all were there
        (paced(50, 900, 0.05), 1, 0),
        # one event for several tokens: the reads tell nothing of tokens
        (paced(30, 200, 80), 0, 0),
        # two choices in each event
        (paced(20, 200, 20, each=2), 0, 0),
        # an instant server, and a fast one
        (stream((4, 100)), 0, 0),
        (paced(100, 300, 0.5), 0, 0),
        (paced(40, 300, 1.5, each=3), 0, 0),
        # a slow first token, then a fast short answer
        (paced(20, 5000, 5), 0, 0),
        # now and then two events in a read
        (stream(*((100 + 20 * index, 1 + (index % 3 == 0)) for index in range(30))), 0, 0),
    ],
)
def test_stream_that_was_held_back__is_told_from_others(seen: Record, whole: int, in_pieces: int) -> None:
    """By its reads alone."""
    found = report(tally(seen).counts)
    assert (found["streams"], found["whole"], found["in_pieces"]) == (1, whole, in_pieces)


def test_short_answers__are_not_judged() -> None:
    """Seven events in a read may be chance."""
    assert report(tally(stream((900, 7))).counts)["streams"] == 0


def test_pieces__are_measured() -> None:
    """128 events in 4 reads with 628 ms between the first and the last, and 40 in 2, 866 ms apart."""
    found = report(tally(HAPROXY_5_MS, NGINX_50_MS).counts)
    assert found["events_per_piece"] == 28.0
    assert found["piece_gap_ms"] == pytest.approx((628 + 866) / 4, abs=0.1)


def test_held_back_streams__are_suspect_and_have_no_rate(tmp_path: Path) -> None:
    """Neither in the headline nor at the top of the page; the reason says what was seen."""
    found = summary(tmp_path, *[NGINX_5_MS] * 20)
    assert found["validity"]["verdict"] == SUSPECT
    assert found["validity"]["reasons"][0]["text"] == (
        "20 of 20 streams came in pieces of 21.2 events, 120 ms apart: a proxy on the way, or the server, holds events "
        "back, so that neither the first token nor the time per token is the model's"
    )
    assert "in each stream" not in found["headline"]
    assert "the first tokens came, held back on the way, after 222 ms" in found["headline"]
    keys = render(found).partition('aria-label="Key figures"')[2].partition("</section>")[0]
    assert "Time to first token" in keys
    assert "Time per output token" not in keys


def test_few_held_back_streams__are_no_reason(tmp_path: Path) -> None:
    """One in ten."""
    found = summary(tmp_path, *[paced(20, 100, 20)] * 18, *[NGINX_100_MS] * 2)
    assert found["validity"]["verdict"] == VALID
    assert "50 tokens/s in each stream" in found["headline"]
