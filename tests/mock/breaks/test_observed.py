"""The answers of `--as observed` against what the evidence prints, written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mixtral_contract.contract import observations as observed
from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.breaks.observed import behaviour
from mixtral_contract.mock.build import build
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.service.service import Service
from tests.support.mock_requests import NOW_NS, VALID, request

PROBLEM_404 = b"404 page not found\n"


@pytest.fixture
def service(contract: Contract) -> Service:
    """A mock that behaves as observed."""
    return build(contract, as_observed=True).service


def _body(*roles: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "hello"} for role in roles or ("user",)], **fields}


def _ask(service: Service, contract: Contract, dialect: str, **options: Any) -> Reply:
    return service.answer(request(contract.operations[dialect], **{"body": _body(), **options}), NOW_NS)


@pytest.mark.parametrize(
    ("dialect", "options", "expected"),
    [
        ("segmind", {"key": None}, (401, {"error": "Missing Authorization or x-api-key in header"})),
        ("segmind", {"key": "x"}, (401, {"error": "Unauthorized. API key is invalid or may have expired..."})),
        ("segmind", {"fields": {"content-type": "text/plain"}}, (406, {"error": "Invalid content type"})),
        ("segmind-openai", {}, (404, {"error": "Model not found"})),
        ("nvidia", {"key": "x"}, (403, {"status": 403, "title": "Forbidden", "detail": "Authorization failed"})),
        ("nvidia", {"body": _body(model="x")}, (404, PROBLEM_404)),
        ("nvidia", {"path": "/v1/chat/completion"}, (404, PROBLEM_404)),
        (
            "nvidia",
            {"body": _body(prompt_cache_key="x")},
            (
                400,
                {
                    "error": "[{'type': 'extra_forbidden', 'loc': ('body', 'prompt_cache_key'),"
                    " 'msg': 'Extra inputs are not permitted'}]"
                },
            ),
        ),
        (
            "nvidia",
            {"fields": {"prefer": "code=500"}},
            (
                500,
                {
                    "type": "urn:nvcf-worker-service:problem-details:internal-server-error",
                    "title": "Internal Server Error",
                    "status": 500,
                    "detail": "Internal error while making inference request",
                },
            ),
        ),
        (
            "nvidia",
            {"body": _body(tools=[{"type": "function", "function": {"name": "f"}}])},
            (
                400,
                {
                    "error": {
                        "message": '"auto" tool choice requires --enable-auto-tool-choice'
                        " and --tool-call-parser to be set",
                        "type": "BadRequestError",
                        "param": None,
                        "code": 400,
                    }
                },
            ),
        ),
    ],
)
def test_refusal__is_the_one_that_was_seen(
    service: Service, contract: Contract, dialect: str, options: Mapping[str, Any], expected: tuple[int, Any]
) -> None:
    """Status and body, to the letter."""
    reply = _ask(service, contract, dialect, **options)
    assert (reply.status, reply.content) == expected


def test_bearer_key__counts_for_nothing_at_segmind(service: Service, contract: Contract) -> None:
    """The documents disagree; the endpoint was seen to take x-api-key alone."""
    bearer = _ask(service, contract, "segmind", key=None, fields={"authorization": f"Bearer {VALID}"})
    assert bearer.status == 401
    assert _ask(service, contract, "segmind", key=VALID).status == 200


def test_wrong_method_at_segmind__is_a_page(service: Service, contract: Contract) -> None:
    """The only refusal there that is no JSON."""
    reply = _ask(service, contract, "segmind", method="GET")
    assert (reply.status, reply.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert reply.content.startswith(b"<!doctype html>")


def test_role_at_nvidia__is_pydantics_detail(service: Service, contract: Contract) -> None:
    """422, with the path as a list."""
    reply = _ask(service, contract, "nvidia", body=_body("user", "robot"))
    assert reply.status == 422
    assert reply.content["detail"][0]["loc"] == ["body", "messages", 1, "role"]


def test_malformed_request_at_nvidia__has_a_number_as_code(service: Service, contract: Contract) -> None:
    """The envelope is that of vLLM."""
    reply = _ask(service, contract, "nvidia", body=_body(temperature=9))
    assert reply.status == 400
    error = reply.content["error"]
    assert (error["type"], error["param"], error["code"]) == ("BadRequestError", "temperature", 400)


def test_choices_at_nvidia__are_refused_behind_the_word_data(service: Service, contract: Contract) -> None:
    """A body of JSON but for its first five characters."""
    reply = _ask(service, contract, "nvidia", body=_body(n=2))
    assert reply.status == 422
    assert reply.content.startswith(b'data:{"type":"urn:inference-service:problem-details:unprocessable-entity"')


def test_roles_in_a_row_at_nvidia__make_it_fail(service: Service, contract: Contract) -> None:
    """Two of one role; a leading system message is none of them."""
    assert _ask(service, contract, "nvidia", body=_body("user", "user")).status == 500
    assert _ask(service, contract, "nvidia", body=_body("system", "user", "assistant", "user")).status == 200


@pytest.mark.parametrize(
    ("dialect", "present", "absent"),
    [("segmind", "x-rate-limit-reset-at-utc", "retry-after"), ("nvidia", "content-type", "retry-after")],
)
def test_rate_limit__is_told_without_retry_after(
    service: Service, contract: Contract, dialect: str, present: str, absent: str
) -> None:
    """At segmind the moment is told instead."""
    replies = [_ask(service, contract, dialect, key="mock-limited") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert present in replies[2].headers
    assert absent not in replies[2].headers
    if dialect == "nvidia":
        assert not any("limit" in name or "retry" in name for reply in replies for name in reply.headers)


def test_completion__carries_the_headers_that_were_seen(service: Service, contract: Contract) -> None:
    """An id of its own each time."""
    first, second = (_ask(service, contract, "nvidia").headers for _ in range(2))
    assert first["nvcf-status"] == "fulfilled"
    assert first["nvcf-reqid"] != second["nvcf-reqid"]
    assert _ask(service, contract, "segmind").headers["x-cost"] == "0.0005"


def test_impatient_client__is_answered_when_it_comes_back(service: Service, contract: Contract) -> None:
    """202 without a body first; another key gets nothing."""
    put_off = _ask(service, contract, "nvidia", fields={"NVCF-POLL-SECONDS": "0"})
    assert (put_off.status, put_off.content, put_off.tokens) == (202, b"", 0)
    path = f"/v2/nvcf/pexec/status/{put_off.headers['nvcf-reqid']}"
    collected = _ask(service, contract, "nvidia", method="GET", path=path)
    assert collected.status == 200
    assert collected.headers["nvcf-status"] == "fulfilled"
    assert collected.content["object"] == "chat.completion"
    assert _ask(service, contract, "nvidia", method="GET", path=path, key="mock-limited").status == 404


def test_documented_mock__does_nothing_of_it(contract: Contract) -> None:
    """The two layers are never merged."""
    documented = build(contract).service
    assert _ask(documented, contract, "nvidia", key="x").status == 401
    assert "nvcf-reqid" not in _ask(documented, contract, "nvidia").headers


def test_every_imitated_observation__is_known_to_the_mock() -> None:
    """Each `where` of the file has its function; an unknown one is refused by name."""
    assert len(behaviour(observed.load().values())) == len(observed.load())
    with pytest.raises(ValueError, match=r"NIM-01\.where: expected one of always, .*, got 'nowhere'"):
        behaviour([replace(observed.load()["NIM-01"], where="nowhere")])
