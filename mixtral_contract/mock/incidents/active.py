"""Which incidents a request gets: those that are on, or those that it asks for itself, in sequence or at random.

The sample is drawn from the seed, the request and the number of the attempt at it, so that neither concurrency nor the
order of arrival changes what a request gets. Knows no socket, no clock and no reply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.incidents.grammar import IncidentError, Plan, parse
from mixtral_contract.mock.incidents.incident import Incident
from mixtral_contract.mock.messages.messages import Request
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache

HEADER = "x-mock-incident"
"""Asks for incidents instead of those that are on; `ok` asks for none. Each field of this name is one plan."""

_MOST_COUNTED = 65_536
"""Of how many requests the attempts are counted; the one that was not attempted for the longest time is forgotten."""

_MOST_READ = 1024
_MOST_FIELDS = 16
_HEX = 2**64


class Incidents:
    """The incidents of one server; what changes them takes effect with the next request, all at once.

    `plans` are on from the beginning; `counts` says whether this process sees every request, without which there are
    no sequences and no rates.

    Raises: IncidentError when one of the plans is none.
    """

    def __init__(self, seed: int = 0, *plans: str, counts: bool = True) -> None:
        self._seed = seed
        self._counts = counts
        self._on: tuple[_Active, ...] = ()
        self._asked = BoundedCache[str, Plan](_MOST_READ)
        self._attempts: dict[bytes, int] = {}
        self.set(*plans)

    def set(self, *plans: str) -> None:
        """Puts these in the place of all that are on, and counts attempts anew.

        Raises: IncidentError when one of them is no plan; then nothing changes.
        """
        on = tuple(_Active(self._parse(text)) for text in plans)
        self._on, self._attempts = on, {}

    def clear(self) -> None:
        """Turns all off, and counts attempts anew."""
        self.set()

    @property
    def on(self) -> bool:
        """Whether there are any for calls which do not ask for one."""
        return bool(self._on)

    def status(self) -> list[dict[str, Any]]:
        """What is on: each plan, the requests that it was asked about, and those that it was applied to."""
        return [
            {"incident": active.plan.text, "requests": active.requests, "applied": active.applied}
            for active in self._on
        ]

    def draw(self, request: Request, operation: Operation) -> tuple[Incident, ...]:
        """The incidents of a request; this is one more attempt at it.

        Raises: IncidentError when the request asks for something that is no plan.
        """
        if HEADER in request.headers:
            asked = [value for name, value in request.fields if name.lower() == HEADER]
            plans = [self._read(text) for text in asked[:_MOST_FIELDS]]
            return tuple(incident for plan in plans for incident in self._applicable(plan, request, operation))
        drawn: tuple[Incident, ...] = ()
        for active in self._on:
            applicable = self._applicable(active.plan, request, operation)
            active.requests += 1
            active.applied += bool(applicable)
            drawn += applicable
        return drawn

    def _read(self, text: str) -> Plan:
        plan = self._asked.get(text)
        if plan is None:
            plan = self._parse(text)
            self._asked.put(text, plan)
        return plan

    def _parse(self, text: str) -> Plan:
        plan = parse(text)
        if plan.counts and not self._counts:
            raise IncidentError(f"expected no sequence and no rate where several processes answer, got {text[:60]!r}")
        return plan

    def _applicable(self, plan: Plan, request: Request, operation: Operation) -> tuple[Incident, ...]:
        if not plan.counts:
            return plan.step(0)
        subject = _subject(plan, request, operation)
        attempt = self._attempt(subject)
        if plan.rate is None:
            return plan.step(attempt)
        return plan.step(0) if sample(self._seed, subject, attempt) < plan.rate else ()

    def _attempt(self, subject: bytes) -> int:
        attempt = self._attempts.pop(subject, 0)
        if len(self._attempts) >= _MOST_COUNTED:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[subject] = attempt + 1
        return attempt


class _Active:
    """A plan that is on, and what it did."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.requests = 0
        self.applied = 0


def sample(seed: int, subject: bytes, attempt: int) -> float:
    """A number from 0 to 1, without 1, that depends on these and on nothing else."""
    digest = hashlib.blake2b(b"%d %d " % (seed, attempt) + subject, digest_size=8).digest()
    return int.from_bytes(digest, "big") / _HEX


def _subject(plan: Plan, request: Request, operation: Operation) -> bytes:
    """What a plan counts the attempts at; no two plans share what they count."""
    digest = hashlib.blake2b(plan.text.encode(), digest_size=16)
    for part in _SUBJECTS[plan.per](request, operation):
        digest.update(b"%d " % len(part))
        digest.update(part)
    return digest.digest()


def _keys(request: Request, operation: Operation) -> Sequence[bytes]:
    return [request.headers.get(credential.header.lower(), "").encode() for credential in operation.credentials]


_SUBJECTS: Mapping[str, Callable[[Request, Operation], Sequence[bytes]]] = {
    "request": lambda request, _operation: (request.method.encode(), request.path.encode(), request.body),
    "key": _keys,
    "server": lambda _request, _operation: (),
}
