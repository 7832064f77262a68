"""What a mock is doing now, as JSON: `GET /_mock/state`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mixtral_contract.mock.admin import changes as switches
from mixtral_contract.mock.journal.journal import Entry, Journal
from mixtral_contract.mock.journal.metrics import Metrics

if TYPE_CHECKING:
    from mixtral_contract.mock.service.mock import Mock

_SHOWN = 200
"""How many of the requests under way are listed."""


def state(mock: Mock, now_ns: int) -> dict[str, Any]:
    """The server's state; money is text, because it is exact."""
    journal = mock.journal
    return {
        "clock": {"now_ns": now_ns, "monotonic_offset_ns": mock.offset_ns, "started_ns": mock.started_ns},
        "dialects": {
            operation.dialect: {"method": operation.method, "path": operation.path}
            for operation in mock.service.contract.operations.values()
        },
        "pace": switches.pace(mock),
        "engines": switches.engines(),
        "incidents": switches.incidents(mock),
        "incident_kinds": switches.incident_kinds(),
        "breaks": list(mock.breaks),
        "accounts": switches.accounts(mock, now_ns),
        "counters": counters(mock.metrics),
        "in_flight": {
            "count": len(journal.running),
            "generation_tokens": sum(_sent_steps(entry) for entry in list(journal.running)),
            "requests": [_under_way(entry, now_ns) for entry in list(journal.running)[:_SHOWN]],
        },
        "journal": _journal(journal),
    }


def counters(metrics: Metrics) -> dict[str, Any]:
    """What was counted since the start, or the last reset."""
    models = metrics.models.values()
    return {
        "requests": [
            {"dialect": dialect, "status": status, "condition": condition, "count": count}
            for (dialect, status, condition), count in metrics.count_by("dialect", "status", "condition").items()
        ],
        "ends": metrics.count_by("end"),
        "incidents": {name: count for name, count in metrics.count_by("incident").items() if name is not None},
        "prompt_tokens": sum(model.prompt_tokens for model in models),
        "generation_tokens": sum(model.generation_tokens for model in models),
        "lateness": {
            "deadlines": metrics.lateness.count,
            "at_most_ns": [[bound, count] for bound, count in metrics.lateness.cumulative()],
        },
    }


def _journal(journal: Journal) -> dict[str, Any]:
    return {
        "requests": len(journal),
        "most_requests": journal.most_requests,
        "bytes": journal.bytes,
        "most_bytes": journal.most_bytes,
        "last_id": journal.last_id,
        "dropped": journal.dropped,
    }


def _sent_steps(entry: Entry) -> int:
    return entry.sent[-1][0] if entry.sent else 0


def _under_way(entry: Entry, now_ns: int) -> dict[str, Any]:
    last_ns = entry.sent[-1][1] if entry.sent else entry.head_ns or entry.received_ns
    return {
        "since_ns": entry.received_ns,
        "age_ns": now_ns - entry.received_ns,
        "connection": entry.connection,
        "dialect": entry.dialect,
        "account": entry.account,
        "stream": entry.stream,
        "status": entry.status,
        "incident": entry.incident,
        "completion_id": entry.completion_id,
        "completion_tokens": entry.completion_tokens,
        "steps": entry.steps,
        "sent_steps": _sent_steps(entry),
        "silent_ns": now_ns - last_ns,
    }
