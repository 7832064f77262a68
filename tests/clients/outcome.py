"""What came of asking one client everything, and the file in which the outcomes of all are kept."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.clients.capabilities import CAPABILITIES, JOKE, TEXT, Seen
from tests.clients.client import Client, Driver, driving
from tests.mock.conftest import running

WORKS = "works"
FILE = Path(__file__).with_name("results.json")

_QUIET_S = 10


def outcome_of(client: Client) -> dict[str, Any]:
    """The client's version, what became of each capability, and what the mock has to complain of.

    Raises: DriverError when the client's driver fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        fixtures = Path(folder) / "fixtures.yaml"
        fixtures.write_text(yaml.safe_dump(_FIXTURES), encoding="utf-8")
        with running("--fixtures", str(fixtures)) as address, driving(client, address) as driver:
            return _outcome(driver, address)


_FIXTURES = {
    "unmatched": "answer",
    "fixtures": [{"name": "joke", "when": {"dialect": "nvidia", "last": {"content": JOKE}}, "says": TEXT}],
}


def _outcome(driver: Driver, address: str) -> dict[str, Any]:
    capabilities: dict[str, str] = {}
    faults: set[str] = set()
    with controlling(address) as mock:
        for capability in CAPABILITIES:
            seen = observe(driver, mock, capability.as_question(), capability.incident)
            capabilities[capability.name] = capability.judge(seen) or WORKS
            faults |= seen.faults
    return {"version": driver.version, "capabilities": capabilities, "faults": sorted(faults)}


def controlling(address: str) -> httpx.Client:
    """A client for the mock's control API."""
    return httpx.Client(base_url=f"{address}/_mock", timeout=20, trust_env=False)


def observe(driver: Driver, mock: httpx.Client, question: dict[str, Any], incident: str | None) -> Seen:
    """What the client makes of a question, and the mock of the client; `mock` is the control API."""
    mock.post("/reset", params={"what": "incidents"}).raise_for_status()
    mock.patch("/state", json={"incidents": [incident] if incident else []}).raise_for_status()
    before = _state(mock)["journal"]["last_id"]
    answer = driver.ask(question)
    _wait_until_idle(mock)
    journal = mock.get("/journal", params={"since": before, "tokens": "no"}).raise_for_status().json()
    befell = {request["incident"] for request in journal["requests"]}
    assert incident is None or befell != {None}, f"{incident}: expected to befall {question!r}, got no incident"
    grades = mock.get("/grade", params={"since": before}).raise_for_status().json()
    faults = {finding["rule"] for finding in grades["findings"] if finding["level"] == "fault"}
    return Seen(answer, journal["requests"], frozenset(faults))


def _wait_until_idle(mock: httpx.Client) -> None:
    """A client may know the end of an answer before the mock has written it down."""
    deadline_s = time.monotonic() + _QUIET_S
    while (state := _state(mock))["in_flight"]["count"]:
        assert time.monotonic() < deadline_s, f"requests stay under way: {state['in_flight']['requests']}"
        time.sleep(0.01)


def _state(mock: httpx.Client) -> dict[str, Any]:
    state: dict[str, Any] = mock.get("/state").raise_for_status().json()
    return state


def kept() -> dict[str, Any]:
    """The outcomes as they were last written, by the client's name."""
    outcomes: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return outcomes
