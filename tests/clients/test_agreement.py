"""Two SDKs of one vendor, in two languages and two processes: what one makes of an answer the other has to make of it.

Where they differ it is one of them, not the mock, and it stands in the table below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.clients.capabilities import CAPABILITIES, Seen
from tests.clients.client import CLIENTS, Driver, driving
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

_CASES = [
    *(pytest.param(each.as_question(), each.incident, id=each.name) for each in CAPABILITIES),
    *(pytest.param({**CAPABILITIES[0].as_question(), **_STREAM}, incident, id=incident) for incident in _INCIDENTS),
]


@pytest.fixture(scope="module")
def both(installed: Needed) -> Iterator[list[tuple[Driver, httpx.Client]]]:
    """Both clients, each with a mock of its own: the mocks are the same, and neither counts the other's attempts."""
    installed("node")
    with ExitStack() as stack:
        pairs = []
        for client in (_PYTHON, _NODE):
            address = stack.enter_context(running())
            pairs.append((stack.enter_context(driving(client, address)), stack.enter_context(controlling(address))))
        yield pairs


@pytest.mark.parametrize(("question", "incident"), _CASES)
def test_two_sdks__agree(
    question: dict[str, Any], incident: str | None, both: list[tuple[Driver, httpx.Client]]
) -> None:
    """On what their callers learn, and on how often they ask for it."""
    python, node = (_learned(observe(driver, mock, question, incident)) for driver, mock in both)
    assert (python == node) == (incident not in _DIFFERENT), (python, node)


def _learned(seen: Seen) -> dict[str, Any]:
    """All but the class and the wording of an error, which are the language's."""
    error = None if seen.error is None else {"status": seen.error["status"]}
    return {**seen.answer, "error": error, "statuses": seen.statuses}
