"""Two runs, made by hand, whose difference is known."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.cli.main import main
from mixtral_contract.load.compare.comparison import BETTER, NONE, SAME, UNCLEAR, WORSE, Change, compare
from mixtral_contract.load.compare.html_comparison import render_comparison
from mixtral_contract.load.compare.run_folder import RunFolderError, read_run_folder
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from tests.load.report.test_html_report import Page
from tests.load.results.test_summary import summary
from tests.support.load_records import failed, record

SECONDS, PER_SECOND, TOKENS = 10, 30, 4


def requests(
    seed: int, *, ttft: float = 1.0, gap: float = 1.0, spread: float = 0.1, per_second: int = 30
) -> list[Record]:
    """Completions of the seconds 1 to 11: 100 ms to the first token and 20 ms between, times these factors."""
    chance = random.Random(seed)  # noqa: S311 -- repeatable on purpose

    def noisy(value: float) -> float:
        return value * chance.lognormvariate(0, spread)

    made = []
    for index in range(SECONDS * per_second):
        gaps = [noisy(100 * ttft), *(noisy(20 * gap) for _ in range(TOKENS - 1))]
        times = list(itertools.accumulate(gaps))
        content = [(time, 1) for time in times]
        sent_ms = 1000 + index * 1000 / per_second
        made.append(record(content, sent_ms=sent_ms, end_ms=times[-1] + 1, usage_tokens=TOKENS, number=index))
    return made


def finished(folder: Path, *records: Record, **settings: Any) -> Path:
    """The folder of a run with these requests."""
    folder.mkdir()
    document = summary(folder, *records)
    document["run"].update(settings)
    (folder / "summary.json").write_text(json.dumps(document), encoding="utf-8")
    lines = "".join(json.dumps(each.line()) + "\n" for each in records)
    (folder / "requests.jsonl").write_text(lines, encoding="utf-8")
    return folder


def changes(first: Path, second: Path, tolerance: float = 0.05) -> dict[str, Change]:
    """What changed, by figure."""
    return {
        each.name: each
        for each in compare(read_run_folder(first), read_run_folder(second), tolerance=tolerance).changes
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run to compare with."""
    return finished(tmp_path_factory.mktemp("base") / "run", *requests(1))


def test_same_server__is_no_regression(tmp_path: Path, base: Path) -> None:
    """Another sample of the same thing."""
    found = changes(base, finished(tmp_path / "b", *requests(2)))
    assert {change.verdict for change in found.values()} <= {SAME, UNCLEAR}
    assert found["ttft p50"].verdict == found["output tokens/s"].verdict == SAME


def test_run_with_itself__is_the_same(base: Path) -> None:
    """Every ratio is one."""
    found = changes(base, base)
    assert {change.ratio[0] for change in found.values() if change.ratio} == {1.0}
    assert not {WORSE, BETTER} & {change.verdict for change in found.values()}


def test_slower_first_token__is_found_and_nothing_else(tmp_path: Path, base: Path) -> None:
    """30 % more to the first token; the gaps are as they were."""
    found = changes(base, finished(tmp_path / "b", *requests(2, ttft=1.3)))
    assert found["ttft p50"].verdict == found["ttft p95"].verdict == found["e2e p50"].verdict == WORSE
    assert found["icl p50"].verdict == found["tpot p50"].verdict == SAME
    ratio = found["ttft p50"].ratio
    assert ratio is not None
    assert ratio[1] < 1.3 < ratio[2]
    assert ratio[0] == pytest.approx(1.3, rel=0.03)


def test_faster_tokens__are_better(tmp_path: Path, base: Path) -> None:
    """And more requests in the same time are a better rate."""
    found = changes(base, finished(tmp_path / "b", *requests(2, gap=0.5, per_second=60)))
    assert found["icl p50"].verdict == found["tpot p50"].verdict == BETTER
    assert found["output tokens/s"].verdict == found["requests/s"].verdict == BETTER


def test_tail_that_moved_less_than_can_be_told__is_unclear(tmp_path: Path) -> None:
    """The timers of both ends move a tail by a millisecond or two from run to run; medians and means tell the rest."""
    quick = finished(tmp_path / "quick", *requests(1, gap=0.25))
    slower = changes(quick, finished(tmp_path / "slower", *requests(2, gap=0.3)))
    assert (slower["icl p50"].verdict, slower["tpot p95"].verdict) == (WORSE, WORSE)
    assert (slower["icl p99"].verdict, slower["icl p99"].may_be_worse) == (UNCLEAR, True)
    assert changes(quick, finished(tmp_path / "slow", *requests(2, gap=0.45)))["icl p99"].verdict == WORSE


def test_error_of_the_instrument__is_no_change(tmp_path: Path) -> None:
    """What a calibration found at p99 bounds what the tails of a run can tell."""
    first = finished(tmp_path / "a", *requests(1))
    second = finished(tmp_path / "b", *requests(2, ttft=1.2))
    assert changes(first, second)["ttft p95"].verdict == WORSE
    document = json.loads((second / "summary.json").read_text(encoding="utf-8"))
    document["instrument"]["calibration"] = {"ttft_error_ms": {"p99": 40.0}, "gap_error_ms": None}
    (second / "summary.json").write_text(json.dumps(document), encoding="utf-8")
    found = changes(first, second)
    assert (found["ttft p95"].verdict, found["ttft p50"].verdict) == (UNCLEAR, WORSE)


def test_tolerance__forgives_what_is_within(tmp_path: Path, base: Path) -> None:
    """10 % slower is no regression for who allows 20 %."""
    second = finished(tmp_path / "b", *requests(2, ttft=1.1))
    assert changes(base, second, 0.03)["ttft p50"].verdict == WORSE
    assert changes(base, second, 0.2)["ttft p50"].verdict == SAME


def test_noise__is_unclear(tmp_path: Path) -> None:
    """Few and scattered requests say nothing, whatever their medians are."""
    first = finished(tmp_path / "a", *requests(1, spread=1.5, per_second=3))
    second = finished(tmp_path / "b", *requests(2, spread=1.5, per_second=3, ttft=1.1))
    assert changes(first, second)["ttft p50"].verdict == UNCLEAR


def test_too_few_requests__are_no_figure(tmp_path: Path, base: Path) -> None:
    """A p95 of nine is none."""
    found = changes(base, finished(tmp_path / "b", *requests(1, per_second=1)))
    assert (found["ttft p95"].verdict, found["ttft p95"].second) == (NONE, None)


def test_latencies_from_the_schedule__are_compared_in_open_loops(tmp_path: Path, base: Path) -> None:
    """A server that takes as long as before, of an instrument that sends 50 ms later; a closed loop has no such row."""
    due = [dataclasses.replace(each, due_ns=each.sent_ns) for each in requests(1)]
    late = [dataclasses.replace(each, due_ns=(each.sent_ns or 0) - 50_000_000) for each in requests(1)]
    first, second = finished(tmp_path / "a", *due), finished(tmp_path / "b", *late)
    found = changes(first, second)
    assert found["ttft p95"].verdict == found["e2e p95"].verdict == SAME
    assert found["schedule_ttft p95"].verdict == found["schedule_e2e p95"].verdict == WORSE
    slower, values = found["schedule_e2e p95"].ratio, found["schedule_e2e p95"]
    assert slower is not None
    assert (values.second or 0) - (values.first or 0) == pytest.approx(50, abs=1)
    assert slower[0] == pytest.approx((values.second or 0) / (values.first or 1))
    assert slower[1] > 1.05
    assert "schedule_e2e p95" not in changes(base, base)


def test_figures_that_neither_run_can_have__are_left_out(tmp_path: Path) -> None:
    """Of two runs without streams: how long answers took, and no row of dashes."""
    whole = [record(sent_ms=1000 + 100 * index, end_ms=150, streamed=False, usage_tokens=3) for index in range(90)]
    found = changes(finished(tmp_path / "a", *whole), finished(tmp_path / "b", *whole))
    assert list(found) == ["e2e p50", "e2e p95", "output tokens/s", "requests/s", "failed"]


@pytest.mark.parametrize(("broken", "verdict"), [(0, SAME), (1, UNCLEAR), (30, WORSE)])
def test_failures__are_compared_by_their_share(tmp_path: Path, base: Path, broken: int, verdict: str) -> None:
    """One of 270 may be chance; ten percent are not."""
    records = [*requests(2), *(failed(Outcome.HTTP_ERROR, 503, sent_ms=2000, detail="x") for _ in range(broken))]
    assert changes(base, finished(tmp_path / "b", *records))["failed"].verdict == verdict


def test_settings__that_differ_are_told(tmp_path: Path, base: Path) -> None:
    """Apples and pears."""
    comparison = compare(
        read_run_folder(base),
        read_run_folder(finished(tmp_path / "b", *requests(2), prompt_tokens="512", users=None)),
        tolerance=0.05,
    )
    assert comparison.differences == ("users 2 and none", "prompt_tokens 64 and 512")
    assert "! not asked alike: prompt_tokens 64 and 512" in comparison.text()


def test_page__stands_alone(tmp_path: Path, base: Path) -> None:
    """Well-formed, with every figure, and loads nothing."""
    comparison = compare(
        read_run_folder(base), read_run_folder(finished(tmp_path / "b", *requests(2, ttft=2))), tolerance=0.05
    )
    text = render_comparison(comparison)
    page = Page(text)
    assert (page.loaded, page.open) == ([], [])
    assert all(change.name in text for change in comparison.changes)
    assert "Regression:" in text
    assert text.count("share of values up to each") == 4


def test_page__names_each_target_once(tmp_path: Path, base: Path) -> None:
    """Two runs of one, or of two."""
    other = finished(tmp_path / "b", *requests(2), target="http://10.0.0.2:8000")
    first = read_run_folder(base)
    place = first.summary["run"]["target"] + first.summary["run"]["path"]
    assert f"Two load runs of {place}</h1>" in render_comparison(compare(first, first, tolerance=0.05))
    both = render_comparison(compare(first, read_run_folder(other), tolerance=0.05))
    assert f"Two load runs of {place} and http://10.0.0.2:8000{first.summary['run']['path']}</h1>" in both


def test_command__exits_with_what_it_found(tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 for no regression, 1 for one, with a table and a page."""
    slower = finished(tmp_path / "b", *requests(2, ttft=1.5))
    assert main(["compare", str(base), str(base)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no regression by more than 5 %"
    page = tmp_path / "page.html"
    assert main(["compare", str(base), str(slower), "--tolerance", "10%", "--out", str(page)]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("regression: ttft p50, ttft p95, ")
    assert last.endswith(" worse by more than 10 %")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["compare", str(slower), str(base)]) == 0


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "expected what a load run wrote, got No such file or directory"),
        (
            {"summary.json": b"{"},
            "expected JSON, got Expecting property name enclosed in double quotes: line 1 column 2 ",
        ),
        ({"summary.json": b"[" * 100_000}, "expected JSON, got maximum recursion depth exceeded"),
        ({"summary.json": b"9" * 5_000}, "expected JSON, got Exceeds the limit"),
        ({"summary.json": b"\xff"}, "expected text in UTF-8, got b'\\xff'"),
        ({"summary.json": b"{}"}, "expected the format load-summary/1, got None"),
        ({"summary.json": b"[]"}, "expected the format load-summary/1, got 'list'"),
    ],
)
def test_no_run__is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, bytes], said: str
) -> None:
    """With exit status 2."""
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"python -m load compare: {tmp_path}/summary.json: {said}")


def test_page_that_cannot_be_written__is_told_in_one_line(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was asked for, and exit status 2."""
    page = tmp_path / "no" / "page.html"
    assert main(["compare", str(base), str(base), "--out", str(page)]) == 2
    said = f"python -m load compare: --out: expected a file to write to, got '{page}': No such file or directory\n"
    assert capsys.readouterr().err == said


def test_broken_line__is_told_with_its_number(base: Path, tmp_path: Path) -> None:
    """A file that was cut."""
    (tmp_path / "summary.json").write_bytes((base / "summary.json").read_bytes())
    (tmp_path / "requests.jsonl").write_text('{"sent_s": 1}\n'[:-4], encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"requests\.jsonl:1: expected JSON"):
        read_run_folder(tmp_path)


@pytest.mark.parametrize("line", ['{"sent_s": 1}', "[1]", '{"outcome": "ok", "sent_s": "soon"}'])
def test_line_of_another_form__is_told_with_its_number(base: Path, tmp_path: Path, line: str) -> None:
    """Somebody else's file."""
    (tmp_path / "summary.json").write_bytes((base / "summary.json").read_bytes())
    (tmp_path / "requests.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"requests\.jsonl:1: expected what a load run wrote, got .*\S"):
        read_run_folder(tmp_path)


def test_summary_of_another_form__is_told(base: Path, tmp_path: Path) -> None:
    """With the place."""
    document = json.loads((base / "summary.json").read_text(encoding="utf-8"))
    document["window"]["start_s"] = "soon"
    (tmp_path / "summary.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"summary\.json: expected .* got at \['window'\]\['start_s'\]: "):
        read_run_folder(tmp_path)


@pytest.mark.parametrize("tolerance", ["-1%", "x", "200%"])
def test_wrong_tolerance__is_refused(base: Path, tolerance: str) -> None:
    """As wrong usage."""
    with pytest.raises(SystemExit) as told:
        main(["compare", str(base), str(base), f"--tolerance={tolerance}"])
    assert told.value.code == 2
