"""The incidents that a test has queued for the next calls, beside those that are on; and what each call asked.

The next call that reaches an operation of the contract gets the first one of the queue, whoever makes it and whatever
it asks: a test says "429, then success" without knowing the request.
"""

from __future__ import annotations

from collections import deque

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.incidents.active import HEADER, Incidents
from mixtral_contract.mock.incidents.grammar import IncidentError, Plan, parse
from mixtral_contract.mock.incidents.incident import Incident
from mixtral_contract.mock.messages.messages import Request

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed


class IncidentQueue(Incidents):
    """The incidents of one mock, with a queue before them."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._queue: deque[tuple[Incident, ...]] = deque()

    @property
    def queued(self) -> tuple[str, ...]:
        """What the next calls will get, the first first; `ok` for one that nothing befalls."""
        return tuple("+".join(incident.text for incident in fate) or "ok" for fate in self._queue)

    def put(self, text: str) -> None:
        """Puts a sequence at the end of the queue; a step without a count is one call.

        Raises: IncidentError when the text is none, or asks for more than a sequence.
        """
        plan = _plan(text)
        if ";" in text:
            raise IncidentError(f"next: expected a sequence such as 429*2,ok without rate and per, got {text!r}")
        for step in plan.steps:
            self._queue.extend([step.incidents] * (step.count or 1))

    def add(self, text: str) -> None:
        """Turns one more on, for every call.

        Raises: IncidentError when the text is none.
        """
        self.set(*(active["incident"] for active in self.status()), _plan(text).text)

    def clear(self) -> None:
        """Turns all off, and empties the queue."""
        super().clear()
        self._queue.clear()

    @property
    def on(self) -> bool:
        """Whether there are any, on or queued, for calls which do not ask for one."""
        return bool(self._queue) or super().on

    def draw(self, request: Request, operation: Operation) -> tuple[Incident, ...]:
        """What is queued for the next call; without that what is on."""
        if not self._queue or HEADER in request.headers:
            return super().draw(request, operation)
        return self._queue.popleft()


def _plan(text: str) -> Plan:
    try:
        return parse(text)
    except IncidentError as error:
        raise IncidentError(str(error)) from None  # from here: who reads the trace of a test reads no grammar


def written(name: str, arguments: dict[str, object]) -> str:
    """An incident as the grammar writes it: `429`, retry_after=1 is 429(retry_after=1).

    Raises: IncidentError when there are arguments beside a text that is more than a name.
    """
    if not arguments:
        return name
    if not name.replace("-", "").isalnum():
        given = ", ".join(f"{key}=" for key in arguments)
        raise IncidentError(f"expected the name of one incident beside {given}, got {name!r}")
    return f"{name}({','.join(f'{key}={_text(value)}' for key, value in arguments.items())})"


def _text(value: object) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
