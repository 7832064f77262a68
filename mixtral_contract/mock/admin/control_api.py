"""The control API under `/_mock/`: what the mock does and did, and the switches that change it while it runs.

Nothing here is billed, disturbed by incidents or written into the journal. What takes long is returned as a function,
to be called in another thread: the streams under way go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from mixtral_contract.contract.openapi import JSON
from mixtral_contract.mock.admin import access
from mixtral_contract.mock.admin import changes as switches
from mixtral_contract.mock.admin import live_page as page
from mixtral_contract.mock.admin.state import state
from mixtral_contract.mock.fixtures.fixture_reader import FixtureError, fixture
from mixtral_contract.mock.journal.entry_json import FIELDS, line, record
from mixtral_contract.mock.journal.grading import PATIENCE_S, RULES, grade
from mixtral_contract.mock.journal.journal import Entry
from mixtral_contract.mock.messages.messages import Answer, Reply, Request

if TYPE_CHECKING:
    from mixtral_contract.mock.service.mock import Mock

PREFIX = "/_mock"

_LIMIT = 100
_MOST = 10_000
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


class _RefusedError(ValueError):
    """What is wrong with the request, by the name of the parameter or field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {reason}" for name, reason in fields.items()))
        self.fields = fields


class Control:
    """The control API of one mock; `token` admits clients of other machines, None when there is none."""

    def __init__(self, mock: Mock, token: str | None = None) -> None:
        self._mock = mock
        self._token = token
        self._routes: Mapping[str, Mapping[str, tuple[Callable[[Request], Answer], str]]] = {
            "/": {"GET": (self._page, "the live page")},
            "/api": {"GET": (self._api, "this list, and the fields of the journal")},
            "/state": {
                "GET": (self._state, "accounts, pace, incidents, counters and what is under way"),
                "PATCH": (
                    self._change,
                    (
                        "JSON object with incidents (list of strings), pace ({ttft_ms, itl_ms}) or "
                        "engine (name of a profile), breaks (list of clause ids), journal_bodies (true or "
                        "false): all of it, or nothing"
                    ),
                ),
            },
            "/journal": {
                "GET": (
                    self._journal,
                    (
                        "ended requests, the oldest first; since=ID, limit=N (default "
                        f"{_LIMIT}), dialect=NAME, status=NNN, tokens=no (without the times of each token), "
                        "bodies=yes (with what was asked and answered, where that is kept: --journal-bodies)"
                    ),
                ),
            },
            "/journal.jsonl": {
                "GET": (self._jsonl, "all of them, a line each; since, dialect, status and bodies as above")
            },
            "/replies": {
                "GET": (
                    self._replies,
                    "the scripted replies in the order in which they are asked, and how often they spoke",
                ),
                "POST": (
                    self._add_replies,
                    (
                        "JSON object with says (a reply, or a list of them for one call each) or turns, when "
                        "(conditions) and name, as in a file of fixtures; or a list of such objects: all, or nothing"
                    ),
                ),
                "DELETE": (self._remove_replies, "removes what was added; a file's stay"),
            },
            "/grade": {
                "GET": (
                    self._grade,
                    (
                        "what the client did wrong; since=ID, patience_s=X (default "
                        f"{PATIENCE_S:g}): how long a stream may be silent"
                    ),
                )
            },
            "/reset": {"POST": (self._reset, f"what=A[,B...] of {', '.join(switches.RESETS)} or all")},
        }

    def answer(self, request: Request, peer: str | None) -> Answer:
        """The answer to a request whose path begins with PREFIX; a function is to be called in another thread."""
        denied = access.denied(request, peer, self._token)
        if denied is not None:
            return _error(denied.status, denied.message)
        if self._mock.shared:
            return _error(
                501,
                "control: expected one process (--workers 1): each worker has a journal, pace and "
                "incidents of its own, and would answer for itself alone",
            )
        methods = self._routes.get(request.path.removeprefix(PREFIX) or "/")
        if methods is None:
            return _error(
                404, f"{request.path[:100]}: expected one of {', '.join(PREFIX + path for path in self._routes)}"
            )
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            reply = _error(405, f"{request.path}: expected {' or '.join(methods)}, got {request.method}")
            reply.headers["allow"] = ", ".join(["HEAD", *methods] if "GET" in methods else methods)
            return reply
        try:
            return route[0](request)
        except _RefusedError as refused:
            return _error(400, str(refused), refused.fields)

    def _page(self, request: Request) -> Reply:
        if not request.path.endswith("/"):
            return Reply(308, {**_HEADERS, "location": f"{PREFIX}/"}, b"")
        return Reply(200, {**_HEADERS, **page.headers()}, page.content())

    def _api(self, _: Request) -> Reply:
        routes = [
            {"method": method, "path": PREFIX + path, "summary": summary}
            for path, methods in self._routes.items()
            for method, (_, summary) in methods.items()
        ]
        return _json(
            {
                "routes": routes,
                "resets": list(switches.RESETS),
                "journal_fields": FIELDS,
                "rules": [_rule(rule) for rule in RULES],
            }
        )

    def _state(self, _: Request) -> Reply:
        return _json(state(self._mock, self._mock.clock()))

    def _change(self, request: Request) -> Reply:
        faults = switches.change(self._mock, _body(request))
        if faults:
            raise _RefusedError(faults)
        return self._state(request)

    def _replies(self, _: Request) -> Reply:
        return _json({"replies": self._mock.fixtures.status(self._mock.clock())})

    def _add_replies(self, request: Request) -> Reply:
        body, added = _body(request), self._mock.fixtures
        contract = self._mock.service.contract
        try:
            made = [
                fixture(node, contract, where, f"reply {added.count + number}")
                for number, (where, node) in enumerate(_nodes(body), 1)
            ]
            added.add(*made)
        except (FixtureError, OverflowError) as error:
            raise _RefusedError({"replies": str(error)}) from error
        return _json({"added": [fixture.name for fixture in made]}, 201)

    def _remove_replies(self, request: Request) -> Reply:
        self._mock.fixtures.clear()
        return self._replies(request)

    def _reset(self, request: Request) -> Reply:
        wanted = [name for name in _query(request, "what").get("what", "").split(",") if name]
        faults = switches.reset(self._mock, wanted)
        if faults:
            raise _RefusedError({"what": faults})
        return self._state(request)

    def _journal(self, request: Request) -> Answer:
        query = _query(request, "since", "limit", "dialect", "status", "tokens", "bodies")
        entries = self._entries(query)
        limit = _number(query, "limit", _LIMIT, most=_MOST)
        tokens, bodies = _yes(query, "tokens", default=True), self._bodies(query)
        origin = self._mock.origin
        head = {
            "clock": {"now_ns": self._mock.clock(), "monotonic_offset_ns": origin.offset_ns},
            "last_id": self._mock.journal.last_id,
            "dropped": self._mock.journal.dropped,
            "more": len(entries) > limit,
        }

        def render() -> Reply:
            records = [record(entry, origin, tokens=tokens, bodies=bodies) for entry in entries[:limit]]
            return _json({**head, "requests": records})

        return render

    def _jsonl(self, request: Request) -> Answer:
        query = _query(request, "since", "dialect", "status", "bodies")
        entries, bodies = self._entries(query), self._bodies(query)
        origin = self._mock.origin

        def render() -> Reply:
            content = b"".join(line(entry, origin, bodies=bodies) for entry in entries)
            return Reply(200, {**_HEADERS, "content-type": "application/jsonl"}, content)

        return render

    def _grade(self, request: Request) -> Answer:
        query = _query(request, "since", "patience_s")
        patience_s = _seconds(query, "patience_s", PATIENCE_S)
        journal, now_ns = self._mock.journal, self._mock.clock()
        entries = journal.entries(_number(query, "since", 0))

        def render() -> Reply:
            findings = [finding.as_json() for finding in grade(entries, now_ns, patience_s=patience_s)]
            seen = {"requests": len(entries), "dropped": journal.dropped}
            return _json({**seen, "findings": findings, "rules": [_rule(rule) for rule in RULES]})

        return render

    def _bodies(self, query: Mapping[str, str]) -> bool:
        """Whether bodies are asked for, which have to be kept then."""
        wanted = _yes(query, "bodies", default=False)
        if wanted and not self._mock.journal.keeps_bodies:
            raise _RefusedError({"bodies": "expected --journal-bodies, or PATCH /_mock/state with journal_bodies"})
        return wanted

    def _entries(self, query: Mapping[str, str]) -> list[Entry]:
        dialect, dialects = query.get("dialect"), self._mock.service.contract.operations
        if dialect is not None and dialect not in dialects:
            raise _RefusedError({"dialect": f"expected {' or '.join(dialects)}, got {dialect[:100]!r}"})
        status = _number(query, "status", 0)
        return [
            entry
            for entry in self._mock.journal.entries(_number(query, "since", 0))
            if (dialect is None or entry.dialect == dialect) and (not status or entry.status == status)
        ]


def _nodes(body: Any) -> list[tuple[str, Any]]:
    """The fixtures of a body, each with where it stands."""
    if not isinstance(body, list):
        return [("body", body)]
    return [(f"body.{number}", node) for number, node in enumerate(body)]


def _body(request: Request) -> Any:
    try:
        return orjson.loads(request.body)
    except ValueError as error:
        raise _RefusedError({"body": f"expected JSON, got {error}"}) from error


def _query(request: Request, *known: str) -> dict[str, str]:
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    unknown = {name[:100]: f"expected one of {', '.join(known)}" for name in query if name not in known}
    if unknown:
        raise _RefusedError(unknown)
    return query


def _number(query: Mapping[str, str], name: str, default: int, *, most: int = 2**63 - 1) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise _RefusedError({name: f"expected a number from 0 to {most}, got {text[:100]!r}"})
    return int(text)


def _yes(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = query.get(name, "yes" if default else "no")
    if text not in ("yes", "no"):
        raise _RefusedError({name: f"expected yes or no, got {text[:100]!r}"})
    return text == "yes"


def _seconds(query: Mapping[str, str], name: str, default: float) -> float:
    text = query.get(name)
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1e6:
        raise _RefusedError({name: f"expected seconds, not negative, got {str(text)[:100]!r}"})
    return value


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {"id": rule.id, "level": rule.level, "statement": rule.statement}


def _json(content: Any, status: int = 200) -> Reply:
    return Reply(status, {**_HEADERS, "content-type": JSON}, orjson.dumps(content))


def _error(status: int, message: str, fields: Mapping[str, str] | None = None) -> Reply:
    error = {"message": message, **({"fields": fields} if fields else {})}
    return Reply(status, {**_HEADERS, "content-type": JSON}, orjson.dumps({"error": error}))
