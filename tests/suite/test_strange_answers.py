from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.scripted import serving
from tests.suite.running import run_suite, verdicts

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
