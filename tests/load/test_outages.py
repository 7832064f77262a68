"""`locust -f load/` on a target that dies, hangs or was never there."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from tests.load.test_locust_command import Ended, distributed, end, run, start, timed
from tests.support.scripted_stream_server import Hang, ScriptedServer, stream

KEY = ("--api-key-env", "A_KEY")


@pytest.fixture
def dead_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _reasons(ended: Ended) -> list[str]:
    return [reason["text"] for reason in ended.summary["validity"]["reasons"]]


def test_target_that_dies__is_invalid(tmp_path: Path) -> None:
    """In the middle of a closed loop, whose users are refused once a second from then on."""
    arguments = ("-u", "8", "-t", "14s", "--max-error-share", "0.3", *KEY)
    with ScriptedServer(lambda _: stream(3)) as server:
        process = start(tmp_path, "--host", server.url, *arguments)
        while len(server.requests) < 400:
            time.sleep(0.05)
    ended = end(process, tmp_path)
    assert ended.summary["error_share"] < 0.3
    assert (ended.summary["validity"]["verdict"], ended.code) == ("INVALID", 1)
    assert any("nothing answered from second" in text and text.endswith(" on") for text in _reasons(ended))
    assert any("of the users' time was spent on requests that failed" in text for text in _reasons(ended))
    assert "INVALID: nothing answered from second" in ended.stdout


def test_target_that_hangs__is_invalid(tmp_path: Path) -> None:
    """From its 200th request on; their time-outs are few."""
    with ScriptedServer(lambda number: stream(3) if number < 200 else [Hang()]) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "2", "-t", "12s", "-s", "1", *KEY)
    assert (ended.summary["validity"]["verdict"], ended.code) == ("INVALID", 1)
    assert any("nothing answered from second" in text and text.endswith(" on") for text in _reasons(ended))


@pytest.mark.parametrize("processes", [1, 2])
def test_target_that_is_not_there__ends_the_run(tmp_path: Path, dead_port: int, processes: int) -> None:
    """Long before its time."""
    arguments = ("-u", "2", "-t", "600s", *KEY)
    host = f"http://127.0.0.1:{dead_port}"
    ended = run(tmp_path, "--host", host, *(distributed(*arguments) if processes > 1 else arguments))
    assert ended.code == 1
    assert ended.summary["gave_up"]
    assert ended.summary["window"]["duration_s"] < 60
    assert "the run was given up, for nothing answered" in ended.stdout


def test_patience__ends_the_run(tmp_path: Path) -> None:
    """After so long without an answer, though there were some."""
    with ScriptedServer(lambda number: timed(0) if number < 4 else [Hang()]) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "-t", "600s", "--give-up", "2s", "-s", "1", *KEY)
    assert ended.code == 1
    assert ended.summary["outcomes"]["ok"] == 4
    assert ended.summary["gave_up"]
    assert ended.summary["window"]["duration_s"] < 60
