"""What a test expects of its client, as assertions that list what was really asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from mixtral_contract.mock.journal.grading import Finding
from mixtral_contract.mock.testing.environment import KEYS
from mixtral_contract.mock.testing.network.guard import Stopped
from mixtral_contract.mock.testing.recorded_request import RecordedRequest

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

_STORM = 3
"""So many attempts in a row at what was refused for good are a storm too."""


class Expectations(ABC):
    """The assertions of a mock; each raises AssertionError with what was expected, what came, and all requests."""

    strict_background: bool

    @property
    @abstractmethod
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in the order in which they came."""

    @property
    @abstractmethod
    def complaints(self) -> list[Finding]:
        """What the client did wrong, by the rules of `mixtral_contract.mock.journal.grading`."""

    @property
    @abstractmethod
    def leaks(self) -> Sequence[str]:
        """Where a key was that none belongs: a body, a URL."""

    @property
    @abstractmethod
    def stopped(self) -> Sequence[Stopped]:
        """What was about to leave this machine and did not."""

    @property
    @abstractmethod
    def unused(self) -> Sequence[str]:
        """What was set up and no request met."""

    @property
    def unanswered(self) -> Sequence[str]:
        """What was about to leave this machine and did not, in words; calls in the background too."""
        return [str(each) for each in self.stopped]

    def history(self) -> str:
        """All requests with their answers, a line each, for somebody who wonders why a test failed."""
        got = self.requests
        lines = [f"  {number}  {request}" for number, request in enumerate(got, 1)] or ["  nothing"]
        if any(request.condition == "wrong-key" for request in got):
            lines.append(f"  a known key is `.key` of this mock, and what {', '.join(KEYS)} hold while the test runs")
        lines += [f"  stopped: {each}" for each in self.unanswered]
        return "\n".join(lines)

    def assert_called(self, times: int | None = None) -> None:
        """It was called, exactly so many times if a number is given."""
        got = self.requests
        if times is None and not got:
            self._fail("expected at least one request, got none", got)
        if times is not None and len(got) != times:
            self._fail(f"expected {_count(times)}, got {len(got)}", got)

    def assert_not_called(self) -> None:
        """It was not called at all."""
        self.assert_called(0)

    def assert_called_with(self, **fields: Any) -> None:
        """At least one request had a body with all of these fields."""
        got = self.requests
        if not any(_has(request, fields) for request in got):
            self._fail(f"expected a request with {_shown(fields)}, got {_count(len(got))} without", got, fields)

    def assert_called_once_with(self, **fields: Any) -> None:
        """There was one request, and its body had all of these fields."""
        got = self.requests
        if len(got) != 1 or not _has(got[0], fields):
            self._fail(f"expected one request, with {_shown(fields)}, got {_count(len(got))}", got, fields)

    def assert_called_once_with_model(self, model: str) -> None:
        """There was one request, and it asked for this model."""
        got = self.requests
        if [request.model for request in got] != [model]:
            self._fail(f"expected one request, for the model {model!r}, got {_count(len(got))}", got)

    def assert_no_retry_storm(self) -> None:
        """Waits between attempts grew or were long, and nothing that was refused for good was asked again and again."""
        storms = [
            finding
            for finding in self.complaints
            if finding.rule == "retry-storm" or (finding.rule == "final-retried" and len(finding.requests) >= _STORM)
        ]
        if storms:
            self._fail(f"expected no retry storm, got {_findings(storms)}", self.requests)

    def assert_no_complaints(self) -> None:
        """The client did nothing that it must not; what an honest client may have done for a reason is let pass."""
        faults = [finding for finding in self.complaints if finding.level == "fault"]
        if faults:
            self._fail(f"expected a client without fault, got {_findings(faults)}", self.requests)

    def assert_no_key_leaked(self) -> None:
        """Every key was where it is read, and nowhere else: not in a URL, a body or the wrong header."""
        misplaced = [finding for finding in self.complaints if finding.rule == "key-misplaced"]
        found = [*self.leaks, *([_findings(misplaced)] if misplaced else [])]
        if found:
            self._fail(f"expected keys in their header only, got {'; '.join(found)}", self.requests)

    def assert_all_matched(self) -> None:
        """There was an answer for everything that was asked."""
        lost = [request for request in self.requests if request.unmatched]
        stopped = [each for each in self.stopped if self.strict_background or not each.in_background]
        if lost or stopped:
            lines = [
                *map(str, lost),
                *(f"            {request}  → stopped, nothing left for the network" for request in stopped),
            ]
            raise AssertionError(
                f"expected an answer for every request, got none for {len(lines)} (allow_unmatched=True lets it be):\n"
                + "\n".join(f"  {line}" for line in lines)
            )

    def assert_all_used(self) -> None:
        """Every reply that was set up was said, and every incident met a request."""
        unused = self.unused
        if unused:
            lines = "\n".join(f"  {each}" for each in unused)
            self._fail(
                f"expected a request for all that was set up, got none for (allow_unused=True lets it be):\n{lines}\n"
                "what was asked",
                self.requests,
            )

    def _fail(self, text: str, got: Sequence[RecordedRequest], fields: Iterable[str] = ()) -> None:
        lines = []
        for number, request in enumerate(got, 1):
            lines.append(f"  {number}  {request}")
            sent = request.body or {}
            lines += [f"       {name}={sent[name]!r}" if name in sent else f"       no {name}" for name in fields]
        raise AssertionError("\n".join([f"{text}{':' if lines else ''}", *lines]))


def _has(request: RecordedRequest, fields: dict[str, Any]) -> bool:
    body = request.body or {}
    return all(name in body and body[name] == value for name, value in fields.items())


def _shown(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())


def _findings(findings: Sequence[Finding]) -> str:
    return "; ".join(f"{finding.rule}: {finding.got} (expected {finding.expected})" for finding in findings)


def _count(number: int) -> str:
    return {0: "no request", 1: "1 request"}.get(number, f"{number} requests")
