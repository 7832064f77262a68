"""Why requests failed, on the terminal."""

from __future__ import annotations

from pathlib import Path

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.report.files import table
from tests.load.results.test_summary import completions, summary
from tests.support.load_records import failed


def test_commonest_failures__stand_on_the_terminal(tmp_path: Path) -> None:
    """Three of four kinds, each with its words, none of which steers the terminal."""
    kinds = (
        (Outcome.HTTP_ERROR, 503, "the model \x1b[2Jis loading", 4),
        (Outcome.CONNECTION_ERROR, None, "ConnectionRefusedError: [Errno 111] Connection refused", 3),
        (Outcome.HTTP_ERROR, 307, "redirects to https://elsewhere.example/, which is not followed", 2),
        (Outcome.TIMEOUT, None, "no end after 2 s", 1),
    )
    records = [failed(kind, status, sent_ms=2000, detail=said) for kind, status, said, n in kinds for _ in range(n)]
    lines = table(summary(tmp_path, *completions(20), *records), tmp_path).splitlines()
    first = lines.index("4x http_error 503: the model ?[2Jis loading")
    assert lines[first + 1 : first + 4] == [
        "3x connection_error: ConnectionRefusedError: [Errno 111] Connection refused",
        "2x http_error 307: redirects to https://elsewhere.example/, which is not followed",
        "and 1 other kind of failure, in the report",
    ]


def test_failure_without_words__says_so(tmp_path: Path) -> None:
    """An empty body is no reason."""
    text = table(summary(tmp_path, *completions(20), failed(Outcome.HTTP_ERROR, 500, sent_ms=2000)), tmp_path)
    assert "1x http_error 500: nothing was said" in text
    assert "other kind" not in text
