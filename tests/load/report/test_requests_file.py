"""A report made of requests alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixtral_contract.load.cli.main import main
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.reading.record_line import read_line
from tests.load.compare.test_comparison import requests
from tests.load.report.test_html_report import Page
from tests.support.load_records import MS, failed, record
from tests.support.summary_schema import checked

RECORDS = [*requests(1), failed(Outcome.HTTP_ERROR, 503, sent_ms=2000, detail="overloaded")]


def lines(records: list[Record]) -> str:
    """The records as a file holds them."""
    return "".join(json.dumps(each.line()) + "\n" for each in records)


@pytest.mark.parametrize(
    "made",
    [
        RECORDS[0],
        RECORDS[-1],
        record([(10, 2), (30, 1)], sent_ms=1500, end_ms=40, due_ns=1490 * MS, broken=("SSE-08",), connect_ns=MS),
        record(sent_ms=0, end_ms=150, streamed=False, usage_tokens=3, completion_id="c"),
    ],
    ids=["stream", "failed", "open loop", "whole"],
)
def test_line__is_the_record_again(made: Record) -> None:
    """What was written is written again."""
    line = json.loads(json.dumps(made.line()))
    again = read_line(line, number=made.number, streamed=made.streamed)
    assert json.loads(json.dumps(again.line())) == line


def test_report__of_parts_that_a_killed_run_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes, and half a line: the figures are those of the requests, and nobody calls them VALID."""
    (tmp_path / "requests-r9-0.jsonl").write_text(lines(RECORDS[:100]), encoding="utf-8")
    (tmp_path / "requests-r9-1.jsonl").write_text(lines(RECORDS[100:]) + '{"outc', encoding="utf-8")
    assert main(["report", str(tmp_path), "--warmup", "1s", "-u", "2", "--slo", "ttft<2s@p95"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("not known at not known: ")
    assert "SUSPECT: made of the requests alone, and 1 lines that were cut off: " in said
    assert "2 users at once: the first token came after 100 ms in the median" in said
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    checked(found)
    assert found["outcomes"]["ok"] == 300
    assert found["errors"][0]["example"] == "overloaded"
    assert (found["run"]["id"], found["run"]["target"]) == ("r9", "not known")
    assert found["slo"]["verdict"] == "met"
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert (page.loaded, page.open) == ([], [])
    assert (tmp_path / "requests.jsonl").read_text(encoding="utf-8") == lines(RECORDS)
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 0


def test_report__of_a_file_that_somebody_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word on users none are invented."""
    (tmp_path / "kept.jsonl").write_text(lines(RECORDS), encoding="utf-8")
    assert main(["report", str(tmp_path / "kept.jsonl"), "--out", str(tmp_path / "out")]) == 0
    assert "A number of users that is not known: the first token came" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "requests.jsonl",
        "summary.json",
    ]


def test_report__of_an_open_loop_and_of_whole_answers(tmp_path: Path) -> None:
    """Latency from the schedule is there where the lines have it; of whole answers there is no ttft."""
    due = [
        record(sent_ms=100 * index, end_ms=50, streamed=False, usage_tokens=3, due_ns=(100 * index - 5) * MS)
        for index in range(1, 30)
    ]
    (tmp_path / "requests.jsonl").write_text(lines(due), encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    checked(found)
    assert found["schedule_e2e_ms"]["p50"] == pytest.approx(55, rel=0.01)
    assert (found["ttft_ms"]["n"], found["run"]["streamed"], found["run"]["users"]) == (0, False, None)
    assert found["run"]["arrivals"] == "not known (an open loop)"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "expected the requests of one run, got none"),
        ({"requests.jsonl": ""}, "expected requests of a load run, got none"),
        ({"requests.jsonl": "x", "requests-a-0.jsonl": "x"}, "of one run, got those of requests.jsonl and run a"),
        ({"requests-a-0.jsonl": "x", "requests-b-0.jsonl": "x"}, "of one run, got those of run a and run b"),
        ({"requests.jsonl": "{\n"}, "requests.jsonl:1: expected JSON, got "),
        ({"requests.jsonl": "[1]\n"}, "requests.jsonl:1: expected a request of a load run, got '[1]'"),
        ({"requests.jsonl": '{"sent_s": 1}\n'}, "requests.jsonl:1: expected a request of a load run, got "),
        ({"requests.jsonl": lines(RECORDS), "summary.json": "{}"}, "summary.json: expected no report there"),
    ],
    ids=["nothing", "empty", "two", "two runs", "no JSON", "no object", "no request", "a report"],
)
def test_no_requests__are_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    """With exit status 2, and nothing written."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["report", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
