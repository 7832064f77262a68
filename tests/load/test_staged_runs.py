"""`locust -f load/` with --find, --sweep, --budget and paid targets, as a whole."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mixtral_contract.mock.timing.forecast import Prediction
from mixtral_contract.mock.timing.profile_file import parse
from tests.load.test_locust_command import distributed, end, run, start, timed
from tests.support.repository import ROOT
from tests.support.scripted_stream_server import Script, ScriptedServer, answer, stream

KEY = ("--api-key-env", "A_KEY")
SHORT = ("--prompt-tokens", "32", "--output-tokens", "8")
PROFILE = """
name: a small node
basis: modelled
slots: 4
step:
  tokens: 256
  overhead_ms: 5.0
  weights_ms: {1: 5.0, 2: 5.0}
prefill:
  tokens_per_s: 100000
kv:
  tokens: 100000
  read_ms_per_1k_tokens: 0.0
queue:
  length: 512
  wait_s: 60
  full_status: 429
  late_status: 504
"""


@contextmanager
def mock(*options: str) -> Iterator[str]:
    """The mock server's address."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def test_found_rate__is_within_a_tenth_of_the_models_knee(tmp_path: Path) -> None:
    """A node of 4 places, a step of 10 ms, 8 steps for an answer: 50 requests/s, whoever asks.

    Up to there no request waits for more than the step under way, and beyond the queue grows: the knee is where
    the objective is lost, too, for constant arrivals. Just one rate on each side; `test_knee` has whole searches.
    """
    profile = tmp_path / "node.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    knee = Prediction(parse(PROFILE), 32, 8).knee()
    assert knee.requests_per_s == pytest.approx(50, rel=0.01)
    options = ("--find", "max-rate", "--find-from", "47", "--find-to", "60", "--find-width", "30%")
    objective = ("--arrivals", "constant", "--stage", "2s", "--slo", "ttft<200ms@p80")
    with mock("--engine", str(profile)) as url:
        ended = run(tmp_path / "out", "--host", url, *SHORT, *options, *objective, "-t", "60s")
    assert ended.code == 0, ended.stdout + ended.stderr
    search = ended.summary["search"]
    assert search["status"] == "found"
    assert search["rate_per_s"] == pytest.approx(knee.requests_per_s, rel=0.1)
    assert search["interval_per_s"] == [47.0, 60.0]
    assert search["probes"][-1]["confirms"]
    assert search["probes"][-1]["verdict"] == "passed"
    assert {probe["verdict"] for probe in search["probes"]} == {"passed", "failed"}
    said = re.findall(r"^(?:probe|confirming) \d+: ", ended.stdout, re.MULTILINE)
    assert len(said) == len(ended.summary["stages"])
    assert search["text"] in ended.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert 'class="cross bad"' in page


@pytest.mark.parametrize("processes", [1, 2])
def test_sweep__counts_every_request_of_every_stage(tmp_path: Path, processes: int) -> None:
    """Stages side by side, more users in each; server, file and summary agree, however many processes there are."""
    arguments = ("--sweep", "1,3", "--stage", "1s", "--warmup", "500ms", *KEY)
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        seen = len(server.requests)
    assert ended.code == 0, ended.stderr
    summary = ended.summary
    assert sum(summary["outcomes"].values()) + sum(summary["warmup_outcomes"].values()) == len(ended.requests) == seen
    assert [stage["users"] for stage in summary["stages"]] == [1, 3]
    assert summary["stages"][-1]["requests"] == sum(summary["outcomes"].values())
    first, last = (stage["in_flight"]["mean"] for stage in summary["stages"])
    assert 0 < first <= 1 < last <= 3
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    assert summary["run"]["workers"] == processes
    assert "stage 2 of 2, 3 users: " in ended.stdout


def test_search_in_workers__finds_that_nothing_fails(tmp_path: Path) -> None:
    """Each sends half of the rate; the most that may be tried passes twice."""
    arguments = ("--find", "max-rate", "--find-from", "6", "--find-to", "8", "--slo", "e2e<20s@p50", "--stage", "2s")
    with ScriptedServer(lambda _: stream(2)) as server:
        ended = run(tmp_path, "--host", server.url, *KEY, *distributed(*arguments, "--arrivals", "constant"))
        seen = len(server.requests)
    assert ended.code == 0, ended.stdout + ended.stderr
    summary = ended.summary
    assert summary["search"]["status"] == "at_least"
    assert summary["search"]["rate_per_s"] == 8.0
    assert len(ended.requests) == seen
    # of a constant rate exactly so many are due, whoever sends them
    for stage in summary["stages"]:
        assert stage["requests"] == pytest.approx(stage["rate_per_s"] * stage["duration_s"], abs=3)


def test_search_that_meets_429__names_the_limit(tmp_path: Path) -> None:
    """Nothing passes, the exit code says so, and each refusal ended its probe: nobody is hammered."""
    refusal = answer("429 Too Many Requests", b"{}", "Retry-After: 1")
    arguments = ("--find", "max-rate", "--find-from", "20", "--slo", "e2e<9s@p50", "--stage", "1s", "-t", "6s")
    with ScriptedServer(lambda _: [refusal]) as server:
        ended = run(tmp_path, "--host", server.url, *KEY, *arguments)
        seen = len(server.requests)
    assert ended.code == 1
    assert "limit found: the target answered 429" in ended.stdout
    assert ended.summary["search"]["limit"] == "429"
    assert ended.summary["search"]["rate_per_s"] is None
    # one a second at most, and those that left before the first answer was read
    assert seen < 20


def test_interrupted_search__reports_what_it_knows(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a probe: every request is still counted."""
    arguments = ("--find", "max-rate", "--find-from", "20", "--slo", "e2e<9s@p99", "--stage", "60s", *KEY)
    with ScriptedServer(timed) as server:
        process = start(tmp_path, "--host", server.url, *arguments)
        ends_s = time.monotonic() + 60
        while len(server.requests) < 10 and time.monotonic() < ends_s:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        ended = end(process, tmp_path)
        seen = len(server.requests)
    assert ended.code == 1
    assert ended.summary["search"]["status"] == "stopped"
    assert ended.summary["window"]["interrupted"]
    assert len(ended.requests) == seen


@pytest.mark.parametrize("arrivals", ["closed", "constant:200"])
def test_budget__is_kept_to_the_request(tmp_path: Path, arrivals: str) -> None:
    """Not one more, however many users there are or how fast requests are due."""
    arguments = ("-u", "5", "-t", "60s", "--arrivals", arrivals, "--budget", "12requests", *KEY)
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *arguments)
        seen = len(server.requests)
    assert seen == 12 == len(ended.requests)
    assert ended.summary["cost"]["out_of_budget"]
    assert "The budget of 12 requests had no room for a further request" in ended.stdout
    assert ended.summary["window"]["duration_s"] < 30


def test_budget__is_shared_by_workers(tmp_path: Path) -> None:
    """Half of 9 is 4 requests each; when one has spent its share the run ends."""
    arguments = ("-u", "2", "-t", "60s", "--budget", "9requests", *KEY)
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *distributed(*arguments))
        seen = len(server.requests)
    assert 4 <= seen <= 8
    assert ended.summary["cost"]["out_of_budget"]
    assert len(ended.requests) == seen


def paid_in_credits(number: int) -> Script:
    """An answer after which 5 credits fewer are left than before."""
    body = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'
    return [answer("200 OK", body, f"x-remaining-credits: {1000 - 5 * number}")]


def test_credits_without_a_price__are_learned_from_the_header(tmp_path: Path) -> None:
    """20 credits are four requests, the first one counted like the others."""
    arguments = ("-u", "3", "-t", "60s", "--dialect", "segmind", "--budget", "20credits", *KEY)
    with ScriptedServer(paid_in_credits) as server:
        ended = run(tmp_path, "--host", server.url, *arguments)
        seen = len(server.requests)
    assert seen == 4
    assert ended.summary["cost"]["credits_fell_by"] == 15
    assert "x-remaining-credits fell by 15" in ended.stdout


def test_paid_target__is_not_asked_without_consent(tmp_path: Path) -> None:
    """One line with the estimate, exit code 2, and not a single connection; with consent it runs."""
    arguments = ("-t", "1s", "--arrivals", "constant:5", "--paid", "yes", "--price", "2usd/request", *KEY)
    with ScriptedServer(timed) as server:
        refused = run(tmp_path, "--host", server.url, *arguments)
        assert server.connections == 0
        agreed = run(tmp_path, "--host", server.url, *arguments, "--yes-this-costs-money")
    assert refused.code == 2
    assert len(refused.stderr.splitlines()) == 1
    assert "--yes-this-costs-money: expected it for this target" in refused.stderr
    assert "about 5 requests, at most about 10 usd together (by --price)" in refused.stderr
    assert agreed.code == 0
    assert "may cost money: about 5 requests, at most about 10 usd together" in agreed.stderr
    assert agreed.summary["cost"]["by_usage"] == 2.0 * len(agreed.requests)


def test_open_loop__holds_when_the_target_asks_to_wait(tmp_path: Path) -> None:
    """20 requests/s meet a limit at the tenth: it is named, and what is due in the next 30 s is held back."""

    def limited(number: int) -> Script:
        return stream(2) if number < 10 else [answer("429 Too Many Requests", b"{}", "Retry-After: 30")]

    with ScriptedServer(limited) as server:
        ended = run(tmp_path, "--host", server.url, "--arrivals", "constant:20", "-t", "3s", *KEY)
        seen = len(server.requests)
    summary = ended.summary
    assert 11 <= seen <= 30
    # what is due in the last moments of a run may be neither, on a machine that is late
    due = summary["offered_per_s"] * summary["window"]["duration_s"]
    assert summary["held_back"] + seen == pytest.approx(due, rel=0.01)
    assert seen < summary["held_back"] <= 60
    assert summary["rate_limit"]["requests_per_s"] == pytest.approx(20, rel=0.6)
    assert "Limit found: the target first answered 429 in second 0" in ended.stdout
    assert "requests that were due were held back" in ended.stdout
