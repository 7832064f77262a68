"""How long the end of a run waits for what still runs: `-s`, or `--timeout` where it was not given."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.load.test_locust_command import run
from tests.support.scripted_stream_server import Script, ScriptedServer, stream


def slow(_: int) -> Script:
    """An answer of four seconds."""
    return stream(2, ttft_s=4)


@pytest.mark.parametrize(("arguments", "outcome"), [((), "ok"), (("-s", "0"), "unfinished"), (("-s", "9"), "ok")])
def test_end_of_a_run__waits_as_long_as_was_said(tmp_path: Path, arguments: tuple[str, ...], outcome: str) -> None:
    """0 is a time, too: what runs is cut off."""
    begun_s = time.monotonic()
    with ScriptedServer(slow) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "-t", "2s", *arguments)
    assert ended.summary["outcomes"][outcome] == 1
    assert time.monotonic() - begun_s < 60
