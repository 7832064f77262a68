"""Several runs against one, their documents for programs and people, and the baseline that is accepted."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from mixtral_contract.load.cli.main import main
from tests.load.compare.test_comparison import finished, requests
from tests.load.compare.test_verdict import asked, changed, interrupted


@pytest.fixture(scope="module")
def drift(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Four runs, each 4 % slower to the first token than the one before."""
    folder = tmp_path_factory.mktemp("drift")
    return [
        str(finished(folder / f"week{index}", *requests(1, ttft=1.04**index, spread=0.02), label=f"week {index}"))
        for index in range(4)
    ]


def test_small_steps__are_seen_against_a_pinned_run(drift: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each is within the tolerance, and three of them are not."""
    for before, after in itertools.pairwise(drift):
        assert main(["compare", before, after, "--tolerance", "8%"]) == 0
    assert main(["compare", drift[2], drift[3], "--tolerance", "8%", "--pinned", drift[0]]) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == "week 0 and week 3: regression: ttft p50, ttft p95 worse by more than 8 %"


def test_several_candidates__are_each_compared_with_the_first(
    drift: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The last of them is worse than the first run, though not than the one before it."""
    assert main(["compare", *drift, "--tolerance", "8%"]) == 1
    said = capsys.readouterr().out
    assert "unclear: ttft p50, ttft p95 may be worse by more than 8 %\n" in said
    assert said.count("no regression by more than 8 %\n") == 1
    assert said.splitlines()[-1].startswith("week 0 and week 3: regression: ttft p50")


def test_json__has_all_that_the_table_has(drift: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else is printed."""
    status = main(["compare", *drift, "--tolerance", "8%", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert status == document["exit_status"] == 1
    assert (document["format"], document["verdict"]) == ("load-comparison/1", "regression")
    first, _, last = document["comparisons"]
    assert (first["verdict"], last["verdict"]) == ("no regression", "regression")
    assert last["first"]["label"] == "week 0"
    assert last["second"] | {"label": "week 3", "validity": "VALID", "failure": None} == last["second"]
    (ttft,) = (change for change in last["changes"] if change["name"] == "ttft p50")
    assert ttft["verdict"] == "worse"
    assert ttft["low"] < ttft["ratio"] < ttft["high"]
    assert ttft["ratio"] == pytest.approx(1.04**3, abs=0.001)


def test_json__of_runs_without_a_verdict(drift: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What speaks against it, by name."""
    other = changed(Path(drift[0]), tmp_path / "b", asked(users=7))
    assert main(["compare", drift[0], str(other), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "no verdict"
    (found,) = document["comparisons"]
    assert found["asked_differently"] == [{"setting": "users", "first": 2, "second": 7}]
    assert "not asked alike" in found["obstacles"][0]


def test_markdown__is_a_heading_and_a_table(drift: list[str], tmp_path: Path) -> None:
    """What a label holds is shown, and nothing is made of it."""
    other = changed(Path(drift[3]), tmp_path / "b", asked(label="<b>|\n# fix_`me`"))
    summary = tmp_path / "summary.md"
    assert main(["compare", drift[0], str(other), "--tolerance", "8%", "--markdown", str(summary)]) == 1
    lines = summary.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "### Load: regression: ttft p50, ttft p95 worse by more than 8 %"
    assert lines[2].startswith("- First: week 0, ")
    assert lines[3].startswith(r"- Second: \<b\>\| \# fix\_\`me\`, ")
    assert "| figure | first | second | change | 95 % interval | verdict |" in lines
    (row,) = (line for line in lines if line.startswith("| ttft p50 ms |"))
    assert row.endswith("| **worse** |")
    assert {line.count("|") for line in lines if line.startswith("|")} == {7}


def test_pages__of_several_comparisons_are_numbered(drift: list[str], tmp_path: Path) -> None:
    """One for each."""
    main(["compare", drift[0], drift[1], drift[2], "--out", str(tmp_path / "page.html")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page-2.html", "page.html"]


def test_unknown_setting__is_refused(drift: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """As wrong usage, with the names that there are."""
    with pytest.raises(SystemExit) as told:
        main(["compare", drift[0], drift[1], "--may-differ", "user"])
    assert told.value.code == 2
    assert capsys.readouterr().err.strip().endswith("warmup_s, workload, got 'user' (--help shows how)")


def test_accepted_run__is_the_baseline(drift: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A copy of it, with the reason and the run that it replaces."""
    baseline = tmp_path / "ci" / "baseline"
    assert main(["accept", drift[0], str(baseline), "--reason", "first"]) == 0
    assert main(["accept", drift[3], str(baseline), "--reason", "a larger model"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"accepted: {drift[3]} is the baseline in {baseline}"
    note = json.loads((baseline / "accepted.json").read_text(encoding="utf-8"))
    assert (note["reason"], note["label"], note["replaces"]) == ("a larger model", "week 3", "r1")
    assert main(["compare", str(baseline), drift[3]]) == 0
    assert [path.name for path in baseline.parent.iterdir()] == ["baseline"]


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("interrupted", "expected a run to compare with, got one that was interrupted"),
        ("failed", "expected a run to compare with, got one that failed: missed ttft<2s@p99"),
    ],
)
def test_run_that_is_none__is_not_accepted(
    drift: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, said: str
) -> None:
    """And the baseline stays as it is."""
    changes = {"interrupted": interrupted, "failed": lambda found: found.update(failure="missed ttft<2s@p99")}
    run = changed(Path(drift[0]), tmp_path / folder, changes[folder])
    assert main(["accept", str(run), str(tmp_path / "baseline"), "--reason", "x"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "baseline").exists()


def test_folder_that_holds_something_else__is_not_replaced(
    drift: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's files."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    assert main(["accept", drift[0], str(tmp_path / "mine"), "--reason", "x"]) == 2
    assert "summary.json: expected what a load run wrote" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").exists()
