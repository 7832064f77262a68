from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from mixtral_contract.contract import clauses
from mixtral_contract.contract.openapi import Contract, Operation
from mixtral_contract.mock.accounts.accounts import Accounts
from mixtral_contract.mock.breaks.broken_service import BrokenService
from mixtral_contract.mock.breaks.table import BREAKS
from mixtral_contract.mock.completions.generator import CompletionGenerator
from mixtral_contract.mock.http import response_encoder as framing
from mixtral_contract.mock.http.request_parser import Received
from mixtral_contract.mock.messages.messages import Outgoing, Request
from mixtral_contract.mock.service.service import Service
from tests.support.mock_requests import NOW_NS, request

TEXT = "tell me a joke on cats"
HTTP_1_0 = "http=1.0"
"""The query that marks a request as sent by an HTTP/1.0 client."""


def _said(*texts: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts], **fields}


def _bodies(operation: Operation) -> Iterator[Any]:
    """Bodies of every kind that some clause speaks of."""
    yield from operation.examples.values()
    yield from (b"", b"{", [], {}, {"messages": 1}, {"messages": []})
    yield from ({"messages": [{"role": "robot", "content": "a"}]}, {"messages": [{"role": "user"}]}, _said(5))
    yield _said(TEXT)
    yield _said("\U0001f408")
    yield _said("a", "b")
    yield _said("a", "b", "c", "d", "e")
    yield _said([{"type": "text", "text": TEXT}])
    yield {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT}]}
    for bad in (
        {"temperature": 9},
        {"top_p": 9},
        {"presence_penalty": 9},
        {"max_tokens": 0},
        {"stream": 1},
        {"stop": 1},
    ):
        yield _said(TEXT, **bad)
    for good in ({"temperature": 1}, {"stop": ["."]}, {"stop": "."}, {"seed": None}, {"max_tokens": 3}, {"model": "x"}):
        yield _said(TEXT, **good)
        yield _said(TEXT, stream=True, **good)
    yield _said(TEXT, stream=False)
    yield _said(TEXT, stream=True, stream_options={"include_usage": True})
    yield _said(5, stream=True)
    yield _said(TEXT, stop=["#", "e"])
    yield _said("")
    yield _said([{"type": "text", "text": 7}])
    yield from ({"messages": ["hello"]}, _said([{"type": "text"}]), _said([_image("nowhere")]))
    yield from (_said(TEXT, temperature="1"), _said(TEXT, temperature=True), {"messages": TEXT})
    yield {"messages": [{"content": TEXT, "role": "user"}]}
    yield from (_said(TEXT, max_tokens=2, stream=stream) for stream in (False, True))
    yield _said("")
    yield orjson.dumps(_said("TEXT")).replace(b"TEXT", rb"\ud83d")
    yield orjson.dumps(_said(TEXT, n=7)).replace(b"7", b"7" * 40)
    yield b" " + orjson.dumps(_said(TEXT))
    yield b"[" * 2000 + b"]" * 2000
    if "tools" in operation.request.properties:
        yield from _demanding()


def _demanding() -> Iterator[Any]:
    """Bodies that ask for more than one free text."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ("f", "g")]
    named = {"type": "function", "function": {"name": "f"}}
    for stream in (False, True):
        for choice in ("none", "required", named, {**named, "function": {"name": "h"}}):
            yield _said(TEXT, tools=tools, tool_choice=choice, stream=stream)
        for fields in ({"n": 2}, {"n": 1.5}, {"logprobs": True, "top_logprobs": 3}, {"top_logprobs": 3}):
            yield _said(TEXT, stream=stream, **fields)
    yield _said(TEXT, tools=[{"type": "function"}])
    yield _said(TEXT, logprobs=True, top_logprobs=21)
    for form in ({"type": "json_object"}, {"type": "json_schema", "json_schema": {"name": "a"}}, {"type": "sonnet"}):
        yield _said(TEXT, response_format=form)
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    calling, result = {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "a", "tool_call_id": "c"}
    user = _said(TEXT)["messages"]
    yield {"messages": [*user, calling, result]}
    yield {"messages": [*user, result]}


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _requests(contract: Contract, clause: str) -> Iterator[Request]:
    for operation in contract.operations.values():
        yield from (request(operation, body) for body in _bodies(operation))
        yield from (request(operation, key=key) for key in (None, "wrong", "mock-exhausted", "mock-forbidden"))
        yield from (request(operation, key="mock-limited") for _ in range(9))
        yield request(operation, b"{", key="wrong")
        yield request(operation, method="GET")
        yield request(operation, path="/nowhere")
        yield request(operation, key=None, query="api_key=mock-valid")
        credential = operation.credentials[-1]
        yield request(operation, key=None, fields={credential.header.upper(): credential.value("mock-valid")})
        yield request(operation, key=None, fields={credential.header: credential.value("mock-valid").lower()})
        yield request(operation, fields={"content-type": "application/json; charset=utf-8"})
        yield request(operation, fields={"content-type": "text/plain"})
        yield request(operation, _said(TEXT, stream=True), fields={"accept": "application/json"})
        yield request(operation, _said(TEXT, stream=True), key="wrong")
        yield request(operation, key="mock-validx")
        yield request(operation, key=None, fields={"authorization": "Basic mock-valid"})
        yield request(operation, method="HEAD")
        yield request(operation, key=None, fields={"connection": "close"})
        yield request(operation, _said(TEXT, stream=True), query=HTTP_1_0)
        yield request(operation, fields={"expect": "100-continue"})
        yield request(operation, fields={"transfer-encoding": "chunked"})
        yield request(operation, fields={"content-type": "Application/JSON"})
        if clause == "REQ-19":
            yield request(operation, _said("cat " * 70_000))


def _sent(service: Service, requests: list[Request]) -> list[tuple[Outgoing, bool]]:
    """What each request gets, as bytes, and whether a stream is held together."""
    replies = ((asked, service.answer(asked, NOW_NS)) for asked in requests)
    return [(framing.outgoing(reply, _received(asked), b"Date: x\r\n"), reply.together) for asked, reply in replies]


def _received(asked: Request) -> Received:
    keep_alive = asked.headers.get("connection") != "close"
    return Received(asked, keep_alive=keep_alive, http_1_0=asked.query == HTTP_1_0)


def _replies() -> CompletionGenerator:
    return CompletionGenerator(0, lambda: "chatcmpl-0")


def test_table__has_exactly_the_clauses_that_declare_a_break() -> None:
    """What the clauses promise to be breakable is, and nothing else."""
    declared = {clause.id for clause in clauses.load().values() if clause.violation is not None}
    assert BREAKS.keys() == declared


@pytest.mark.parametrize("clause", sorted(BREAKS))
def test_break__shows_and_leaves_valid_http(contract: Contract, clause: str) -> None:
    """Some answer differs from an honest one, and most do not."""
    requests = list(_requests(contract, clause))
    honest = _sent(Service(contract, _replies(), Accounts()), requests)
    broken = _sent(BrokenService(contract, _replies(), Accounts(), [BREAKS[clause]()]), requests)
    differing = sum(one != other for one, other in zip(honest, broken, strict=True))
    assert differing > 0
    assert all(made.head.startswith(b"HTTP/1.1 ") and made.head.endswith(b"\r\n\r\n") for made, _ in broken)
    assert clause in ("HTTP-10", "HTTP-31") or differing < len(requests)


def test_breaks__add_up(contract: Contract) -> None:
    """Two at once violate both."""
    operation = contract.operations["segmind"]
    service = BrokenService(contract, _replies(), Accounts(), [BREAKS[name]() for name in ("RSP-02", "CRD-02")])
    reply = service.answer(request(operation), NOW_NS)
    assert reply.content["object"] == "completion"
    assert reply.headers["x-remaining-credits"] == "unlimited"


def test_break__bills_only_completions(contract: Contract) -> None:
    """A call that is refused on purpose costs nothing."""
    operation = contract.operations["segmind"]
    service = BrokenService(contract, _replies(), Accounts(), [BREAKS["REQ-18"]()])
    refused = service.answer(request(operation, _said(*"abcde")), NOW_NS)
    completed = service.answer(request(operation), NOW_NS)
    assert (refused.status, completed.headers["x-remaining-credits"]) == (400, "999999.9995")


def test_break_of_every_second_refusal__counts_per_server(contract: Contract) -> None:
    """Two servers do not share what they counted."""
    operation = contract.operations["nvidia"]
    for _ in range(2):
        service = BrokenService(contract, _replies(), Accounts(), [BREAKS["NEG-15"]()])
        assert [service.answer(request(operation, b"{}"), NOW_NS).status for _ in range(4)] == [400, 404, 400, 404]


def test_broken_stream__is_read_as_its_clause_says(contract: Contract) -> None:
    """The break of SSE-16 spreads one event's JSON over two lines, which still is JSON."""
    operation = contract.operations["nvidia"]
    service = BrokenService(contract, _replies(), Accounts(), [BREAKS["SSE-16"]()])
    frames = service.answer(request(operation, _said(TEXT, stream=True)), NOW_NS).frames
    assert frames is not None
    lines = frames[0].split(b"\n\n")[0].split(b"\n")
    assert len(lines) == 2
    assert orjson.loads(b"\n".join(line.removeprefix(b"data: ") for line in lines))["object"]
