"""One measurement: what the client saw in a while, and what it cost the server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.machine import cpu_s
from benchmarks.native import Plan, calling
from benchmarks.servers import Server


def measured(client: Path, server: Server, plan: Plan) -> dict[str, Any]:
    """The client's figures, the rates that follow from them, and the processor time of both sides.

    `server_busy` and `client_busy` are shares of a core: the side that is near 1 is the one that limits the rate, and
    where neither is, other work took the cores away.
    """
    with calling(client, server.port, plan) as seen_by_client:
        time.sleep(plan.spread_ms / 1000)
        before_s = cpu_s(server.pid)
        seen = seen_by_client()
    server_cpu_s = cpu_s(server.pid) - before_s
    seconds, requests, events = seen["seconds"], seen["requests"], seen["events"]
    return seen | {
        "requests_per_s": requests / seconds,
        "events_per_s": events / seconds,
        "cpu_us_per_request": server_cpu_s * 1e6 / requests if requests else None,
        "cpu_us_per_event": server_cpu_s * 1e6 / events if events else None,
        "server_busy": server_cpu_s / seconds,
    }
