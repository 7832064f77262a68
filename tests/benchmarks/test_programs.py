"""The benchmark programs run, and measure what they say; no figure of theirs is asserted."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.readers import Look, best_of
from tests.support.repository import ROOT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None or len(os.sched_getaffinity(0)) < 2,
    reason="needs Linux, two cores and a C compiler: apt-get install gcc libc6-dev",
)

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{program}", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def _measured(program: str, folder: Path, *options: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    ended = _run(program, "--rounds", "1", "--seconds", "0.3", "--out", str(folder / "out.json"), *options)
    assert ended.returncode == 0, ended.stderr
    written = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    for row in written["rows"]:
        assert f"| {row['row'][0]} " in ended.stdout
    return {tuple(row["row"]): row["rounds"] for row in written["rows"]}


def test_completions__are_answered_by_mock_and_bound(tmp_path: Path) -> None:
    """Every request gets a 200 from both, and the ratio is to the bound."""
    rows = _measured("completions", tmp_path, "--connections", "4")
    assert set(rows) == {(workload, name) for workload in ("same", "distinct", "strange") for name in ("mock", "C")}
    for (figures,) in rows.values():
        assert figures["requests"] > 0
        assert figures["refused"] == figures["broken"] == 0
    assert rows["same", "C"][0]["of_reference"] == 1


@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx")
def test_completions__are_compared_with_nginx(tmp_path: Path) -> None:
    """Which answers the same POST with the same bytes from a file."""
    options = ("--connections", "4", "--reference", "nginx", "--prompts", "same")
    rows = _measured("completions", tmp_path, *options)
    assert set(rows) == {("same", name) for name in ("mock", "C", "nginx")}
    for (figures,) in rows.values():
        assert figures["requests"] > 0
        assert figures["refused"] == figures["broken"] == 0
    assert rows["same", "nginx"][0]["of_reference"] == 1


def test_paced_streams__come_at_their_pace(tmp_path: Path) -> None:
    """So many streams at so many events per second give, over a while, no more than their product."""
    rows = _measured("paced_streams", tmp_path, "--streams", "10", "--itl-ms", "10")
    for name in ("mock", "C"):
        (figures,) = rows["10", name]
        assert figures["broken"] == figures["refused"] == 0
        # an answer has three events besides those of its tokens, and these are more than a hundred
        assert 0 < figures["events_per_s"] <= 1000 * 1.1
        assert figures["late_p50_ms"] >= 0


def test_unpaced_streams__are_read_to_their_end(tmp_path: Path) -> None:
    """Streams are complete, and have many events each."""
    rows = _measured("unpaced_streams", tmp_path, "--prompts", "same", "--connections", "4")
    for name in ("mock", "C"):
        (figures,) = rows["same", name]
        assert figures["requests"] > 0
        assert figures["events"] >= 100 * figures["requests"]


def test_reading__is_measured_beside_a_client_in_c(tmp_path: Path) -> None:
    """Every stream is read to its end, and no ttft is shorter than the server's."""
    rows = _measured("reading", tmp_path, "--streams", "12", "--itl-ms", "5", "--ttft-ms", "20")
    assert set(rows) == {("12", "C"), ("12", "Locust worker")}
    (locust,), (native,) = rows["12", "Locust worker"], rows["12", "C"]
    assert locust["outcomes"]["ok"] == sum(locust["outcomes"].values()) >= 12
    assert locust["ttft_p50_off_ms"] > 0
    assert locust["cpu_of_reference"] == pytest.approx(locust["cpu_us_per_event"] / native["cpu_us_per_event"])


def test_client_of_others__is_watched_at_the_server(tmp_path: Path) -> None:
    """One that reads a single stream gets no more events than that has, and pays for them."""
    client = (
        "import threading, time, urllib.request; began = time.time()\n"
        "def spin():\n while True: pass\n"  # processor time is counted in steps of 10 ms
        "threading.Thread(target=spin, daemon=True).start()\n"
        "while time.time() - began < {seconds}: urllib.request.urlopen('{url}', b'{}').read()"
    )
    peer = f"one={shlex.join([sys.executable, '-c', client])}"
    rows = _measured("reading", tmp_path, "--streams", "12", "--itl-ms", "5", "--ttft-ms", "20", "--peer", peer)
    (one,), (locust,) = rows["12", "one"], rows["12", "Locust worker"]
    assert 0 < one["events_per_s"] <= 200 * 1.1
    assert one["cpu_us_per_event"] > 0
    assert one["events_of_worker"] == pytest.approx(one["events_per_s"] / locust["events_per_s"])


def test_best_stretch__is_the_fastest_of_the_wanted_length() -> None:
    """Of three looks a second apart the second stretch is the better one; none is two and a half seconds long."""
    looks = [Look(0.0, 0, 0.0), Look(1.0, 10, 0.5), Look(2.0, 110, 0.75)]
    assert best_of(looks, 1.0) == Look(1.0, 100, 0.25)
    assert best_of(looks, 2.0) == Look(2.0, 110, 0.75)
    assert best_of(looks, 2.5) is None


def test_footprint__is_measured(tmp_path: Path) -> None:
    """Start, memory, idle connections and many requests."""
    rows = _measured("footprint", tmp_path, "--idle", "20", "--requests", "100")
    assert len(rows) == 6
    assert all(figures["value"] is not None for (figures, *_more) in rows.values())


def test_in_process__is_measured_beside_fixed_bytes(tmp_path: Path) -> None:
    """What the mock adds is the difference of the two."""
    rows = _measured("in_process", tmp_path)
    mocks = [(row, figures) for row, (figures,) in rows.items() if row[2] == "mock"]
    assert {row[1] for row, _ in mocks} == {"same", "distinct", "streamed"}
    for (library, question, _), figures in mocks:
        (fixed,) = rows[library, question, "fixed bytes"]
        assert figures["calls"] == fixed["calls"] > 0
        added_us = figures["per_call_us"] - fixed["per_call_us"]
        assert figures["added_ms"] == pytest.approx(added_us / 1e3)


def test_peer__is_measured_beside_the_mock(tmp_path: Path) -> None:
    """Any command that serves on a port."""
    peer = f"twin={sys.executable} -m mock_server --port {{port}}"
    rows = _measured("completions", tmp_path, "--prompts", "same", "--peer", peer)
    assert rows["same", "twin"][0]["requests"] > 0


def test_client_that_ends__is_told_in_one_line() -> None:
    """With exit status 1 and its own status."""
    ended = _run(
        "reading", "--rounds", "1", "--seconds", "0.3", "--streams", "2", "--peer", "gone=sh -c 'exit 7' {url}"
    )
    assert ended.returncode == 1
    assert ended.stderr.strip() == "benchmark: gone: expected 0.3 s of streams, got exit status 7"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--peer", "nothing"], "expected NAME=command with {port}, got 'nothing'"),
        (["--rounds", "0"], "expected a whole number from 1 on, got '0'"),
        (["--prompts", "odd"], "invalid choice"),
        (["--dialect", "odd"], "invalid choice"),
    ],
)
def test_wrong_usage__is_one_line(options: list[str], said: str) -> None:
    """With exit status 2."""
    ended = _run("completions", *options)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_peer_that_ends__is_told_in_one_line() -> None:
    """With exit status 1 and its own status."""
    ended = _run("completions", "--peer", "gone=sh -c 'exit 7' {port}")
    assert ended.returncode == 1
    assert ended.stderr.strip() == "benchmark: gone: expected a server, got exit status 7"


def test_pytest_start__is_measured_with_and_without_the_plugins() -> None:
    """Both kinds of time, a line each."""
    ended = _run("pytest_start", "--rounds", "1")
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [["passed", "with"], ["processor", "with"]]


def test_hostile_requests__are_sent_beside_a_stream(tmp_path: Path) -> None:
    """Each is answered, and the stream goes on."""
    rows = _measured("hostile", tmp_path, "--only", "deep")
    assert len(rows) >= 3
    for (figures,) in rows.values():
        assert figures["status"] in (200, 400)
        assert figures["late_ms"] >= 0


def test_soak__loses_no_answer_and_leaves_no_file_open(tmp_path: Path) -> None:
    """All kinds of traffic are sent; a bound that is not kept is named, and is the only reason for a status of 1."""
    out = tmp_path / "out.json"
    ended = _run("soak", "--seconds", "2", "--streams", "2", "--out", str(out))
    written = json.loads(out.read_text(encoding="utf-8"))
    figures = {row["row"][0]: row["rounds"][0] for row in written["rows"]}
    for kind in ("good", "hostile", "cut"):
        assert figures[f"{kind} requests"]["value"] > 0
    assert figures["good requests without an answer"]["value"] == 0
    assert figures["open files after"]["value"] <= figures["open files before"]["value"]
    assert ended.stderr.splitlines() == [f"benchmark: {bound}" for bound in written["not_kept"]]
    assert ended.returncode == (1 if written["not_kept"] else 0)


def test_killed_processes__are_looked_at(tmp_path: Path) -> None:
    """The quickest of them, once."""
    rows = _measured("process_faults", tmp_path, "--only", "recorder")
    assert rows["recorder",][0]["kept"] == 1
