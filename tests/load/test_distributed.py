"""A master and two workers, each a process of its own, and a mock that writes down what it was asked."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mixtral_contract.load.cli.calibrate import journal, mock
from tests.load.test_locust_command import LATEST_S, end, start

PACE = ("--ttft-ms", "20", "--itl-ms", "2")
FAULTS = ("--incident", "503;rate=0.2", "--incident", "cut:after=3;rate=0.2")
ENDS_OF_STATUS = {200: "ok", 503: "http_error"}


class Fleet(NamedTuple):
    """A run on three processes."""

    master: subprocess.Popen[str]
    workers: Sequence[subprocess.Popen[str]]


@contextlib.contextmanager
def fleet(out: Path, url: str, *arguments: str) -> Iterator[Fleet]:
    """A master and two workers that find each other, as on three machines; none of them is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    own = ("--master", "--expect-workers", "2", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
    master = start(out, *own, "--host", url, *arguments)
    workers = [start(out, "--worker", "--master-port", port) for _ in range(2)]
    try:
        yield Fleet(master, workers)
    finally:
        for process in (master, *workers):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def until_asked(url: str, count: int) -> None:
    """Waits until the mock has answered so many requests."""
    ends_s = time.monotonic() + LATEST_S
    while len(journal(url)) < count:
        assert time.monotonic() < ends_s, f"the mock was never asked {count} times"
        time.sleep(0.1)


def counted(summary: Any) -> Counter[str]:
    """The requests of a run by their end, warm-up included."""
    return Counter(summary["outcomes"]) + Counter(summary["warmup_outcomes"])


def written(entries: Sequence[dict[str, Any]]) -> Counter[str]:
    """The mock's requests by what has to have become of them."""
    return Counter(
        "truncated" if (entry["incident"] or "").startswith("cut") else ENDS_OF_STATUS[entry["status"]]
        for entry in entries
    )


def tokens(entries: Sequence[dict[str, Any]]) -> int:
    """The tokens of the mock's completions that nothing befell."""
    return sum(entry["completion_tokens"] for entry in entries if entry["incident"] is None)


@pytest.mark.parametrize("arrivals", ["closed", "poisson:60"])
def test_workers__add_up_to_what_the_server_wrote_down(tmp_path: Path, arrivals: str) -> None:
    """Each request once, by its end, and each token, of completions, refusals and streams that were cut."""
    with mock(*PACE, *FAULTS, "--seed", "5") as url:
        with fleet(tmp_path, url, "-u", "6", "-t", "3s", "--arrivals", arrivals, "--output-tokens", "20") as three:
            ended = end(three.master, tmp_path)
            left = [end(worker, tmp_path) for worker in three.workers]
        entries = journal(url)
    summary = ended.summary
    assert counted(summary) == written(entries)
    assert len(written(entries)) == 3, "expected requests of every kind"
    assert summary["output_tokens"] == tokens(entries)
    assert len(ended.requests) == len(entries)
    assert len({line["request"].partition("-")[0] for line in ended.requests}) == 2
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    assert summary["run"]["workers"] == 2
    assert [worker.code for worker in left] == [0, 0]


def test_killed_worker__is_named_and_what_it_reported_is_kept(tmp_path: Path) -> None:
    """SIGKILL in the middle: the other worker's requests are all there, and the dead one's up to its last report."""
    with mock(*PACE) as url:
        with fleet(tmp_path, url, "-u", "4", "-t", "6s", "--output-tokens", "20") as three:
            until_asked(url, 1)
            # a worker reports every 3 s
            time.sleep(3.5)
            three.workers[1].kill()
            ended = end(three.master, tmp_path)
        entries = journal(url)
    summary = ended.summary
    (name,) = summary["lost"]["names"]
    assert summary["lost"]["workers"] == 1
    assert re.findall(r"Worker (\S+) failed to send heartbeat", ended.stderr) == [name]
    assert summary["validity"]["verdict"] == "SUSPECT"
    assert f"1 of 2 workers were lost: {name}; what ended there since the last report" in ended.stdout
    assert name in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ended.code == 1
    survivor = max(Counter(line["request"].partition("-")[0] for line in ended.requests).values())
    total = counted(summary).total()
    assert survivor < total <= len(entries), "expected the survivor's requests and those that the dead one reported"
    assert counted(summary) == Counter(ok=total)


def test_interrupted_master__reports_what_its_workers_did(tmp_path: Path) -> None:
    """Ctrl-C at the master alone: the workers are asked for the rest, and the report is written."""
    with mock(*PACE) as url:
        with fleet(tmp_path, url, "-u", "4", "-t", "60s", "--output-tokens", "20") as three:
            until_asked(url, 20)
            three.master.send_signal(signal.SIGINT)
            ended = end(three.master, tmp_path)
        entries = journal(url)
    summary = ended.summary
    finished = [entry for entry in entries if entry["end"] == "complete"]
    assert summary["window"]["interrupted"]
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    assert counted(summary).total() == len(ended.requests) == len(entries)
    assert len(finished) - 4 <= summary["outcomes"]["ok"] <= len(finished)
    assert set(counted(summary)) <= {"ok", "unfinished"}
    assert (tmp_path / "report.html").exists()
