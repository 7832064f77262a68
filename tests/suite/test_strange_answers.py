from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.scripted_server import serving
from tests.support.suite_run import run_suite, verdicts

STREAM = b'data: {"choices":[{"delta":{"content":"a b c"},"index":[],"finish_reason":[]}],"object":[]}\n\ndata: 7\n\n'
ANSWERS = {
    "number": b"7",
    "no-json": b"\xff\xfe",
    "deep": b"[" * 2000,
    "choice-is-a-number": b'{"choices":[7]}',
    "everything-of-another-type": (
        b'{"choices":[{"message":{"content":7,"role":[]},"finish_reason":{},"index":"a"}],'
        b'"usage":{"prompt_tokens":"a","completion_tokens":null,"total_tokens":1.5},'
        b'"created":1e300,"model":{},"id":[1],"object":{}}'
    ),
    "stream": STREAM + b"data: [DONE]\n\n",
}


@pytest.mark.parametrize(
    ("name", "head"),
    [
        *((name, b"200 OK\r\nContent-Type: application/json") for name in ANSWERS),
        ("stream", b"200 OK\r\nContent-Type: ;;;"),
    ],
)
def test_strange_answer__gets_a_verdict_from_every_clause(tmp_path: Path, name: str, head: bytes) -> None:
    """Whatever a server says, no clause ends in an exception of ours."""
    body = ANSWERS[name]
    fields = b"Date: yesterday\r\nx-remaining-credits: \xff\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving(b"HTTP/1.1 " + head + b"\r\n" + fields + body) as script:
        done = run_suite("--base-url", script.url, "--dialect", "nvidia", "--request-timeout", "5", folder=tmp_path)
    ended = sum(int(count) for count in re.findall(r"(\d+) (?:failed|passed|skipped|xfailed|error)", done.stdout)[-4:])
    assert ended == len(verdicts(tmp_path))
    assert "Traceback" not in done.stdout


def _judged(script_answer: bytes, folder: Path) -> dict[str, str]:
    with serving(script_answer) as script:
        run_suite("--base-url", script.url, "--dialect", "nvidia", "--request-timeout", "5", folder=folder)
    return {clause: verdict for (clause, _), verdict in verdicts(folder).items()}


def test_server_that_says_nothing__keeps_no_clause(tmp_path: Path) -> None:
    """It closes every connection: of no answer everything would be true."""
    assert set(_judged(b"", tmp_path).values()) <= {"INCONCLUSIVE", "UNSUPPORTED", "NOT-RUN"}


def test_page_for_everything__accepts_no_request(tmp_path: Path) -> None:
    """A 200 that brings no completion is said once, by the clause of the simplest request."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n"
    found = _judged(head + b"<html>Hi</html>", tmp_path)
    assert found["REQ-02"] == "FAIL"
    accepted = {clause for clause, verdict in found.items() if clause.startswith("REQ") and verdict == "PASS"}
    assert accepted <= {"REQ-15", "REQ-16", "REQ-20"}
