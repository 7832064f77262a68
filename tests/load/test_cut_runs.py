"""`locust -f load/` that is cut short, or cannot write what it found."""

from __future__ import annotations

import json
import resource
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.load.locust_plugin.web.test_pages import figures, page, running, until
from tests.load.test_locust_command import Ended, distributed, end, run, start, timed
from tests.support.scripted_stream_server import ScriptedServer, answer

KEY = ("--api-key-env", "A_KEY")


def _reasons(ended: Ended) -> list[str]:
    return [reason["text"] for reason in ended.summary["validity"]["reasons"]]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
def test_terminated_run__is_invalid_and_writes_what_there_is(tmp_path: Path, which: int, processes: int) -> None:
    """A job that is cancelled, or a terminal that is closed, is no run that passed."""
    arguments = ("-u", "2", "-t", "600s", *KEY)
    with ScriptedServer(timed) as server:
        process = start(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        while len(server.requests) < 12:
            time.sleep(0.05)
        process.send_signal(which)
        ended = end(process, tmp_path)
    assert ended.code == 1
    assert ended.summary["terminated"]
    assert ended.summary["window"]["interrupted"]
    assert ended.summary["validity"]["verdict"] == "INVALID"
    assert "the run was interrupted: it was terminated before its time" in _reasons(ended)
    assert ended.summary["outcomes"]["ok"] > 0
    assert "\npassed" not in ended.stdout
    assert len(ended.requests) == sum(ended.summary["outcomes"].values())
    assert (tmp_path / "report.html").exists()


def test_interrupted_run__did_not_pass(tmp_path: Path) -> None:
    """With Ctrl-C, before the time that it was given."""
    with ScriptedServer(timed) as server:
        process = start(tmp_path, "--host", server.url, "-u", "2", "-t", "600s", *KEY)
        while len(server.requests) < 12:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        ended = end(process, tmp_path)
    assert ended.code == 1
    assert not ended.summary["terminated"]
    assert "the run was interrupted before its time" in _reasons(ended)


def test_sweep_without_time_enough__says_that_it_was_cut(tmp_path: Path) -> None:
    """In the headline, among the reasons and as its failure."""
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, "--sweep", "1,2,3,4", "--stage", "2s", "-t", "6s", *KEY)
    whole = sum(stage["is_whole"] for stage in ended.summary["stages"])
    assert ended.summary["stages_asked"] == 4
    assert whole < 4
    said = f"the sweep was cut: {whole} of 4 stages were measured to their end"
    assert ended.summary["failure"] == said
    assert said in _reasons(ended)
    assert f"Stage {len(ended.summary['stages'])} of 4: " in ended.summary["headline"]
    assert ended.code == 1


def test_full_disk__leaves_no_report_that_does_not_exist(tmp_path: Path) -> None:
    """A limit on the size of files stands for it: the run goes on, and says what could not be written."""
    with ScriptedServer(timed) as server:
        process = start(tmp_path, "--host", server.url, "-u", "4", "-t", "8s", *KEY)
        while not server.requests:
            time.sleep(0.05)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        ended = end(process, tmp_path)
    assert ended.code == 1
    assert "no report: it could not be written" in ended.stdout
    assert not list(tmp_path.glob("report.html*"))
    assert not list(tmp_path.glob("summary.json*"))
    assert "expected to write the results, got File too large" in ended.stderr
    assert "failed: requests.jsonl could not be written" in ended.stdout


def test_runs_of_one_page__have_a_folder_each(tmp_path: Path) -> None:
    """The second leaves the first one's files alone."""
    refusal = [answer("401 Unauthorized", b"{}")]
    with (
        ScriptedServer(lambda number: refusal if number % 20 == 19 else timed(number)) as server,
        page(tmp_path, "--host", server.url, autostart=False) as address,
    ):
        for folder in (tmp_path, tmp_path / "run-2"):
            httpx.post(f"{address}/swarm", data={"user_count": "2", "spawn_rate": "2"}).raise_for_status()
            until(lambda: running(address))
            httpx.post(f"{address}/stop", timeout=60).raise_for_status()
            until((folder / "requests.jsonl").exists)
            until(lambda: figures(address)["phase"] == "over")
    found = [
        json.loads((folder / "summary.json").read_text(encoding="utf-8")) for folder in (tmp_path, tmp_path / "run-2")
    ]
    assert found[0]["run"]["id"] != found[1]["run"]["id"]
    for folder, summary in zip((tmp_path, tmp_path / "run-2"), found, strict=True):
        lines = (folder / "requests.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == sum(summary["outcomes"].values())
        assert (folder / "report.html").exists()
