"""What a mock is doing now, as JSON: `GET /_mock/state`."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mixtral_contract.mock.incidents.answers import STATUS
from mixtral_contract.mock.incidents.grammar import KINDS
from mixtral_contract.mock.journal.journal import Entry, Journal
from mixtral_contract.mock.journal.metrics import Load, Metrics
from mixtral_contract.mock.timing import profile_file
from mixtral_contract.mock.timing.engine import Deployment, Pace

if TYPE_CHECKING:
    from mixtral_contract.mock.service.mock import Mock

_A_STATUS = "503"
_SHOWN = 200
"""How many of the requests under way are listed."""


def state(mock: Mock, now_ns: int) -> dict[str, Any]:
    """The server's state; money is text, because it is exact."""
    journal = mock.journal
    return {
        "clock": {"now_ns": now_ns, "monotonic_offset_ns": mock.offset_ns, "started_ns": mock.started_ns},
        "dialects": {
            operation.dialect: {"method": operation.method, "path": operation.template}
            for operation in mock.service.contract.operations.values()
        },
        "pace": pace(mock),
        "engines": engines(),
        "incidents": incidents(mock),
        "incident_kinds": incident_kinds(),
        "breaks": list(mock.breaks),
        "accounts": accounts(mock, now_ns),
        "counters": counters(mock.metrics),
        "in_flight": {
            "count": len(journal.running),
            "generation_tokens": sum(_sent_steps(entry) for entry in list(journal.running)),
            "requests": [_under_way(entry, now_ns) for entry in list(journal.running)[:_SHOWN]],
        },
        "journal": _journal(journal),
    }


def pace(mock: Mock) -> dict[str, Any]:
    """The pace in force: its two times, or the name of a deployment's profile."""
    if isinstance(mock.pace, Pace):
        return {"ttft_ms": mock.pace.ttft_ns / 1e6, "itl_ms": mock.pace.itl_ns / 1e6, "engine": None}
    return {"ttft_ms": None, "itl_ms": None, "engine": _shipped().get(mock.pace) or getattr(mock.pace, "name", None)}


def engines() -> list[str]:
    """The profiles of deployments that there are."""
    return profile_file.names()


def incidents(mock: Mock) -> list[dict[str, Any]]:
    """The incidents that are on: each one's text, how many requests it was asked about, and applied to."""
    return mock.incidents.status()


@functools.cache
def incident_kinds() -> list[dict[str, Any]]:
    """The incidents that there are, with their arguments and what those are when they are not given."""
    return [
        {
            "name": _A_STATUS if kind is STATUS else name,
            "summary": kind.summary,
            "parameters": {
                argument: {"default": parameter.default, "expected": parameter.expected}
                for argument, parameter in kind.parameters.items()
            },
        }
        for name, kind in KINDS.items()
    ]


def accounts(mock: Mock, now_ns: int) -> list[dict[str, Any]]:
    """The accounts by name.

    The credits left (None for no bound), whether it may not call at all, how long until the next call is let in (None
    for never).
    """
    return [
        {
            "name": standing.account.name,
            "credits": None if standing.account.credits is None else standing.text(standing.left),
            "forbidden": standing.account.forbidden or not standing.account.is_valid(now_ns),
            "wait_ns": standing.next_ns(now_ns),
        }
        for standing in mock.service.admission.standings
    ]


def loads(mock: Mock) -> dict[str, Load]:
    """What each model has under way."""
    names = [model.name for operation in mock.service.contract.operations.values() for model in operation.models]
    under_way = Counter((entry.model, entry.decided_ns is not None) for entry in list(mock.journal.running))
    return {name: Load(under_way[name, True], under_way[name, False], mock.kv_share) for name in names}


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
        "keeps_bodies": journal.keeps_bodies,
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


@functools.cache
def _shipped() -> Mapping[Deployment, str]:
    return {profile_file.load(name): name for name in profile_file.names()}
