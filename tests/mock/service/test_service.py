from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import orjson
import pytest

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.accounts.accounts import ACCOUNTS, PRICE, Account, Accounts
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.messages.messages import Head, Reply, Request
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.service import Service
from tests.support.mock_requests import NOW_NS, SECOND_NS, message_of, request, service

DIALECTS = ("segmind", "segmind-openai", "nvidia")
CONDITIONS: dict[str, Any] = {
    "unknown-url": lambda o: request(o, path=o.path + "-2"),
    "wrong-method": lambda o: request(o, method="GET"),
    "missing-key": lambda o: request(o, key=None),
    "wrong-key": lambda o: request(o, key="mock-wrong"),
    "forbidden": lambda o: request(o, key="mock-forbidden"),
    "invalid-request": lambda o: request(o, b"{"),
    "no-credits": lambda o: request(o, key="mock-exhausted"),
}


def _answer(contract: Contract, asked: Request) -> Reply:
    return service(contract).answer(asked, NOW_NS)


def _changed(contract: Contract, dialect: str, change: Any) -> tuple[Contract, Operation]:
    """A copy of the contract whose operation was changed."""
    document = copy.deepcopy(dict(contract.document))
    change(document, document["paths"][contract.operations[dialect].path]["post"])
    changed = Contract(document)
    return changed, changed.operations[dialect]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_condition__gets_its_documented_status_and_shape(
    contract: Contract, operation: Operation, condition: str
) -> None:
    """What the contract documents for a condition is what is answered, valid by its schema."""
    reply = _answer(contract, CONDITIONS[condition](operation))
    documented = operation.response_for(condition)
    assert documented is not None
    assert reply.status == documented.status
    assert documented.media_types["application/json"].is_valid(reply.content)
    assert all(name in reply.headers for name, required in documented.headers.items() if required)


@pytest.mark.parametrize("condition", sorted(CONDITIONS.keys() - {"unknown-url", "wrong-method", "invalid-request"}))
def test_undocumented_condition__is_not_refused(contract: Contract, operation: Operation, condition: str) -> None:
    """Without a documented response the call goes on, here to a completion."""

    def without(_document: Any, raw: Any) -> None:
        for response in raw["responses"].values():
            response["x-condition"] = [name for name in response.get("x-condition", ()) if name != condition]

    changed, operation = _changed(contract, operation.dialect, without)
    assert _answer(changed, CONDITIONS[condition](operation)).status == 200


@pytest.mark.parametrize(
    ("condition", "status"), [("unknown-url", 404), ("wrong-method", 405), ("invalid-request", 400)]
)
def test_unavoidable_condition__is_refused_even_if_undocumented(
    contract: Contract, operation: Operation, condition: str, status: int
) -> None:
    """Where nothing is left to answer HTTP's own status stands in."""
    changed, operation = _changed(contract, operation.dialect, lambda _document, raw: raw["responses"].pop(str(status)))
    reply = _answer(changed, CONDITIONS[condition](operation))
    assert reply.status == status
    assert message_of(reply)


def test_completion__keeps_the_schema(contract: Contract, operation: Operation) -> None:
    """A whole answer is what the contract says it is."""
    reply = _answer(contract, request(operation))
    assert reply.status == 200
    assert operation.success.media_types["application/json"].is_valid(reply.content)
    assert reply.content["created"] == NOW_NS // SECOND_NS
    assert reply.content["model"] == operation.models[0].name


def test_completion__carries_credits_where_documented(contract: Contract, operation: Operation) -> None:
    """The header stands exactly where the contract lists it."""
    reply = _answer(contract, request(operation))
    assert ("x-remaining-credits" in reply.headers) == ("x-remaining-credits" in operation.success.headers)


def test_credits__fall_by_the_price_of_each_completion_only(contract: Contract) -> None:
    """A refusal is not billed."""
    operation, mock = contract.operations["segmind"], service(contract)
    first = mock.answer(request(operation), NOW_NS).headers["x-remaining-credits"]
    mock.answer(request(operation, b"{}"), NOW_NS)
    mock.answer(request(operation, key=None), NOW_NS)
    second = mock.answer(request(operation), NOW_NS).headers["x-remaining-credits"]
    assert (first, second) == ("999999.9995", "999999.9990")
    assert str(PRICE) == "0.0005"


def test_order__key_is_judged_before_body(contract: Contract, operation: Operation) -> None:
    """A stranger learns nothing about the body."""
    assert _answer(contract, request(operation, b"{", key="mock-wrong")).status == 401


def test_order__body_is_judged_before_credits(contract: Contract, operation: Operation) -> None:
    """An empty account learns that its request would not have worked."""
    assert _answer(contract, request(operation, b"{", key="mock-exhausted")).status == 400


def test_rate_limit__lets_two_in_and_tells_when_to_come_back(contract: Contract, operation: Operation) -> None:
    """The wait is the real one, rounded up to seconds, and keeping it helps."""
    mock, asked = service(contract), request(operation, key="mock-limited")
    later_ns = NOW_NS + SECOND_NS // 4
    statuses = [mock.answer(asked, NOW_NS).status, mock.answer(asked, later_ns).status]
    refused = mock.answer(asked, later_ns)
    assert [*statuses, refused.status] == [200, 200, 429]
    assert refused.headers["retry-after"] == "1"
    assert mock.answer(asked, later_ns + SECOND_NS).status == 200


@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key", "X-API-KEY"])
def test_key_header__is_found_in_any_case(contract: Contract, name: str) -> None:
    """Header names are case-insensitive."""
    asked = request(contract.operations["segmind"], key=None, fields={name: "mock-valid"})
    assert _answer(contract, asked).status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"authorization": "Bearer mock-valid"}, 200),
        ({"authorization": "bEARER mock-valid"}, 200),
        ({"authorization": "Basic mock-valid"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer mock-valid", "x-api-key": "mock-wrong"}, 200),
        ({"authorization": "Bearer mock-wrong", "x-api-key": "mock-valid"}, 200),
        ({"authorization": "Bearer mock-wrong", "x-api-key": "mock-wrong"}, 401),
    ],
)
def test_key__any_valid_one_of_the_accepted_headers_wins(
    contract: Contract, fields: dict[str, str], status: int
) -> None:
    """One URL takes the key in two headers."""
    assert _answer(contract, request(contract.operations["segmind"], key=None, fields=fields)).status == status


def test_key__is_not_taken_from_the_query(contract: Contract, operation: Operation) -> None:
    """URLs end in logs."""
    assert (
        _answer(contract, request(operation, key=None, query="api_key=mock-valid&x-api-key=mock-valid")).status == 401
    )


def test_wrong_key__is_not_repeated(contract: Contract, operation: Operation) -> None:
    """Answers end in logs too."""
    reply = _answer(contract, request(operation, key="sk-secret-1234"))
    assert "sk-secret-1234" not in repr(reply)


def test_challenge__names_every_way_to_send_the_key(contract: Contract) -> None:
    """Each credential of the operation is one challenge."""
    reply = _answer(contract, request(contract.operations["segmind"], key=None))
    assert reply.headers["www-authenticate"] == 'ApiKey realm="segmind", Bearer realm="segmind"'


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_method__is_told_what_is_allowed(contract: Contract, operation: Operation, method: str) -> None:
    """405 names POST."""
    reply = _answer(contract, request(operation, method=method, key=None))
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/some-model", "segmind"),
        ("/v1/chatter", "segmind"),
        ("/v1/mixtral-8x7b-instruct-v2", "segmind-openai"),
        ("/v1/chat/completion", "nvidia"),
        ("/v1/mixtral-8x22b-instruct/chat/completions", "segmind"),
        ("/", "nvidia"),
        ("/a/b", "nvidia"),
    ],
)
def test_unknown_url__is_refused_in_the_shape_of_its_neighbour(contract: Contract, path: str, dialect: str) -> None:
    """The operation with most of the path in common lends its envelope, else the one that most operations share."""
    reply = _answer(contract, request(contract.operations["nvidia"], path=path))
    response = contract.operations[dialect].response_for("unknown-url")
    assert response is not None
    assert reply.status == 404
    assert response.media_types["application/json"].is_valid(reply.content)


@pytest.mark.parametrize("form", ["code={}", 'code="{}"', "respond-async, code={}; x=1", "CODE = {}"])
def test_preference__gets_the_documented_status(contract: Contract, operation: Operation, form: str) -> None:
    """Every documented status is to be had, in its shape and with its headers, by anyone."""
    for status, response in operation.responses.items():
        reply = _answer(contract, request(operation, b"", key=None, fields={"prefer": form.format(status)}))
        if status == 200:
            assert reply.status == 401  # goes on, to find no key
            continue
        assert reply.status == status
        assert response.media_types["application/json"].is_valid(reply.content)
        assert message_of(reply) == response.description
        assert reply.headers["preference-applied"] == f"code={status}"
        assert all(name in reply.headers for name in response.headers)


@pytest.mark.parametrize("code", ["418", "999", "abc", "", "1e2", "4291"])
def test_undocumented_preference__is_refused_with_the_documented_ones(
    contract: Contract, operation: Operation, code: str
) -> None:
    """A client that asks for what is not there is told what is."""
    reply = _answer(contract, request(operation, fields={"prefer": f"code={code}"}))
    assert reply.status == 400
    assert "200, 400, 401" in message_of(reply)
    assert "preference-applied" not in reply.headers


def test_other_preference__changes_nothing(contract: Contract, operation: Operation) -> None:
    """Only code= is ours."""
    assert _answer(contract, request(operation, fields={"prefer": "respond-async, wait=10"})).status == 200


def test_accept__is_never_negotiated(contract: Contract) -> None:
    """The openai SDK asks for a stream and says that it accepts JSON."""
    operation = contract.operations["nvidia"]
    body = {**operation.minimal_request, "stream": True}
    for accept in ("application/json", "image/png", ""):
        reply = _answer(contract, request(operation, body, fields={"accept": accept}))
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/event-stream")


def test_steps__give_what_the_whole_gives(contract: Contract, operation: Operation) -> None:
    """An edge that reads the body elsewhere decides the same."""
    mock = service(contract)
    for body in (b"{", operation.minimal_request):
        asked = request(operation, body)
        call = Call(asked, NOW_NS)
        assert mock.admit(call) is None
        stepwise, whole = (
            mock.read(call) or mock.prepare(call) or mock.settle(call),
            service(contract).answer(asked, NOW_NS),
        )
        assert stepwise.status == whole.status
        assert stepwise.content.get("choices") == whole.content.get("choices")


def test_repeated_request__is_answered_from_memory_alike(contract: Contract, operation: Operation) -> None:
    """What was read before is not read again, and nothing but the id shows it."""
    mock = service(contract)
    first, second = (mock.answer(request(operation), NOW_NS).content for _ in range(2))
    assert first.pop("id") != second.pop("id")
    assert first == second


def test_error_template__keeps_types_and_fills_texts(contract: Contract) -> None:
    """A bare placeholder keeps the type of its value, one inside a text becomes part of it."""

    def change(document: Any, _raw: Any) -> None:
        schema = document["components"]["schemas"]["OpenAIError"]
        schema["x-error"] = {
            "fault": ["{message}", {"text": "why: {code} ({param})", "at": "{param}"}],
            "n": "{status}",
        }

    changed, operation = _changed(contract, "nvidia", change)
    reply = _answer(changed, request(operation, b"{}"))
    assert reply.content["n"] == reply.status
    assert reply.content["fault"][1] == {"text": "why:  (messages)", "at": "messages"}
    assert orjson.dumps(_answer(changed, request(operation, key=None)).content["fault"][1]["at"]) == b"null"


HEADS: dict[str, Any] = {
    "valid": request,
    **CONDITIONS,
    "limited": lambda o: request(o, key="mock-limited"),
    "preference": lambda o: request(o, fields={"prefer": "code=401"}),
    "incident": lambda o: request(o, fields={"x-mock-incident": "429"}),
    "unserved media type": lambda o: request(o, fields={"content-type": "text/plain"}),
    "until": lambda o: request(o, key="until"),
}


@pytest.mark.parametrize("case", HEADS)
def test_known_head__changes_no_decision(contract: Contract, operation: Operation, case: str) -> None:
    """Call after call, as keys run out, limits are used up and incidents come and go."""
    head, made = Head(), []
    until = Account("until", "until", credits=Decimal(1), valid_until_ns=NOW_NS + 2)
    for known in (None, head):
        asked, admission = HEADS[case](operation), Accounts((*ACCOUNTS, until))
        asked.head = known
        mock = Service(contract, CompletionGenerator(0, lambda: "chatcmpl-1"), admission)
        replies = [mock.answer(asked.again(asked.body), NOW_NS + number) for number in range(4)]
        mock.incidents.set("500")
        replies.append(mock.answer(asked.again(asked.body), NOW_NS + 4))
        mock.incidents.clear()
        replies.append(mock.answer(asked.again(asked.body), NOW_NS + 5))
        made.append([(reply.status, reply.headers, reply.content) for reply in replies])
    assert made[0] == made[1]
    assert (head.admission is not None) == (case != "incident")
    assert bool(head.admission) == (case in {"valid", "invalid-request", "no-credits", "unserved media type"})
