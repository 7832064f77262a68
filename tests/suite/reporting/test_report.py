from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.reporting.badge import badge
from mixtral_contract.suite.reporting.report import SCHEMA, ReportError, columns, page, read, write, write_page
from mixtral_contract.suite.reporting.run_summary import RunSummary
from mixtral_contract.suite.target.target import choose
from mixtral_contract.suite.verdicts.baseline import Baseline
from mixtral_contract.suite.verdicts.result import ClauseResult, judge
from mixtral_contract.suite.verdicts.verdict import (
    Inconclusive,
    Info,
    Outcome,
    Tolerable,
    Unsupported,
    Verdict,
    Violation,
)

CONTRACT = Contract.load()
CLAUSES = clauses.load()


@pytest.mark.parametrize(
    ("clause", "raised", "strict", "verdict"),
    [
        ("SSE-08", None, False, Verdict.PASS),
        ("SSE-08", Violation("x"), False, Verdict.FAIL),
        ("SSE-04", Violation("x"), False, Verdict.NON_STRICT),
        ("SSE-04", Violation("x"), True, Verdict.FAIL),
        ("AUT-02", Tolerable("x"), False, Verdict.NON_STRICT),
        ("AUT-02", Tolerable("x"), True, Verdict.FAIL),
        ("SSE-15", Info("x"), True, Verdict.INFO),
        ("SSE-15", Violation("x"), True, Verdict.NON_STRICT),
        ("SSE-08", Inconclusive("x"), True, Verdict.INCONCLUSIVE),
    ],
)
def test_verdict__follows_level_and_strictness(
    clause: str,
    raised: Outcome | None,
    strict: bool,  # noqa: FBT001  a case's input
    verdict: Verdict,
) -> None:
    """A must fails, a should does under --strict, an info never."""
    assert judge(CLAUSES[clause], "nvidia", raised, strict=strict, test="t").verdict is verdict


@pytest.mark.parametrize(
    ("raised", "verdict"),
    [(Violation("x"), Verdict.KNOWN), (Tolerable("x"), Verdict.KNOWN), (None, Verdict.PASS), (Info("x"), Verdict.INFO)],
)
def test_accepted_break__is_known(raised: Outcome | None, verdict: Verdict) -> None:
    """Only what is broken can be accepted."""
    assert judge(CLAUSES["SSE-08"], "nvidia", raised, strict=False, test="t").accepted("why").verdict is verdict


Made = Callable[..., RunSummary]


@pytest.fixture
def record() -> Made:
    """A record with the given outcomes by clause."""

    def make(**outcomes: Outcome | None) -> RunSummary:
        made = RunSummary(choose(CONTRACT), CONTRACT, list(CLAUSES), strict=False)
        for name, raised in outcomes.items():
            made.add(judge(CLAUSES[name.replace("_", "-")], "nvidia", raised, strict=False, test="t").as_dict())
        return made

    return make


def _run(record: RunSummary, name: str = "mock") -> dict[str, Any]:
    run: dict[str, Any] = json.loads(json.dumps(record.as_dict(Baseline())))
    run["target"]["name"] = name
    return run


def test_headline__says_what_was_found(record: Made) -> None:
    """Broken, clean, or nothing judged."""
    assert record(SSE_08=Violation("x"), RSP_02=None).headline() == "1 clause is broken on mock: SSE-08"
    assert record(RSP_02=None, SSE_15=Info("x")).headline() == "mock breaks no clause: 1 of 2 verdicts PASS, none FAIL"
    silent = record(RSP_02=Inconclusive("x")).headline()
    assert silent == "too little could be judged on mock: 0 of 1 musts"
    most = record(RSP_02=None, RSP_01=Inconclusive("x"), SSE_08=Inconclusive("x")).headline()
    assert most == "too little could be judged on mock: 1 of 3 musts"


def test_headline__counts_what_only_strict_fails(record: Made) -> None:
    """A departure that fails no run is never "no clause"."""
    assert record(RSP_02=None, SSE_04=Violation("x"), AUT_02=Tolerable("x")).headline() == (
        "mock fails no clause, and departs from 2 clauses that --strict fails: AUT-02, SSE-04"
    )
    assert record(SSE_08=Violation("x"), SSE_04=Violation("x")).headline() == (
        "1 clause is broken on mock: SSE-08; 1 more departed from (NON-STRICT)"
    )


def test_headline__says_of_how_many_verdicts_it_is(record: Made) -> None:
    """One clause that passes is not the contract."""
    made = RunSummary(choose(CONTRACT), CONTRACT, list(CLAUSES), strict=False, of=422)
    made.add(judge(CLAUSES["RSP-02"], "nvidia", None, strict=False, test="t").as_dict())
    assert made.headline() == "mock breaks no clause: 1 of 1 verdicts PASS, none FAIL (1 of 422 verdicts asked for)"
    assert 'aria-label="contract: kept, 1 of 422 asked"' in badge(_run(made))
    assert record(RSP_02=None).as_dict(Baseline())["asked"] == {"verdicts": 1, "of": 1}


def test_long_bodies__are_files_beside_the_report(record: Made, tmp_path: Path) -> None:
    """Named by the curl line, and not in verdicts.json; those of an earlier run go."""
    shown = Exchange(Request("POST", "http://x", (), b"[" * 10_000), 200)
    made = record(SSE_08=Violation("x", exchange=shown), RSP_02=None)
    (tmp_path / "body-old").touch()
    write(tmp_path, _run(made), made.bodies)
    (file,) = tmp_path.glob("body-*")
    assert file.read_bytes() == b"[" * 10_000
    exchange = next(entry["exchange"] for entry in read(tmp_path)["verdicts"] if entry["clause"] == "SSE-08")
    assert f"--data-binary @{file.name} " in exchange["curl"]
    assert "body" not in exchange


def test_departures__are_told_with_level_expectation_and_how_to_repeat_them(record: Made) -> None:
    """Whoever reads only the terminal learns of each."""
    request = Request("POST", "http://x", (), b"{}")
    told = record(
        SSE_04=Violation("crlf", expected="LF", exchange=Exchange(request, 200)), SSE_08=Violation("x"), RSP_02=None
    ).departures()
    assert len(told) == 1
    assert told[0].startswith("NON-STRICT  SSE-04 (should, form) on nvidia\n")
    assert "  expected  LF\n  got       crlf\n  repeat    curl " in told[0]


def test_written_report__holds_every_verdict_and_no_key(record: Made, tmp_path: Path) -> None:
    """JSON and page, in the order of the clauses, the key redacted."""
    request = Request("POST", "http://x", (("Authorization", "Bearer s3cr"),), b"<b>", secrets=("s3cr",))
    shown = Exchange(request, 200, received=((1, b"<script>s3cr</script>"),))
    made = record(STR_05=None, SSE_08=Violation("s3cr", expected="[DONE]", exchange=shown))
    text = write(tmp_path, made.as_dict(Baseline())).read_text(encoding="utf-8")
    run = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert [entry["clause"] for entry in run["verdicts"]] == ["SSE-08", "STR-05"]
    assert run["counts"] == {"PASS": 1, "FAIL": 1}
    assert run["verdicts"][0]["exchange"]["curl"].startswith("curl ")
    assert "&lt;script&gt;***&lt;/script&gt;" in text
    assert "s3cr" not in text + json.dumps(run)


def test_page__needs_nothing_from_elsewhere(record: Made) -> None:
    """One file, which opens without a network."""
    text = page([_run(record(SSE_08=Violation("x")))])
    assert not re.search(r"<(?:script|img|link|iframe)[^>]+(?:src|href)=|@import|url\(", text)


def test_page__quotes_the_source(record: Made) -> None:
    """The phrase stands where a reader looks for the reason."""
    text = page([_run(record(SSE_08=Violation("x")))])
    assert "<blockquote>with the stream terminated by a data: [DONE] message</blockquote>" in text


def test_page_of_two_runs__has_a_column_for_each(record: Made) -> None:
    """Two runs of one name are told apart, and a clause that one of them lacks has a dash there."""
    first, second = _run(record(SSE_08=Violation("x"), RSP_02=None)), _run(record(RSP_02=None))
    assert [column.label for column in columns([first, second])] == ["mock #1", "mock #2"]
    text = page([first, second])
    row = text[text.index('<details id="SSE-08"') :]
    row = row[: row.index("</summary>")]
    assert re.findall(r"</small>(.+?)</span>", row) == ["FAIL", "–"]


def test_page__shows_what_was_observed_and_what_is_known(record: Made) -> None:
    """Beside what is documented, never in its place."""
    run = _run(record(SSE_08=Violation("x", expected="[DONE]")))
    run["verdicts"][0] |= {"observed": "it never ends", "known": "until spring"}
    text = page([run])
    assert "<dt>documented</dt><dd>[DONE]</dd>" in text
    assert "<dt>observed</dt><dd>it never ends</dd>" in text
    assert "until spring" in text


def test_page__says_what_was_proven(record: Made, tmp_path: Path) -> None:
    """When a proof lies beside the run."""
    proof = {"headline": "130 of 130 breaks were found", "started": "2026-01-01", "verdicts": 300}
    (tmp_path / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    assert "130 of 130 breaks were found" in write_page(tmp_path, [_run(record(RSP_02=None))]).read_text("utf-8")


def test_verdicts__keep_the_published_schema(record: Made) -> None:
    """Every kind of verdict does."""
    made = record(SSE_08=Violation("x"), SSE_04=Violation("x"), RSP_02=None, SSE_15=Info("x"), HTTP_03=Unsupported("x"))
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(_run(made))] == []
    assert not validator.is_valid({**_run(made), "counts": {"MAYBE": 1}})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "is not of type"),
        ('{"schema": 2}', "is a required property"),
    ],
)
def test_file_that_is_no_run__is_refused(tmp_path: Path, text: str, said: str) -> None:
    """In one line, with its name."""
    path = tmp_path / "verdicts.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=said) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ({"RSP_02": None}, "contract: kept"),
        ({"RSP_02": None, "SSE_08": Violation("x")}, "contract: 1 broken"),
        ({"RSP_02": Inconclusive("x")}, "contract: not judged"),
        ({"RSP_02": None, "RSP_01": Inconclusive("x")}, "contract: not judged"),
        ({"RSP_02": None, "SSE_04": Violation("x")}, "contract: kept, 1 departed from"),
    ],
)
def test_badge__says_it_in_two_words(record: Made, outcomes: dict[str, Outcome | None], said: str) -> None:
    """As an SVG that stands alone."""
    drawn = ET.fromstring(badge(_run(record(**outcomes))))  # noqa: S314  our own drawing
    assert drawn.attrib["aria-label"] == said
    assert drawn.attrib["width"].isdigit()


def test_badge__tells_what_is_accepted(record: Made) -> None:
    """Kept, but for what is known."""
    run = _run(record(RSP_02=None, SSE_08=Violation("x")))
    run["verdicts"][1]["verdict"] = "KNOWN"
    assert 'aria-label="contract: kept, 1 known"' in badge(run)


@pytest.mark.parametrize("verdict", ["FAIL", "NON-STRICT", "INCONCLUSIVE"])
def test_summary__fits_one_screen(verdict: str) -> None:
    """80 by 24 with pytest's own lines, however much is broken on however many dialects."""
    made = RunSummary(
        choose(CONTRACT), CONTRACT, [f"{group}-{n:02}" for group in "ABCDEFGHIJ" for n in range(20)], strict=False
    )
    for clause in made._order:
        for dialect in made.target.dialects:
            judged = ClauseResult(
                clause, "must", dialect, Verdict(verdict), "s", ({"practice": "p"},), "", "y" * 300, None, "t"
            )
            made.add(judged.as_dict())
    lines = made.lines(Baseline())
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 79


def test_summary__names_what_is_broken_first(record: Made) -> None:
    """Below a table of groups; what fails before what is only not strict."""
    lines = record(SSE_04=Violation("crlf"), SSE_08=Violation("y" * 500), RSP_02=None).lines(Baseline())
    assert lines[1].split() == ["RSP", "SSE", "all"]
    assert [line.split()[:2] for line in lines[2:5]] == [["PASS", "1"], ["NON-STRICT", "-"], ["FAIL", "-"]]
    assert [line.split()[:2] for line in lines[5:7]] == [["FAIL", "SSE-08"], ["NON-STRICT", "SSE-04"]]


def test_summary__lists_what_loses_content_before_what_is_form(record: Made) -> None:
    """In the order of the clauses HTTP-31 came first, and hid the rest."""
    made = record(HTTP_31=Violation("x"), SSE_08=Violation("x"), STR_04=Violation("x"))
    assert [line.split()[1] for line in made.lines(Baseline()) if line.startswith("FAIL  ")][-3:] == [
        "STR-04",
        "SSE-08",
        "HTTP-31",
    ]
    run = made.as_dict(Baseline())
    assert {entry["clause"]: entry["effect"] for entry in run["verdicts"]}["STR-04"] == "content"
    text = page([run])
    assert text.index('href="#STR-04"') < text.index('href="#SSE-08"') < text.index('href="#HTTP-31"')
