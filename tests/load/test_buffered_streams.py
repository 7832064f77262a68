"""`locust -f load/` behind a proxy that buffers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.test_locust_command import run
from tests.support.buffering_proxy import BufferingProxy
from tests.support.scripted_stream_server import ScriptedServer, stream


@pytest.mark.parametrize(("hold_s", "said"), [(0.2, "came in pieces of "), (None, "came whole at their end")])
def test_proxy_that_buffers__is_seen(tmp_path: Path, hold_s: float | None, said: str) -> None:
    """It makes the first token late, and the rate of a stream look higher than it is."""
    with (
        ScriptedServer(lambda _: stream(40, ttft_s=0.1, itl_s=0.02)) as server,
        BufferingProxy(server.port, hold_s) as proxy,
    ):
        summary = run(tmp_path, "--host", proxy.url, "-u", "2", "-t", "6s", "--api-key-env", "A_KEY").summary
    assert summary["outcomes"]["ok"] > 0
    assert summary["validity"]["verdict"] == "SUSPECT"
    assert any(said in reason["text"] for reason in summary["validity"]["reasons"])
    assert "in each stream" not in summary["headline"]


@pytest.mark.parametrize(("events", "gap_s"), [(40, 0.02), (8, 0.1)])
def test_the_same_without_a_proxy__is_not_blamed(tmp_path: Path, events: int, gap_s: float) -> None:
    """Nor a server whose events are far apart, for each has many tokens."""
    with ScriptedServer(lambda _: stream(events, ttft_s=0.1, itl_s=gap_s)) as server:
        summary = run(tmp_path, "--host", server.url, "-u", "2", "-t", "4s", "--api-key-env", "A_KEY").summary
    assert summary["bundling"]["streams"] > 0
    assert not summary["bundling"]["is_much"]
    assert "in each stream" in summary["headline"]
