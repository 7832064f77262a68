"""The page and the table that show a summary."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import markupsafe
import pytest

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.files import table, write_results
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.summary import summarize
from mixtral_contract.load.units.metric import TOOLS
from mixtral_contract.load.units.window import Window
from tests.load.results.test_summary import FACTS, completions, summary
from tests.load.settings.test_settings import settings
from tests.support.load_records import S, failed, record, tally

RUNS = {
    "clean": completions(200),
    "few": completions(2),
    "empty": [],
    "failed": [failed(Outcome.HTTP_ERROR, 503, sent_ms=2000, detail="<b>busy</b>")],
    "cut": [*completions(3), record(sent_ms=2000, outcome=Outcome.UNFINISHED)],
}


class Page(HTMLParser):
    """Collects what a page would load, and its open tags."""

    VOID = frozenset({"meta", "line", "rect", "path", "circle"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag and the addresses in it."""
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        self.loaded += [tag] if tag in ("script", "link", "iframe", "img") else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """Closes the last tag, which must be this one."""
        assert self.open.pop() == tag


@pytest.mark.parametrize(("records", "dialect"), [*((each, "nvidia") for each in RUNS.values()), ([], "segmind")])
def test_page__stands_alone(tmp_path: Path, records: list[Record], dialect: str) -> None:
    """Well-formed, and loads nothing from anywhere."""
    page = Page(render(summary(tmp_path, *records, dialect=dialect)))
    assert page.loaded == []
    assert page.open == []


def test_page__shows_figures_with_their_meaning(tmp_path: Path) -> None:
    """Headline, charts, outcomes, parameters and definitions."""
    found = summary(tmp_path, *RUNS["clean"])
    page = render(found)
    assert found["headline"] in page
    assert page.count("<svg") == 10
    assert "prefers-color-scheme: dark" in page
    for text in found["definitions"].values():
        assert markupsafe.escape(text) in page
    assert "mistralai/mixtral-8x22b-instruct-v0.1" in page


def test_page__escapes_what_a_server_said(tmp_path: Path) -> None:
    """An error message is text, not a part of the page."""
    page = render(summary(tmp_path, *RUNS["failed"]))
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    assert "<b>busy" not in page


@pytest.mark.parametrize(("name", "marked"), [("clean", True), ("few", True), ("empty", False)])
def test_page__marks_percentiles_of_too_few_samples(tmp_path: Path, name: str, *, marked: bool) -> None:
    """200 samples are enough for p95 and not for p99, 2 for none."""
    page = render(summary(tmp_path, *RUNS[name]))
    assert ('class="few"' in page) is marked


def test_table__is_short(tmp_path: Path) -> None:
    """Headline, percentiles, rates, outcomes and where the report is."""
    text = table(summary(tmp_path, *RUNS["clean"]), tmp_path)
    assert re.search(r"^ttft_ms +200 +100 ", text, re.MULTILINE)
    assert re.search(r"^e2e_ms +200 +150 +150 +150 +too few +150 +150$", text, re.MULTILINE)
    assert "60 output tokens/s, 20 requests/s (tokens: usage)" in text
    assert "requests: 200 ok\n" in text
    assert text.endswith(f"passed\nreport: {tmp_path}/report.html\n")
    assert "p50 11, p90 64, p95 130, p99 662 samples" in text
    assert len(text.splitlines()) < 20


@pytest.mark.parametrize("records", RUNS.values())
def test_table__is_printed_for_every_run(tmp_path: Path, records: list[Record]) -> None:
    """Even for one without a single figure."""
    text = table(summary(tmp_path, *records), tmp_path)
    assert "requests: " in text
    assert "None" not in text.replace("None of", "")


def test_results__are_three_files(tmp_path: Path) -> None:
    """Summary, requests and report; the parts of the requests are gone."""
    (tmp_path / "requests-r1-0.jsonl").write_text('{"request":"0-1"}\n', encoding="utf-8")
    (tmp_path / "requests-r1-1.jsonl").write_text('{"request":"1-1"}\n', encoding="utf-8")
    (tmp_path / "requests-r0-0.jsonl").write_text('{"request":"another run"}\n', encoding="utf-8")
    write_results(summary(tmp_path, *RUNS["clean"]), tmp_path)
    assert (tmp_path / "requests.jsonl").read_text(encoding="utf-8") == '{"request":"0-1"}\n{"request":"1-1"}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "report.html",
        "requests-r0-0.jsonl",
        "requests.jsonl",
        "summary.json",
    ]


def test_page__draws_the_limits_of_objectives(tmp_path: Path) -> None:
    """On the distribution of the figure that they are for, and on the scatter of ttft, and nowhere else."""
    assert 'class="limit"' not in render(summary(tmp_path, *RUNS["clean"]))
    asked = settings(tmp_path, warmup=1.0, slo="ttft<150ms@p99,e2e<1s@p90")
    page = render(summarize(asked, FACTS, tally(*RUNS["clean"], window=Window(S, 11 * S))))
    assert page.count('class="limit"') == 3
    assert page.count("slo 150") == 2
    assert page.count("slo 1000") == 1


def test_page__says_how_sure_percentiles_are(tmp_path: Path) -> None:
    """Without anything to point at: a page is printed, and read on a telephone."""
    slow = [record([(100.0 + number, 1)], sent_ms=2000, end_ms=150, number=number) for number in range(100)]
    found = summary(tmp_path, *slow)
    low, high = found["ttft_ms"]["intervals"]["p50"]
    assert 130 < low < 145
    assert 155 < high < 170
    page = render(found)
    assert f">{found['ttft_ms']['p50']:.0f}<small>{low:.0f} to {high:.0f}</small></td>" in page
    assert ">too few<small>needs 130</small></td>" in page


def test_page__has_no_empty_cards_where_there_is_no_stream(tmp_path: Path) -> None:
    """A dialect without one has no ttft: one note says so, and all else is shown."""
    whole = [record(sent_ms=2000, end_ms=150, streamed=False, usage_tokens=3) for _ in range(200)]
    page = render(summary(tmp_path, *whole, dialect="segmind"))
    assert "not measured" not in page
    assert "Nothing to show" not in page
    assert "<h3>Time to first token" not in page
    assert page.count("<svg") == 5
    assert "documents no stream" in page


def test_page__shows_failures_by_kind(tmp_path: Path) -> None:
    """How many of each, of how many, and what one of them said."""
    busy = [failed(Outcome.HTTP_ERROR, 503, sent_ms=2000, detail="busy") for _ in range(15)]
    lost = [failed(Outcome.CONNECTION_ERROR, sent_ms=2000, detail="refused") for _ in range(5)]
    page = re.sub(r"\s+", " ", render(summary(tmp_path, *completions(180), *busy, *lost)))
    assert "http_error</th><td>503</td><td>15</td><td>7.5 %</td>" in page
    assert "connection_error</th><td>–</td><td>5</td><td>2.5 %</td>" in page


def test_latencies_from_the_schedule__are_shown_beside_the_others(tmp_path: Path) -> None:
    """On the page and on the terminal, where there is a schedule."""
    late = [record([(100.0, 1)], sent_ms=2000, end_ms=150, due_ns=2 * S - S // 4) for _ in range(20)]
    asked = settings(tmp_path, warmup=1.0, arrivals="poisson:20")
    found = summarize(asked, FACTS, tally(*late, window=Window(S, 11 * S)))
    assert re.search(r"^schedule_ttft_ms +20 +350 ", table(found, tmp_path), re.MULTILINE)
    assert re.search(r'<th scope="row">schedule_e2e_ms</th>\s*<td>20</td>\s*<td>400<small>', render(found))


def test_page__folds_out_what_others_call_the_figures(tmp_path: Path) -> None:
    """A column for each tool, and where its figure is another one."""
    page = render(summary(tmp_path, *RUNS["clean"]))
    details = page[page.index("<details>") : page.index("</details>")]
    for tool in TOOLS:
        assert f">{tool}</th>" in details
    assert "one that only names the role counts, ours does not" in details
