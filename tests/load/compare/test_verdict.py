"""What a comparison may not call "no regression": runs that are none, that are unlike, and what cannot be told."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.cli.main import main
from mixtral_contract.load.compare.comparison import (
    NO_REGRESSION,
    NO_VERDICT,
    OTHER_LENGTHS,
    REGRESSION,
    SAME,
    UNCLEAR,
    Comparison,
    compare,
)
from mixtral_contract.load.compare.html_comparison import render_comparison
from mixtral_contract.load.compare.lengths import distance
from mixtral_contract.load.compare.run_folder import read_run_folder
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from tests.load.compare.test_comparison import finished, requests
from tests.support.load_records import failed

Change = Callable[[Any], object]


def changed(source: Path, folder: Path, change: Change) -> Path:
    """A copy of the run whose summary was changed."""
    folder.mkdir()
    document = json.loads((source / "summary.json").read_text(encoding="utf-8"))
    change(document)
    (folder / "summary.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "requests.jsonl").write_bytes((source / "requests.jsonl").read_bytes())
    return folder


def verdict(document: dict[str, Any], word: str, reason: str) -> None:
    """Gives the run a verdict on its own figures."""
    document["validity"] = {"verdict": word, "reasons": [{"severity": word, "text": reason}]}


def invalid(document: dict[str, Any]) -> None:
    """A run that measured nothing."""
    verdict(document, "INVALID", "nothing answered from second 5 on")


def suspect(document: dict[str, Any]) -> None:
    """A run that may have measured the instrument."""
    verdict(document, "SUSPECT", "a process used 97 % of a core")


def interrupted(document: dict[str, Any]) -> None:
    """A run that somebody ended."""
    document["window"]["interrupted"] = True


def asked(**settings: Any) -> Change:
    """Another setting."""
    return lambda document: document["run"].update(settings)


def compared(first: Path, second: Path, **changes: Any) -> Comparison:
    """The comparison of the two folders."""
    return compare(read_run_folder(first), read_run_folder(second), tolerance=0.05, **changes)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line that was printed."""
    return capsys.readouterr().out.splitlines()[-1]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run to compare with."""
    return finished(tmp_path_factory.mktemp("base") / "run", *requests(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (invalid, "is INVALID: nothing answered from second 5 on"),
        (interrupted, "was interrupted"),
    ],
)
def test_run_that_is_none__gets_no_verdict(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str], change: Change, said: str
) -> None:
    """Whichever of the two it is, and though its figures are the same."""
    other = str(changed(base, tmp_path / "b", change))
    assert main(["compare", str(base), other]) == 2
    assert last_line(capsys) == f"no verdict: the second run {said}"
    assert main(["compare", other, str(base)]) == 2
    assert last_line(capsys) == f"no verdict: the first run {said}"


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        (asked(users=8), "users"),
        (asked(arrivals="poisson:9", users=None), "arrivals,users"),
        (asked(prompt_tokens="512"), "prompt_tokens"),
        (asked(max_tokens="16"), "max_tokens"),
        (asked(prefix_share=0.5), "prefix_share"),
        (asked(images=1), "images"),
        (asked(turns=3), "turns"),
        (asked(think_s=2.0), "think_s"),
        (asked(warmup_s=0.0), "warmup_s"),
        (asked(model="another"), "model"),
        (asked(dialect="segmind"), "dialect"),
        (asked(contract="0123456789ab"), "contract"),
        (asked(workload="0123456789ab"), "workload"),
        (asked(streamed=False), "streamed"),
        (asked(target="https://integrate.api.nvidia.com"), "target_kind"),
        pytest.param(asked(target="http://10.0.0.2:8000"), "target_kind", id="private network"),
        (lambda document: document.update(tokens_are="estimate"), "tokens_are"),
    ],
)
def test_runs_that_were_not_asked_alike__get_no_verdict(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str], change: Change, setting: str
) -> None:
    """The setting is named; who knows of it says so, and it is told all the same."""
    other = changed(base, tmp_path / "b", change)
    names = sorted(setting.split(","))
    assert main(["compare", str(base), str(other)]) == 2
    said = last_line(capsys)
    assert said.startswith("no verdict: the runs were not asked alike: ")
    assert sorted(said.split("--may-differ ")[1].split(" ")[0].split(",")) == names
    assert main(["compare", str(base), str(other), "--may-differ", setting]) == 0
    told = capsys.readouterr().out
    assert all(f"! not asked alike: {name} " in told for name in names)


def test_another_server_of_the_kind__is_what_a_comparison_is_for(tmp_path: Path, base: Path) -> None:
    """Another port of this machine, another number of processes: told where it is a setting, and compared."""
    other = changed(base, tmp_path / "b", asked(target="http://127.0.0.1:9000", workers=2))
    found = compared(base, other)
    assert found.verdict == NO_REGRESSION
    assert found.differences == ("workers 1 and 2",)


def test_run_of_an_older_version__is_not_unlike_for_what_it_does_not_say(tmp_path: Path, base: Path) -> None:
    """Its summary has no contract."""

    def older(document: dict[str, Any]) -> None:
        for name in ("contract", "workload", "label"):
            del document["run"][name]

    assert compared(changed(base, tmp_path / "b", older), base).verdict == NO_REGRESSION


@pytest.mark.parametrize("word", ["ttft p50", "e2e p50", "tpot p50"])
def test_unclear__is_no_no_regression(tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    """Few scattered requests: what may be worse is named, and the exit status is 1 unless somebody wants 0."""
    first = finished(tmp_path / "a", *requests(1, spread=1.5, per_second=3))
    second = finished(tmp_path / "b", *requests(2, spread=1.5, per_second=3, ttft=1.1))
    assert main(["compare", str(first), str(second)]) == 1
    said = last_line(capsys)
    assert said.startswith("unclear: ")
    assert said.endswith(" may be worse by more than 5 %")
    assert word in said
    assert main(["compare", str(first), str(second), "--allow-unclear"]) == 0
    assert last_line(capsys) == said


def test_unclear_but_surely_not_worse__is_no_regression(tmp_path: Path, base: Path) -> None:
    """A figure whose interval reaches beyond the tolerance on the good side alone."""
    found = compared(finished(tmp_path / "a", *requests(2, ttft=1.5)), base)
    unclear = [change for change in found.changes if change.verdict == UNCLEAR]
    assert not any(change.may_be_worse for change in unclear)
    assert found.verdict == NO_REGRESSION


def test_figures_that_vanished__are_unclear(tmp_path: Path, base: Path) -> None:
    """Answers in one piece: there is no ttft any more, whatever the settings say."""
    whole = [dataclasses.replace(each, streamed=False) for each in requests(1)]
    found = compared(base, finished(tmp_path / "b", *whole))
    assert found.verdict == UNCLEAR
    assert "ttft p50" in found.conclusion()


TOKENS = 4


def longer(records: list[Record], tokens: int) -> list[Record]:
    """The same answers, but so many tokens by usage."""
    return [dataclasses.replace(each, usage_tokens=tokens) for each in records]


def test_other_lengths__are_said_instead_of_faster(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same events at the same times, but ten times the tokens by usage: nothing is better."""
    other = finished(tmp_path / "b", *longer(requests(1), 10 * TOKENS))
    assert main(["compare", str(base), str(other)]) == 1
    said = capsys.readouterr().out
    assert said.splitlines()[-1].startswith("unclear: answers of 4 tokens in the mean became 40: another workload")
    assert "! other lengths: answers of 4 tokens in the mean became 40" in said
    found = {change.name: change.verdict for change in compared(base, other).changes}
    assert found["tpot p50"] == found["output tokens/s"] == OTHER_LENGTHS
    assert found["ttft p50"] == SAME
    assert main(["compare", str(base), str(other), "--may-differ", "lengths"]) == 0


def test_other_lengths_of_prompts_and_of_the_same_mean__are_seen(tmp_path: Path, base: Path) -> None:
    """Prompts twice as long; answers of 4 tokens became half of 1 and half of 7."""
    prompts = [dataclasses.replace(each, prompt_tokens=14) for each in requests(1)]
    (found,) = compared(base, finished(tmp_path / "b", *prompts)).lengths
    assert str(found) == "prompts of 7 tokens in the mean became 14"
    halves = [dataclasses.replace(each, usage_tokens=1 + 6 * (index % 2)) for index, each in enumerate(requests(1))]
    (found,) = compared(base, finished(tmp_path / "c", *halves)).lengths
    assert str(found) == "answers of 4 tokens in the mean, spread otherwise"


def test_distance__of_two_samples_by_hand() -> None:
    """The largest difference of the shares up to a length."""
    assert distance([1, 2, 3, 4], [1, 2, 3, 4]) == pytest.approx(0)
    assert distance([1, 1, 1, 1], [2, 2]) == pytest.approx(1)
    assert distance([1, 2, 3, 4], [3, 4, 5, 6]) == pytest.approx(0.5)


def test_reservations__stand_beside_no_regression(tmp_path: Path, base: Path) -> None:
    """A SUSPECT run may be compared, and takes a part of the word back; so does a run that failed."""

    def unlucky(document: dict[str, Any]) -> None:
        suspect(document)
        document["failure"] = "missed ttft<2s@p99"

    found = compared(base, changed(base, tmp_path / "b", unlucky))
    assert found.verdict == NO_REGRESSION
    assert found.conclusion() == "no regression by more than 5 % (a run is SUSPECT)"
    assert found.warnings == (
        "the second run is SUSPECT: a process used 97 % of a core",
        "the second run failed: missed ttft<2s@p99",
    )


def test_failures__within_what_a_run_allows_are_a_reservation_and_beyond_are_unclear(
    tmp_path: Path, base: Path
) -> None:
    """--max-error-share is 1 %: one of 301, and four of 304."""
    one, four = (
        [*requests(1), *(failed(Outcome.HTTP_ERROR, 503, sent_ms=2000, detail="x") for _ in range(count))]
        for count in (1, 4)
    )
    assert compared(base, finished(tmp_path / "b", *one)).conclusion().endswith("(unclear: failed)")
    assert compared(base, finished(tmp_path / "c", *four)).verdict == UNCLEAR


def test_page__says_what_speaks_against_the_comparison(tmp_path: Path, base: Path) -> None:
    """In its first line, and in a list."""
    text = render_comparison(compared(base, changed(base, tmp_path / "b", asked(users=8, label="a<b"))))
    assert "No verdict: the runs were not asked alike: users 2 and 8" in text
    assert "<li>Not asked alike: users 2 and 8.</li>" in text
    assert "Second: a&lt;b</h3>" in text
    assert "No regression" not in text


def test_worst_wins(tmp_path: Path, base: Path) -> None:
    """Unlike runs get no verdict, though one is worse."""
    slower = finished(tmp_path / "b", *requests(2, ttft=2), users=9)
    assert compared(base, slower).verdict == NO_VERDICT
    assert compared(base, slower, may_differ={"users"}).verdict == REGRESSION
