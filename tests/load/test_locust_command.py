"""`locust -f load/` as a whole: counts, files, exit codes, and a server whose times are known."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.repository import ROOT
from tests.support.scripted_stream_server import (
    Hang,
    Script,
    ScriptedServer,
    answer,
    chunk,
    event,
    stream,
)
from tests.support.summary_schema import checked

LOCUST = (sys.executable, "-m", "locust", "-f", "load/", "--headless", "--only-summary")
KEY = "sk-sesame-opens"
TTFT_S, ITL_S, TOKENS = 0.1, 0.02, 10
LATEST_S = 120
"""No test takes nearly so long; it is there so that none hangs."""


class Ended(NamedTuple):
    """A run that is over."""

    code: int
    stdout: str
    stderr: str
    out: Path

    @property
    def summary(self) -> Any:
        """What summary.json holds."""
        return json.loads((self.out / "summary.json").read_text(encoding="utf-8"))

    @property
    def requests(self) -> list[Any]:
        """The lines of requests.jsonl."""
        return [json.loads(line) for line in (self.out / "requests.jsonl").read_text(encoding="utf-8").splitlines()]


def start(out: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run in a process group of its own, with a key in A_KEY."""
    return subprocess.Popen(
        [*LOCUST, "--out", str(out), *arguments],
        cwd=ROOT,
        env={**os.environ, "A_KEY": KEY, "XDG_STATE_HOME": str(out / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], out: Path) -> Ended:
    """Waits for a run; nothing of it is left. A summary, if it wrote one, keeps the published schema."""
    try:
        stdout, stderr = process.communicate(timeout=LATEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert "Traceback" not in stderr, stderr
    ended = Ended(process.returncode, stdout, stderr, out)
    if (out / "summary.json").exists():
        checked(ended.summary)
    return ended


def run(out: Path, *arguments: str) -> Ended:
    """A run from its start to its end."""
    return end(start(out, *arguments), out)


def distributed(*arguments: str) -> tuple[str, ...]:
    """Two worker processes, at a port of their own: other tests run at the same time."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    return (
        "--processes",
        "2",
        "--master-bind-host",
        "127.0.0.1",
        "--master-bind-port",
        port,
        "--master-port",
        port,
        *arguments,
    )


def timed(_: int) -> Script:
    """A stream with known times."""
    return stream(TOKENS, ttft_s=TTFT_S, itl_s=ITL_S)


@pytest.mark.parametrize("processes", [1, 2])
def test_run__counts_every_request_once(tmp_path: Path, processes: int) -> None:
    """Server, tally, file and Locust agree, however many processes there are."""
    arguments = ("-u", "4", "-t", "3s", "--warmup", "1s", "--api-key-env", "A_KEY")
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        seen = len(server.requests)
    assert ended.code == 0, ended.stderr
    summary = ended.summary
    counted = sum(summary["outcomes"].values()) + sum(summary["warmup_outcomes"].values())
    assert counted == len(ended.requests) == seen
    assert summary["outcomes"]["ok"] > 0
    assert summary["warmup_outcomes"]["ok"] > 0
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    assert (summary["run"]["users"], summary["run"]["workers"]) == (4, processes)
    assert summary["content_events"] == summary["outcomes"]["ok"] * TOKENS == summary["output_tokens"]
    assert len({line["request"] for line in ended.requests}) == seen
    assert re.findall(r"Aggregated +(\d+) +\d+\(", ended.stderr)[-1] == str(seen)
    assert summary["headline"] in ended.stdout
    assert f"report: {tmp_path}/report.html" in ended.stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_open_loop__sends_what_is_due_whatever_becomes_of_it(tmp_path: Path, processes: int) -> None:
    """40 requests a second for 8 s, though each answer takes 0.3 s: each due, and sent once or counted as not sent."""
    arguments = ("--arrivals", "constant:40", "-t", "8s", "--warmup", "1s", "--api-key-env", "A_KEY")
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        seen = len(server.requests)
    summary = ended.summary
    # where the machine comes to send too little of it, the run says so itself
    too_little = any(
        each["severity"] == "INVALID" and "that were due were not sent" in each["text"]
        for each in summary["validity"]["reasons"]
    )
    assert ended.code == int(too_little), ended.stderr
    due_s = [line["due_s"] for line in ended.requests]
    assert len(due_s) == seen == sum(summary["outcomes"].values()) + sum(summary["warmup_outcomes"].values())
    for worker in range(processes):
        own = sorted(line["due_s"] for line in ended.requests if line["request"].startswith(f"{worker}-"))
        # due times are those of the schedule, to the microsecond, none left out and none twice
        assert own == pytest.approx([(worker + index * processes) / 40 for index in range(len(own))], abs=1e-6)
    assert summary["outcomes"]["ok"] == sum(each >= 1 for each in due_s)
    # what a slow machine does not come to send is counted; only what was due in the last 0.1 s is not
    assert summary["offered_per_s"] == pytest.approx(40, rel=0.03)
    assert summary["run"]["users"] is None
    assert summary["schedule_e2e_ms"]["n"] == summary["dispatch_lag_ms"]["n"] == summary["outcomes"]["ok"]
    assert all(line["sent_s"] >= line["due_s"] for line in ended.requests)


def test_open_loop_beyond_its_cap__drops_and_says_so(tmp_path: Path) -> None:
    """Ten requests a second that take 10 s, two at once: the rest is counted, never delayed."""
    arguments = ("--arrivals", "constant:10", "--max-in-flight", "2", "-t", "2s", "--timeout", "3s")
    with ScriptedServer(lambda _: stream(2, ttft_s=10, itl_s=0)) as server:
        ended = run(tmp_path, "--host", server.url, *arguments)
        seen = len(server.requests)
    assert ended.code == 1
    assert seen == 2
    dropped = ended.summary["dropped"]
    assert 15 <= dropped <= 19
    assert ended.summary["outcomes"]["timeout"] == 2
    assert ended.summary["offered_per_s"] * ended.summary["window"]["duration_s"] == pytest.approx(
        2 + dropped, rel=0.01
    )
    assert ended.summary["validity"]["verdict"] == "INVALID"
    assert f"INVALID: {dropped} of {dropped + 2} requests that were due were not sent" in ended.stdout


@pytest.mark.parametrize("processes", [1, 2])
def test_trace__ends_the_run(tmp_path: Path, processes: int) -> None:
    """Rates are those of the time in which it had requests, however long the run was given."""
    trace = tmp_path / "trace.jsonl"
    rows = [{"timestamp": 150 * index, "input_length": 10, "output_length": TOKENS} for index in range(11)]
    trace.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    arguments = ("--arrivals", f"trace:{trace}", "-t", "600s", "--api-key-env", "A_KEY")
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
    assert ended.code == 0, ended.stderr
    assert ended.summary["outcomes"]["ok"] == len(ended.requests) == len(rows)
    assert 1.5 <= ended.summary["window"]["duration_s"] < 30
    assert not ended.summary["window"]["interrupted"]


@pytest.mark.parametrize("processes", [1, 2])
def test_key__reaches_the_server_and_nothing_else(tmp_path: Path, processes: int) -> None:
    """Every request carries it; no file, no output and no log does, though the server quotes it."""
    refusal = json.dumps({"error": {"message": f"wrong key {KEY}"}}).encode()
    arguments = ("-u", "2", "-t", "2s", "--api-key-env", "A_KEY", "-L", "DEBUG")
    with ScriptedServer(lambda _: [answer("401 Unauthorized", refusal)]) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        assert server.requests
        assert all(f"authorization: Bearer {KEY}" in request.head for request in server.requests)
    written = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]
    assert len(written) == 3
    assert not any(KEY in text for text in (*written, ended.stdout, ended.stderr))
    assert "wrong key ***" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert ended.code == 1


def test_end__waits_for_running_requests(tmp_path: Path) -> None:
    """Streams longer than the run are followed to their end, by workers too."""
    with ScriptedServer(lambda _: stream(80, itl_s=0.05)) as server:
        # time enough for both workers to begin, on a machine that has other things to do
        summary = run(tmp_path, "--host", server.url, *distributed("-u", "2", "-t", "2s")).summary
    assert summary["outcomes"] == {**dict.fromkeys(summary["outcomes"], 0), "ok": 2}
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    # they took 4 s: most of their tokens came when the window was over
    assert summary["output_tokens"] == 160
    assert 0 < summary["output_tokens_per_s"] * summary["window"]["duration_s"] < 160


@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("whom", [os.kill, os.killpg])
@pytest.mark.parametrize("processes", [1, 2])
def test_interrupted_run__reports_what_it_has(
    tmp_path: Path, processes: int, whom: Callable[[int, int], None], presses: int
) -> None:
    """Ctrl-C waits for no stream that hangs and says which were cut off, also when, as on a terminal, all get it."""
    hanging: Script = [*stream(1)[:1], chunk(event({"content": "a"})), Hang()]
    arguments = ("-u", "2", "-t", "60s")
    with ScriptedServer(lambda number: stream(3) if number < 2 else hanging) as server:
        process = start(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
        waited_s = 0.0
        while len(server.requests) < 4 and waited_s < LATEST_S:
            time.sleep(0.05)
            waited_s += 0.05
        for _ in range(presses):
            with contextlib.suppress(ProcessLookupError):  # the second may come when all is done
                whom(process.pid, signal.SIGINT)
            time.sleep(0.1)
        ended = end(process, tmp_path)
    summary = ended.summary
    assert (summary["outcomes"]["ok"], summary["outcomes"]["unfinished"]) == (2, 2)
    assert summary["window"]["interrupted"]
    assert summary["lost"] == {"workers": 0, "names": [], "requests": 0}
    assert len(ended.requests) == 4


def test_interrupt_at_the_end__keeps_the_reports(tmp_path: Path) -> None:
    """The run is over when somebody grows tired of it."""
    with ScriptedServer(lambda _: stream(3)) as server:
        process = start(tmp_path, "--host", server.url, "-u", "1", "-t", "1s")
        assert process.stderr is not None
        for line in process.stderr:
            if "Shutting down" in line:
                process.send_signal(signal.SIGINT)
                break
        ended = end(process, tmp_path)
    assert ended.code == 0
    assert "\npassed\nreport: " in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--host: expected"),
        (["--host", "ftp://x"], "--host: expected an http or https URL"),
        (["--host", "http://127.0.0.1", "--dialect", "azure"], "--dialect: expected one of nvidia"),
        (["--host", "http://127.0.0.1", "--api-key-env", "NO_SUCH_KEY"], "NO_SUCH_KEY, which is not set"),
        (["--host", "http://127.0.0.1", "-u", "0"], "--users: expected at least 1"),
        (
            ["--host", "http://127.0.0.1", "--prompt-tokens", "0"],
            "--prompt-tokens: expected N, uniform(a,b), lognormal",
        ),
        (["--host", "http://127.0.0.1", "-t", "3s", "--warmup", "5s"], "--warmup: expected less than"),
        (["--host", "http://127.0.0.1", "--out", f"{__file__}/x"], "--out: expected a folder"),
        (["--host", "http://127.0.0.1", "--processes", "2", "--warmup", "soon"], "--warmup: expected a duration"),
        (["--host", "http://127.0.0.1", "--find", "max-rate"], "--find: expected objectives in --slo"),
        (["--host", "http://127.0.0.1", "--sweep", "8..2"], "--sweep: expected loads in rising order"),
        (
            ["--host", "http://127.0.0.1", "--sweep", "rate:1..4", "--turns", "2"],
            "--turns: expected 1 with --find, or rates in",
        ),
        (["--host", "http://127.0.0.1", "--budget", "5usd"], "--budget: expected --price with it"),
        (
            ["--host", "http://127.0.0.1", "--calibration", "/none"],
            "--calibration: /none: expected a calibration, got No",
        ),
        (["--host", "http://127.0.0.1", "--price", "free"], "--price: expected 0.0005usd/request"),
        (["--host", "http://127.0.0.1", "--processes", "2", "--paid", "yes"], "--yes-this-costs-money: expected it"),
        (["--host", "http://127.0.0.1", "--processes", "2", "--spec", "/none"], "--spec: /none: expected a readable"),
    ],
)
def test_wrong_usage__is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Before anything is started, and without a traceback."""
    ended = run(tmp_path, *arguments)
    assert ended.code == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert said in line


def test_worker_without_key__says_so_and_leaves(tmp_path: Path) -> None:
    """Each worker looks for the key where it is; the master needs none and notices the loss."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with ScriptedServer(timed) as server:
        master = start(
            tmp_path,
            *("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "1"),
            *("--host", server.url, "-u", "1", "-t", "2s", "--api-key-env", "ANOTHER_KEY"),
        )
        worker = start(tmp_path, "--worker", "--master-port", port)
        left, reported = end(worker, tmp_path), end(master, tmp_path)
        assert not server.requests
    assert left.code == 2
    assert "ANOTHER_KEY, which is not set" in left.stderr
    assert reported.code == 1
    assert reported.summary["lost"]["workers"] == len(reported.summary["lost"]["names"]) == 1
    validity = reported.summary["validity"]
    assert validity["verdict"] == "INVALID"
    assert any("1 of 1 workers were lost" in reason["text"] for reason in validity["reasons"])


def test_computing_modules__do_not_import_locust() -> None:
    """Importing it patches the process that computes; one room is the edge."""
    package = ROOT / "mixtral_contract"
    files = [path.relative_to(ROOT) for path in (package / "load").rglob("*.py") if "locust_plugin" not in path.parts]
    modules = sorted(
        ".".join(path.with_suffix("").parts) for path in files if path.stem not in {"__init__", "__main__"}
    )
    assert len(modules) > 50
    code = f"import sys, {', '.join(modules)}; sys.exit('locust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
