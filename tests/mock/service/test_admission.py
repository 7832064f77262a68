from __future__ import annotations

import copy
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.accounts.accounts import UNLIMITED, Account, Accounts
from mixtral_contract.mock.accounts.pricing import Price
from mixtral_contract.mock.accounts.token_bucket import Limit
from mixtral_contract.mock.build import Ids
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.messages.messages import Reply
from mixtral_contract.mock.service.call import Call
from mixtral_contract.mock.service.service import Service
from tests.support.mock_requests import NOW_NS, SECOND_NS, message_of, request

KEY = "the-key-1"
OPENAI_LIMITS = {
    f"x-ratelimit-{what}-{of}" for what in ("limit", "remaining", "reset") for of in ("requests", "tokens")
}
SEGMIND_LIMITS = {"x-rate-limit-remaining", "x-rate-limit-reset-at-utc"}


@pytest.fixture(params=["segmind", "segmind-openai", "nvidia"])
def operation(request: pytest.FixtureRequest, contract: Contract) -> Operation:
    """Each operation of the contract."""
    return contract.operations[request.param]


def _service(contract: Contract, accounts: Iterable[Account]) -> Service:
    return Service(contract, CompletionGenerator(0, Ids()), Accounts(accounts))


def _one(contract: Contract, **fields: Any) -> Service:
    return _service(contract, [Account(KEY, "team", **fields)])


def _ask(service: Service, operation: Operation, now_ns: int = NOW_NS, body: Any = None) -> Reply:
    return service.answer(request(operation, body, key=KEY), now_ns)


def _prepared(service: Service, operation: Operation) -> Call:
    call = Call(request(operation, key=KEY), NOW_NS)
    assert service.admit(call) is None
    assert service.read(call) is None
    assert service.prepare(call) is None
    return call


# ---- who may


def test_expired_key__is_a_wrong_one_and_told_why(contract: Contract, operation: Operation) -> None:
    """To the nanosecond at which it expires."""
    service = _one(contract, valid_until_ns=NOW_NS)
    assert _ask(service, operation, NOW_NS - 1).status == 200
    refused = _ask(service, operation, NOW_NS)
    assert refused.status == 401
    assert "expired at 2023-11-14T22:13:20+00:00" in message_of(refused)
    assert "www-authenticate" in refused.headers
    assert KEY not in repr(refused)


@pytest.mark.parametrize("named", ["dialect", "model"])
def test_models__are_allowed_by_name_or_dialect(contract: Contract, operation: Operation, named: str) -> None:
    """Every other operation answers 403, and says which model it was."""
    name = operation.dialect if named == "dialect" else operation.models[0].name
    service = _one(contract, models=frozenset([name]))
    for other in contract.operations.values():
        reply = _ask(service, other)
        # one model may be behind two dialects
        allowed = name in (other.dialect, other.models[0].name)
        assert reply.status == (200 if allowed else 403)
        if not allowed:
            assert other.models[0].name in message_of(reply)


def test_model_of_several__is_judged_when_the_body_names_it(contract: Contract) -> None:
    """One URL may serve two models, of which a key may use one."""
    document = copy.deepcopy(dict(contract.document))
    models = document["paths"]["/v1/chat/completions"]["post"]["x-models"]
    models.append(models[0] | {"name": "another"})
    changed = Contract(document)
    operation, service = changed.operations["nvidia"], _one(changed, models=frozenset(["another"]))
    messages = operation.minimal_request
    assert _ask(service, operation, body={**messages, "model": "another"}).status == 200
    refused = _ask(service, operation, body={**messages, "model": models[0]["name"]})
    assert refused.status == 403
    assert models[0]["name"] in message_of(refused)
    assert _ask(service, operation, body={**messages, "model": "unknown"}).status == 404


# ---- credits


def test_price__is_per_token_of_prompt_and_completion(contract: Contract) -> None:
    """Counted by the usage of the answer, to the last digit."""
    price = Price(Decimal("0.1"), Decimal("0.003"), Decimal("0.0070"))
    service = _one(contract, credits=Decimal(5), price=price)
    reply = _ask(service, contract.operations["segmind"])
    usage = reply.content["usage"]
    paid = Decimal("0.1") + (3 * usage["prompt_tokens"] + 7 * usage["completion_tokens"]) * Decimal("0.000001")
    assert Decimal(reply.headers["x-remaining-credits"]) == 5 - paid


def test_credits__pay_as_often_as_they_can(contract: Contract, operation: Operation) -> None:
    """Then the refusal says what the completion costs and what is left."""
    service = _one(contract, credits=Decimal("0.7"), price=Price(Decimal("0.3")))
    replies = [_ask(service, operation) for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 406, 406]
    assert "expected at least 0.3 for this completion, got 0.1" in message_of(replies[2])
    if "x-remaining-credits" in operation.success.headers:
        assert [reply.headers["x-remaining-credits"] for reply in replies[:2]] == ["0.4", "0.1"]


def test_price__that_is_just_left_is_paid(contract: Contract) -> None:
    """Down to nothing."""
    service = _one(contract, credits=Decimal("0.3"), price=Price(Decimal("0.3")))
    assert _ask(service, contract.operations["segmind"]).headers["x-remaining-credits"] == "0.0"


def test_unlimited_credits__show_one_number(contract: Contract) -> None:
    """Because the contract wants one."""
    service = _one(contract)
    shown = [_ask(service, contract.operations["segmind"]).headers["x-remaining-credits"] for _ in range(2)]
    assert shown == [UNLIMITED, UNLIMITED]


def test_credits_spent_while_waiting__refuse_the_later_turn(contract: Contract) -> None:
    """Two calls were let wait, and the credits pay for one."""
    service = _one(contract, credits=Decimal("0.5"), price=Price(Decimal("0.3")))
    operation = contract.operations["segmind"]
    first, second = _prepared(service, operation), _prepared(service, operation)
    assert service.settle(second).headers["x-remaining-credits"] == "0.2"
    refused = service.settle(first)
    assert refused.status == 406
    assert "got 0.2" in message_of(refused)


def test_credits__refuse_nothing_where_no_status_is_documented(contract: Contract) -> None:
    """The completion comes, and what is left does not fall below nothing."""
    document = copy.deepcopy(dict(contract.document))
    del document["paths"]["/v1/mixtral-8x22b-instruct"]["post"]["responses"]["406"]
    changed = Contract(document)
    service = _one(changed, credits=Decimal("0.5"), price=Price(Decimal("0.3")))
    shown = [_ask(service, changed.operations["segmind"]).headers["x-remaining-credits"] for _ in range(3)]
    assert shown == ["0.2", "0.2", "0.2"]


# ---- rates


def test_request_limit__counts_every_call_with_the_key(contract: Contract, operation: Operation) -> None:
    """A body that is refused is a call too; one that is rate-limited takes nothing."""
    service = _one(contract, requests=Limit(per_minute=1, burst=2))
    assert [_ask(service, operation, body=body).status for body in (b"{", None, None, None)] == [400, 200, 429, 429]
    assert _ask(service, operation, NOW_NS + 60 * SECOND_NS - 1).status == 429
    assert _ask(service, operation, NOW_NS + 60 * SECOND_NS).status == 200


def test_token_limit__counts_what_usage_says(contract: Contract, operation: Operation) -> None:
    """So many per minute, and a client that waits as long as it is told gets in."""
    total = _ask(_one(contract), operation).content["usage"]["total_tokens"]
    service = _one(contract, tokens=Limit(per_minute=2 * total, burst=2 * total))
    statuses = [_ask(service, operation).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = _ask(service, operation)
    assert refused.headers["retry-after"] == "30"
    assert "too many tokens" in message_of(refused)
    assert _ask(service, operation, NOW_NS + 30 * SECOND_NS - 1).status == 429
    assert _ask(service, operation, NOW_NS + 30 * SECOND_NS).status == 200


def test_wait__is_the_longer_one_of_two_limits(contract: Contract, operation: Operation) -> None:
    """Told at once, whichever of them is the one that refuses first."""
    total = _ask(_one(contract), operation).content["usage"]["total_tokens"]
    for requests, tokens, wait_s in (
        (Limit(60, 1), Limit(total, total), 60),
        (Limit(2, 1), Limit(10 * total, total), 30),
    ):
        service = _one(contract, requests=requests, tokens=tokens)
        assert _ask(service, operation).status == 200
        assert _ask(service, operation).headers["retry-after"] == str(wait_s)
        assert _ask(service, operation, NOW_NS + wait_s * SECOND_NS - 1).status == 429
        assert _ask(service, operation, NOW_NS + wait_s * SECOND_NS).status == 200


def test_call_of_more_tokens_than_the_limit__is_told_that_it_never_gets_in(
    contract: Contract, operation: Operation
) -> None:
    """A time to come back at would be a lie."""
    refused = _ask(_one(contract, tokens=Limit(per_minute=3, burst=3)), operation)
    assert refused.status == 429
    assert "retry-after" not in refused.headers
    assert "expected at most 3 tokens" in message_of(refused)


def test_call_without_credits__takes_no_tokens(contract: Contract) -> None:
    """Credits are looked at before the tokens are taken."""
    operation = contract.operations["segmind"]
    service = _one(contract, credits=Decimal(0), price=Price(Decimal(1)), tokens=Limit(1, 1))
    assert [_ask(service, operation).status for _ in range(2)] == [406, 406]


def test_limits__are_said_in_the_headers_of_the_dialect(contract: Contract, operation: Operation) -> None:
    """On a completion and on a refusal, by the names that its contract lists."""
    service = _one(contract, requests=Limit(60, 1), tokens=Limit(10**6, 10**6))
    expected = OPENAI_LIMITS if operation.dialect == "nvidia" else SEGMIND_LIMITS
    for reply in (_ask(service, operation), _ask(service, operation)):
        assert {name for name in reply.headers if "limit" in name} == expected
    assert reply.status == 429
    assert reply.headers["retry-after"] == "1"
    if operation.dialect == "nvidia":
        assert reply.headers["retry-after-ms"] == "1000"
        assert reply.headers["x-ratelimit-remaining-requests"] == "0"
    else:
        assert reply.headers["x-rate-limit-reset-at-utc"] == "2023-11-14T22:13:21.000Z"


def test_key_without_limits__hears_of_none(contract: Contract, operation: Operation) -> None:
    """No header stands for no limit."""
    assert not any("limit" in name for name in _ask(_one(contract), operation).headers)


def test_burst__counts_down_in_the_headers(contract: Contract) -> None:
    """Each call sees what is left after it."""
    service = _one(contract, requests=Limit(per_minute=1, burst=4))
    replies = [_ask(service, contract.operations["segmind"]) for _ in range(4)]
    assert [reply.headers["x-rate-limit-remaining"] for reply in replies] == ["3", "2", "1", "0"]
