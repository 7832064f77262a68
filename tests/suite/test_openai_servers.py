"""The suite with the dialect of any server, on lawful ones that nobody wrote for it: keyless, prefixed, newer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mixtral_contract.suite.target.target import MOCK_KEYS
from tests.support.judging import CLAUSES, broken, judged
from tests.support.other_http import other_server
from tests.support.other_server import Answer, Defect, Request

PREFIX = "/team/a"
OF_KEYS = {name for name, clause in CLAUSES.items() if clause.needs_key}


def _changed(request: Request, change: Callable[[dict[str, Any]], None]) -> Request:
    body = request.json
    if not isinstance(body, dict):
        return request
    before = json.dumps(body)
    change(body)
    after = json.dumps(body)
    return request if after == before else replace(request, body=after.encode())


def _as_any_server(body: dict[str, Any]) -> None:
    """The server's own scale of temperatures ends at 1, and it knows a model to fill in."""
    body.setdefault("model", None)
    value = body.get("temperature")
    if isinstance(value, int | float) and not isinstance(value, bool):
        body["temperature"] = value / 2


def _any_server(request: Request) -> Request:
    return _changed(request, _as_any_server)


def _without_key(request: Request) -> Request:
    return _any_server(replace(request, headers={**request.headers, "authorization": "Bearer mock-valid"}))


def _below_prefix(request: Request) -> Request:
    path = request.path.removeprefix(PREFIX) if request.path.startswith(PREFIX) else "/nowhere"
    return _any_server(replace(request, path=path))


def _newer(request: Request) -> Request:
    def renamed(body: dict[str, Any]) -> None:
        if "max_tokens" in body:
            body["max_tokens"] = "refused"
        elif "max_completion_tokens" in body:
            body["max_tokens"] = body.pop("max_completion_tokens")

    return _any_server(_changed(request, renamed))


def _names_the_field(request: Request, answer: Answer) -> None:
    if answer.status == 400 and request.asks("max_tokens") == "refused":
        answer.body["error"]["message"] = "Unsupported parameter: max_tokens. Use max_completion_tokens instead."


LAWFUL = {
    "with a key": (Defect(request=_any_server), ""),
    "without a key": (Defect(request=_without_key), ""),
    "below a prefix": (Defect(request=_below_prefix), PREFIX),
    "with max_completion_tokens": (Defect(request=_newer, answer=_names_the_field), ""),
}


@pytest.mark.parametrize("name", LAWFUL)
def test_lawful_server__breaks_no_clause(name: str) -> None:
    """A must or a should that falls here would be the suite's fault."""
    server, prefix = LAWFUL[name]
    keys = {"valid": "any"} if name == "without a key" else MOCK_KEYS
    with other_server(defect=server) as url:
        found = judged(url + prefix, "openai", keys=keys)
    assert broken(found) == {}
    assert sum(entry.verdict == "PASS" for entry in found.values()) > 100
    unasked = {clause for clause, entry in found.items() if entry.verdict == "NOT-RUN"}
    assert unasked & OF_KEYS == (OF_KEYS & found.keys() if name == "without a key" else set())


@pytest.mark.parametrize("keys", [{}, {"valid": "any"}])
def test_keyless_server__is_judged_with_a_key_and_without(keys: dict[str, str]) -> None:
    """The clauses about keys have nothing to judge, and nothing else depends on one."""
    with other_server(defect=Defect(request=_without_key)) as url:
        found = judged(url, "openai", keys=keys, only=["AUT-01", "AUT-02", "AUT-09", "HTTP-26", "REQ-02"])
    assert [str(entry.verdict) for entry in found.values()].count("NOT-RUN") == 2
    assert broken(found) == {}
    assert found["REQ-02"].verdict == "PASS"


def test_missing_model_that_is_filled_in__is_no_failure() -> None:
    """As servers of one model do; NVIDIA's page documents it."""
    with other_server() as url:
        assert judged(url, "openai", only=["NEG-01"])["NEG-01"].verdict == "NON-STRICT"


def test_server_without_a_prefix__is_found_at_its_own_path() -> None:
    """What stands before the operation's path is the address's."""
    with other_server(defect=Defect(request=_below_prefix)) as url:
        assert judged(url + PREFIX + "/v1", "openai", only=["REQ-02"])["REQ-02"].verdict == "PASS"
        assert judged(url, "openai", only=["REQ-02"])["REQ-02"].verdict != "PASS"
