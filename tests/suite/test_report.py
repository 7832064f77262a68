from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from contract_tests.exchange import Exchange, Request
from contract_tests.report import Record, judge
from contract_tests.target import choose
from contract_tests.verdict import Inconclusive, Info, Outcome, Tolerable, Verdict, Violation
from spec import clauses
from spec.contract import Contract

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


@pytest.fixture
def record() -> Callable[..., Record]:
    """A record with the given outcomes by clause."""

    def make(**outcomes: Outcome | None) -> Record:
        made = Record(choose(CONTRACT), CONTRACT, list(CLAUSES), strict=False)
        for name, raised in outcomes.items():
            made.add(judge(CLAUSES[name.replace("_", "-")], "nvidia", raised, strict=False, test="t").as_dict())
        return made

    return make


def test_headline__says_what_was_found(record: Callable[..., Record]) -> None:
    """Broken, clean, or nothing judged."""
    assert record(SSE_08=Violation("x"), RSP_02=None).headline() == "1 clause is broken on mock: SSE-08"
    assert record(RSP_02=None, SSE_15=Info("x")).headline() == "mock breaks no clause: 1 of 2 verdicts PASS, none FAIL"
    assert record(RSP_02=Inconclusive("x")).headline().startswith("nothing could be judged")


def test_written_report__holds_every_verdict_and_no_key(record: Callable[..., Record], tmp_path: Path) -> None:
    """JSON and page, in the order of the clauses, the key redacted."""
    request = Request("POST", "http://x", (("Authorization", "Bearer s3cr"),), b"<b>", secrets=("s3cr",))
    shown = Exchange(request, 200, received=((1, b"<script>s3cr</script>"),))
    page = record(STR_05=None, SSE_08=Violation("s3cr", expected="[DONE]", exchange=shown)).write(tmp_path)
    run = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    assert [entry["clause"] for entry in run["verdicts"]] == ["SSE-08", "STR-05"]
    assert run["counts"] == {"PASS": 1, "FAIL": 1}
    assert run["verdicts"][0]["exchange"]["curl"].startswith("curl ")
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;***&lt;/script&gt;" in text
    assert "s3cr" not in text + json.dumps(run)


def test_lines__fit_one_screen(record: Callable[..., Record]) -> None:
    """A table of groups, then what failed."""
    lines = record(SSE_08=Violation("y" * 500), RSP_02=None).lines()
    assert lines[2].split() == ["group", "PASS", "FAIL"]
    assert max(map(len, lines)) <= 140
