"""A mock in the hands of a test: what it says, what befalls its answers, how fast it is, and what it was asked."""

from __future__ import annotations

import functools
import os
import re
import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson

from mixtral_contract.contract.openapi import DOCUMENT, Contract
from mixtral_contract.mock.accounts import accounts_file as accounts_of
from mixtral_contract.mock.accounts.accounts import ACCOUNTS, Account, Accounts
from mixtral_contract.mock.accounts.any_key import AnyKey
from mixtral_contract.mock.build import build
from mixtral_contract.mock.fixtures.asked import AskedRequest
from mixtral_contract.mock.fixtures.fixture_file import FixtureFile
from mixtral_contract.mock.fixtures.text_matcher import ANY
from mixtral_contract.mock.journal.entry_json import Redact, redactor
from mixtral_contract.mock.journal.grading import Finding, grade
from mixtral_contract.mock.journal.journal import MOST_REQUESTS
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.testing.assertions import Expectations
from mixtral_contract.mock.testing.environment import keys
from mixtral_contract.mock.testing.incident_queue import IncidentQueue, written
from mixtral_contract.mock.testing.recorded_request import RecordedRequest, recorded
from mixtral_contract.mock.testing.reply_arguments import described, fixture_of
from mixtral_contract.mock.timing import profile_file
from mixtral_contract.mock.timing.engine import Deployment, Pace
from mixtral_contract.primitives.bounded.bounded_cache import BoundedCache

__tracebackhide__ = True
# pytest leaves these frames out: the line of the test is what failed

Result = TypeVar("Result")

Reply = str | Sequence[Any] | Mapping[str, Any] | Callable[[AskedRequest], Any]
When = str | re.Pattern[str] | Mapping[str, Any] | Callable[[AskedRequest], object] | None


class Scenario(Expectations):
    """What both mocks of a test offer, the one in process and the one with a socket.

    `accounts` is a YAML file or a list of mappings with its fields, `engine` names a profile (`mixtral-8x22b`, or a
    file) whose pace answers keep; `ttft_ms` and `itl_ms` set a constant one instead. `fixtures` is a file of scripted
    replies, `as_observed` behaves as the real endpoints were seen to, `spec` is another contract, and another `seed`
    makes up other answers.

    `allow_unmatched` lets a test pass in which something was asked that nothing answers, `allow_unused` one that set up
    a reply or an incident which no request met. A call to another host in a background thread is stopped like any
    other; the test fails for it with `strict_background`.

    Without `accounts` the keys are `mock-valid`, `mock-exhausted`, `mock-forbidden` and `mock-limited`, and any other
    key is valid too, so that an application goes on with its own, which goes nowhere; with `strict_keys` only those are
    that the environment holds under the names which SDKs read.

    Raises: ValueError when one of the arguments is not what it should be, in one line.
    """

    def __init__(
        self,
        *,
        accounts: str | Path | Sequence[Mapping[str, Any]] | None = None,
        engine: str | None = None,
        ttft_ms: float | None = None,
        itl_ms: float | None = None,
        seed: int = 0,
        fixtures: str | Path | None = None,
        as_observed: bool = False,
        allow_unmatched: bool = False,
        allow_unused: bool = False,
        strict_keys: bool = False,
        strict_background: bool = False,
        spec: str | Path = DOCUMENT,
    ) -> None:
        self.contract = _contract(Path(spec))
        self.allow_unmatched = allow_unmatched
        self.allow_unused = allow_unused
        self.strict_background = strict_background
        known = _accounts(accounts, self.contract)
        self.key = known[0].key
        self._incidents = IncidentQueue(seed)
        self._bodies = BoundedCache[tuple[int, str], bytes](MOST_REQUESTS)
        self._leaks: dict[str, None] = {}
        self._written: dict[str, str] = {}
        self.mock = build(
            self.contract,
            seed=seed,
            pace=_pace(engine, ttft_ms, itl_ms),
            admission=(Accounts if strict_keys or accounts is not None else AnyKey)(known),
            fixtures=None if fixtures is None else FixtureFile(Path(fixtures), self.contract, _tell),
            as_observed=as_observed,
            incidents=self._incidents,
        )
        self.mock.service.checks.on_call = self._hear

    @abstractmethod
    def _exclusively(self, function: Callable[[], Result]) -> Result:
        """What a function returns that looks at the mock, or changes it, while no request is dealt with."""

    @abstractmethod
    def _set_pace(self, pace: Deployment) -> None:
        """Sets the pace of all answers to come."""

    # what befalls the answers

    def next(self, incident: str, /, **arguments: object) -> None:
        """Queues an incident for the next call, or a sequence for the next calls: each gets one, in their order.

        `next("429", retry_after=1)`, `next("stall", after=3)`, `next("429*2,ok")`. The names and their arguments are
        those of `python -m mock_server --incident list`; `ok` is an answer that nothing befalls.

        Raises: ValueError when there is no such incident.
        """
        text = written(incident, arguments)
        self._exclusively(lambda: self._incidents.put(text))

    def always(self, incident: str, /, **arguments: object) -> None:
        """Lets something befall every call from now on that gets nothing from `next`; several befall it together.

        Beside names it takes all that `--incident` does, such as `cut:after=5;rate=0.1`.

        Raises: ValueError when there is no such incident.
        """
        text = written(incident, arguments)
        self._exclusively(lambda: self._incidents.add(text))

    def clear_incidents(self) -> None:
        """Turns all incidents off, those of the queue too."""
        self._exclusively(self._incidents.clear)

    @property
    def queued(self) -> tuple[str, ...]:
        """What `next` has queued and no call has got yet."""
        return self._exclusively(lambda: self._incidents.queued)

    # what is said, and how fast

    def reply(self, *replies: Reply, when: When = None, dialect: str = ANY, **arguments: Any) -> None:
        """Says this from now on: the first reply to the first call, and so on, the last one to all that follow.

        A reply is a text, a list of parts (texts, `tool_call`, `pause`, `comment`, `error`, `raw`, `cut`, `finish` of
        `mixtral_contract.testing`), a mapping, or a function that makes one of the request. Arguments with the names of
        what a reply has (`tool_calls`, `finish_reason`, `choices`, `usage`, `logprobs`, `refusal`, `reasoning_content`,
        `pace`, `oddities`, `status`, ...) belong to each of them, or are the reply; `turns` are the replies to the
        turns of one conversation.

        `when` has to stand in what the user said last, or to be found in it if it is a compiled pattern, or to hold if
        it is a function of the request; a mapping has the conditions of a file of fixtures, which are arguments too
        (`model`, `some`, `tool_result`, `tools`, `headers`, `turn`, `conversation`). Further arguments are fields of
        the body, which have to be as given. A reply with a condition comes before one without, a newer one before an
        older. Once there is a reply, a request that meets none is refused with the reason why.

        Raises: ValueError, naming the argument, when it cannot be said, or no request can be of that kind.
        """
        added = self.mock.fixtures

        def add() -> str:
            made = fixture_of(
                self.contract, f"reply {added.count + 1}", replies, when=when, dialect=dialect, arguments=arguments
            )
            added.add(made)
            return made.name

        self._written[self._exclusively(add)] = described(replies, when, dialect, arguments)

    def pace(self, *, ttft_ms: float = 0, itl_ms: float = 0) -> None:
        """Sets the time to the first token and between two tokens, for all answers to come."""
        pace = _pace(None, ttft_ms, itl_ms)
        self._exclusively(lambda: self._set_pace(pace))

    # what was asked

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests so far, in the order in which they came; those of the control API and of health are none."""
        journal, redact = self.mock.journal, self._redact
        entries = self._exclusively(lambda: [*journal.entries(), *journal.running])
        entries.sort(key=lambda entry: entry.received_ns)
        return [
            recorded(entry, self._body(entry.received_ns, entry.path), self.mock.started_ns, redact)
            for entry in entries
        ]

    @property
    def complaints(self) -> list[Finding]:
        """What the client did wrong, by the rules of `mixtral_contract.mock.journal.grading`."""
        return grade(self._exclusively(self.mock.journal.entries), self.mock.clock())

    @property
    def leaks(self) -> Sequence[str]:
        """Where a key was that none belongs: a body, a URL."""
        return tuple(self._leaks)

    @property
    def unused(self) -> Sequence[str]:
        """What was set up and no request met: replies, incidents of the queue, and incidents of all calls."""
        said = self._exclusively(lambda: {name for name in self._written if self.mock.fixtures.said(name)})
        active = self._exclusively(self._incidents.status)
        return [
            *(text for name, text in self._written.items() if name not in said),
            *(f"next({text!r})" for text in self.queued),
            *(f"always({each['incident']!r})" for each in active if not self.requests),
        ]

    def _hear(self, call: Call) -> None:
        request = call.request
        self._bodies.put((call.now_ns, request.path), request.body)
        sent = (request.headers.get(each.header.lower(), "") for each in call.operation.credentials)
        given = filter(None, (value.rpartition(" ")[2] for value in sent))
        for key in {*self.mock.service.admission.keys, *given}:
            if key.encode() in request.body:
                self._leaks[f"one in the body of {request.method} {request.path}"] = None
            if key in request.query:
                self._leaks[f"one in the URL of {request.method} {request.path}"] = None

    @property
    def _redact(self) -> Redact:
        return redactor(self.mock.service.admission.keys)

    def _body(self, received_ns: int, path: str) -> Any:
        sent = self._bodies.get((received_ns, path))
        try:
            return None if sent is None else orjson.loads(self._redact(sent.decode()))
        except ValueError:
            return None


@functools.cache
def _contract(path: Path) -> Contract:
    return Contract.load(path)


def _accounts(given: str | Path | Sequence[Mapping[str, Any]] | None, contract: Contract) -> tuple[Account, ...]:
    if given is None:
        known = {account.key for account in ACCOUNTS}
        own = [key for key in keys(os.environ) if key not in known]
        return (*ACCOUNTS, *(Account(key, f"environment-{number}") for number, key in enumerate(own, 1)))
    if isinstance(given, str | Path):
        return accounts_of.load(Path(given), contract)
    return accounts_of.of(given, contract)


def _pace(engine: str | None, ttft_ms: float | None, itl_ms: float | None) -> Deployment:
    if engine is not None:
        if ttft_ms is not None or itl_ms is not None:
            raise ValueError(f"engine: expected neither ttft_ms nor itl_ms beside it, got {engine!r} and one of them")
        return profile_file.load(engine)
    for name, value in (("ttft_ms", ttft_ms), ("itl_ms", itl_ms)):
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"{name}: expected milliseconds, not negative, got {value!r}")
    return Pace(round((ttft_ms or 0) * 1e6), round((itl_ms or 0) * 1e6))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201  pytest shows it beside a failure
