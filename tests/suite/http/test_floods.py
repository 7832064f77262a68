from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from mixtral_contract.suite.http import connection
from mixtral_contract.suite.http.content_coding import ContentDecoder
from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import TOO_LONG, Exchange, Request
from tests.support.flooding_server import FLOODS, flooding
from tests.support.repository import ROOT
from tests.support.suite_run import verdicts

MOST = 1_000_000


def _sent(url: str, *, timeout_s: float = 5.0) -> Exchange:
    return connection.send(Request("POST", f"{url}/v1/x", (), b"{}"), timeout_s=timeout_s, most_bytes=MOST)


@pytest.mark.parametrize("name", [name for name in FLOODS if name not in ("endless head", "drip")])
def test_answer_without_an_end__is_given_up_at_the_limit(name: str) -> None:
    """As it comes, and with its content coding taken off."""
    with flooding(name) as url:
        tracemalloc.start()
        try:
            exchange = _sent(url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (exchange.status, exchange.ending, exchange.detail) == (200, TOO_LONG, "more than 1,000,000 bytes")
    assert exchange.summary == "200, too long: more than 1,000,000 bytes"
    assert len(exchange.body) <= MOST + 65_536
    assert peak < 10 * MOST


def test_head_without_an_end__is_no_http() -> None:
    """It is given up after a mebibyte at most."""
    with flooding("endless head") as url:
        exchange = _sent(url)
    assert (exchange.status, exchange.ending) in ((None, "malformed"), (None, TOO_LONG))


def test_answer_that_drips__ends_in_time() -> None:
    """Each byte comes within the time-out; the whole answer has four of them."""
    with flooding("drip") as url:
        exchange = _sent(url, timeout_s=0.2)
    assert (exchange.status, exchange.ending) == (200, "timeout")
    assert (exchange.end_ns - exchange.sent_ns) / 1e9 < 5


def test_answer_at_the_limit__is_whole() -> None:
    """The limit gives nothing up that keeps it; what one read brought is one piece."""
    exchange = Exchange(Request("POST", "http://x"), 200, received=((1, b"{}"),))
    assert exchange.end == "200, complete"
    with flooding("bomb") as url:
        whole = connection.send(Request("GET", f"{url}/v1/x"), most_bytes=100)
    assert (whole.status, whole.ending) == (405, "complete")


def test_millions_of_empty_lines__are_no_blocks() -> None:
    """A reader keeps what it found, not what it looked at."""
    stream = Stream(Exchange(Request("POST", "http://x"), 200, received=((1, b"\n" * 2_000_000),)))
    tracemalloc.start()
    try:
        assert not stream.blocks
        assert stream.line_ends == {b"\n"}
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_content_that_is_not_coded_as_it_says__is_left_as_it_is() -> None:
    """So that it can be shown."""
    decoder = ContentDecoder([("Content-Encoding", "gzip")])
    assert b"".join(decoder.decode(b"plain text")) == b"plain text"


_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Prints the peak of a command's memory, in KiB. A process begins with the peak of the one that started it, and a
worker of the tests may itself be large: a small one stands between."""


def test_run_on_a_flood__stays_small_and_writes_its_report(tmp_path: Path) -> None:
    """Below 500 MB, with the reason in the verdicts; a stream without an end is a FAIL of its own clause."""
    command = [sys.executable, "-m", "pytest", "contract_tests", "-q", "-p", "no:cacheprovider", "--dialect", "nvidia"]
    with flooding("endless stream") as url:
        measured = subprocess.run(
            [sys.executable, "-c", _PEAK, *command, "--base-url", url, "-k", "SSE-", "--report", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            check=True,
        )
    assert 20_000_000 < int(measured.stdout) * 1024 < 500_000_000
    found = {clause: verdict for (clause, _), verdict in verdicts(tmp_path).items()}
    assert (found["SSE-13"], found["SSE-08"]) == ("FAIL", "INCONCLUSIVE")
    assert "too long" in (tmp_path / "index.html").read_text(encoding="utf-8")
