"""Two SDKs of one vendor, in two languages and two processes: what one makes of an answer the other has to make of it.

Where they differ it is one of them, not the mock, and it stands in the table below.
"""

from __future__ import annotations

from typing import Any

from tests.clients.capabilities import CAPABILITIES
from tests.clients.client import CLIENTS, Client, driving
from tests.clients.conftest import Needed
from tests.clients.outcome import controlling, observe
from tests.mock.conftest import running

_PYTHON, _NODE = (
    next(client for client in CLIENTS if client.name == f"openai ({name})") for name in ("Python", "Node")
)
_STREAM = {"stream": True}

_INCIDENTS = (
    "bom",
    "coalesce",
    "comments",
    "content-type:value=text/plain",
    "crlf",
    "cut:by=chunk",
    "cut:by=fin",
    "cut:by=rst",
    "duplicate",
    "end",
    "error:envelope=bare",
    "error:envelope=openai",
    "error:envelope=problem",
    "malformed",
    "malformed:kind=utf8",
    "no-blank-line",
    "no-done",
    "no-finish",
    "no-space",
    "pings",
    "split:at=data,gap_ms=5",
    "split:at=utf8,gap_ms=5",
    "trickle:size=64,gap_ms=1",
)
"""What befalls a stream. Refusals are among the capabilities."""

_DIFFERENT = {"malformed:kind=utf8"}
"""Python's raises UnicodeDecodeError, Node's puts U+FFFD in the place of the byte, as WHATWG's standard wants."""

_CASES = {
    **{each.name: (each.as_question(), each.incident) for each in CAPABILITIES},
    **{incident: ({**CAPABILITIES[0].as_question(), **_STREAM}, incident) for incident in _INCIDENTS},
}


def test_two_sdks__agree(installed: Needed) -> None:
    """On what their callers learn, and on how often they ask for it; in one test, as to start them is what costs."""
    installed("node")
    python, node = (_learned_by(client) for client in (_PYTHON, _NODE))
    assert python.keys() == node.keys() == _CASES.keys()
    different = {name: (python[name], node[name]) for name in _CASES if python[name] != node[name]}
    assert different.keys() == _DIFFERENT, {name: what for name, what in different.items() if name not in _DIFFERENT}


def _learned_by(client: Client) -> dict[str, Any]:
    """What the client's callers learn in each case: all but the class and the wording of an error, its language's."""
    learned = {}
    with running() as address, driving(client, address) as driver, controlling(address) as mock:
        for name, (question, incident) in _CASES.items():
            seen = observe(driver, mock, question, incident)
            error = None if seen.error is None else {"status": seen.error["status"]}
            learned[name] = {**seen.answer, "error": error, "statuses": seen.statuses}
    return learned
