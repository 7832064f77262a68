"""Which incidents befall which request: the grammar, sequences and rates."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.incidents import active as subject
from mixtral_contract.mock.incidents.active import HEADER, Incidents
from mixtral_contract.mock.incidents.grammar import KINDS, IncidentError, describe, parse
from mixtral_contract.mock.messages.messages import Request
from tests.support import mock_requests as asking

BODY = b'{"messages": [{"role": "user", "content": "hello"}]}'
NAMES = sorted(set(KINDS) - {"NNN"})


def _texts(text: str, attempts: int) -> list[str]:
    plan = parse(text)
    return ["+".join(incident.text for incident in plan.step(attempt)) for attempt in range(attempts)]


def _request(contract: Contract, body: bytes = BODY, **options: str) -> Request:
    asked = options.pop("incident", None)
    fields = {} if asked is None else {HEADER: asked}
    return asking.request(contract.operations["nvidia"], body, fields=fields, key=options.get("key", asking.VALID))


def _drawn(incidents: Incidents, contract: Contract, requests: Sequence[Request]) -> list[str]:
    operation = contract.operations["nvidia"]
    return ["+".join(incident.text for incident in incidents.draw(request, operation)) for request in requests]


@pytest.mark.parametrize(
    ("text", "fates"),
    [
        ("cut", ["cut", "cut", "cut", "cut"]),
        ("cut:after=5,by=rst", ["cut(after=5,by=rst)"] * 4),
        ("cut : after = 5", ["cut(after=5)"] * 4),
        ("429*2,ok", ["429", "429", "", ""]),
        ("429*2", ["429", "429", "", ""]),
        ("429(retry_after=1)*2,ok", ["429(retry_after=1)"] * 2 + ["", ""]),
        ("429, 503 ,ok", ["429", "503", "", ""]),
        ("ok*2,503", ["", "", "503", "503"]),
        ("delay(ms=5)+503*1, crlf+bom*2", ["delay(ms=5)+503", "crlf+bom", "crlf+bom", ""]),
        ("cut(after=1,by=rst),end", ["cut(after=1,by=rst)", "end", "end", "end"]),
        ("ok", [""] * 4),
        ("418;rate=0.25", ["418"] * 4),
    ],
)
def test_text__is_read_as_what_befalls_each_attempt(text: str, fates: list[str]) -> None:
    """The steps in order; the last one stays, and with a count nothing befalls what follows."""
    assert _texts(text, 4) == fates


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "one of"),
        ("nonsense", "got 'nonsense'"),
        ("stal", "expected stall"),
        ("Cut", "expected cut"),
        ("NNN", "one of"),
        ("200", "status: expected a status from 400 to 599"),
        ("99", "status"),
        ("4290", "status"),
        ("cut:", "after= or by="),
        ("cut:after", "after= or by="),
        ("cut:afte=3", "after= or by="),
        ("cut:after=3,after=4", "got 'after=4'"),
        ("cut:after=-1", "cut: after: expected a number of events"),
        ("cut:after=three", "got 'three'"),
        ("cut:after=99999999999", "cut: after"),
        ("cut:by=tcp", "fin or rst or chunk"),
        ("crlf:x=1", "no argument"),
        ("stall:ms=nan", "milliseconds"),
        ("stall:ms=-1", "milliseconds"),
        ("split:gap_ms=0", "milliseconds from 1"),
        ("trickle:size=0", "at least 1"),
        ("content-type:value=", "a media type"),
        ("429:retry_after=soon", "seconds, or none"),
        ("429*0,ok", "at least 1"),
        ("429**2", "got '429*'"),
        ("429*2,,ok", "one of"),
        ("429*x", "got '429*x'"),
        ("cut(after=3", "NAME"),
        ("cut)after=3(", "NAME"),
        ("cut;rate=2", "rate=SHARE"),
        ("cut;rate=0.5;rate=0.5", "rate=SHARE"),
        ("cut;speed=1", "rate=SHARE"),
        ("cut;", "rate=SHARE"),
        ("429*2,ok;rate=0.5", "rate: expected one incident"),
        ("cut;per=key", "per: expected a sequence"),
        ("429*2;per=host", "per=request|key|server"),
        ("cut\n", "printable"),
        ("cut:by=fïn", "ASCII"),
        ("c" * 2000, "1000"),
    ],
)
def test_wrong_text__is_explained_in_one_line(text: str, part: str) -> None:
    """What was expected, and what came."""
    with pytest.raises(IncidentError) as raised:
        parse(text)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


@given(
    text=st.lists(st.sampled_from([*"42*,;:()+=. ", "cut", "ok", "after=", "rate=", "per="])).map("".join) | st.text()
)
def test_any_text__is_read_or_explained(text: str) -> None:
    """Nothing else happens."""
    try:
        plan = parse(text)
    except IncidentError:
        return
    assert isinstance(plan.step(1), tuple)


@pytest.mark.parametrize("name", NAMES)
def test_table__is_taught_with_defaults_that_can_be_given(name: str) -> None:
    """Each line of the table is itself a text that is read, and means the same as the bare name."""
    (line,) = [line for line in describe() if line == name or line.startswith(f"{name}:")]
    (given,), (bare,) = parse(line).step(0), parse(name).step(0)
    assert given.arguments == bare.arguments


def test_sequence__counts_the_attempts_at_each_request(contract: Contract) -> None:
    """Two requests that come in turns each get theirs."""
    incidents = Incidents()
    incidents.set("429*2,ok")
    one, other = _request(contract, BODY), _request(contract, BODY + b" ")
    assert _drawn(incidents, contract, [one, other, one, other, one, other]) == ["429"] * 4 + ["", ""]


@pytest.mark.parametrize(
    ("per", "fates"),
    [
        ("request", ["429", "429", "", "429", "429"]),
        ("key", ["429", "", "", "429", ""]),
        ("server", ["429"] + [""] * 4),
    ],
)
def test_sequence__counts_what_it_is_told_to(contract: Contract, per: str, fates: list[str]) -> None:
    """Attempts at one request whoever makes them, with one key whatever they ask, or all of them."""
    incidents = Incidents()
    incidents.set(f"429*1,ok;per={per}")
    bodies = [(BODY, "a"), (BODY + b" ", "a"), (BODY, "a"), (BODY + b"  ", "b"), (BODY + b"   ", "b")]
    requests = [_request(contract, body, key=key) for body, key in bodies]
    assert _drawn(incidents, contract, requests) == fates


def test_several__befall_together(contract: Contract) -> None:
    """Each plan decides for itself."""
    incidents = Incidents()
    incidents.set("429*1,ok", "crlf")
    request = _request(contract)
    assert _drawn(incidents, contract, [request, request]) == ["429+crlf", "crlf"]


@given(order=st.randoms(use_true_random=False), seed=st.integers(0, 5))
def test_rate__does_not_depend_on_the_order_of_arrival(contract: Contract, order: random.Random, seed: int) -> None:
    """Each attempt at each request gets the same, however the attempts are mixed."""
    requests = [_request(contract, BODY + b" " * number) for number in range(20)]
    attempts = [number for number in range(20) for _ in range(3)]

    def fates(arriving: list[int]) -> dict[int, list[str]]:
        incidents = Incidents(seed)
        incidents.set("cut;rate=0.5")
        found: dict[int, list[str]] = {}
        for number, fate in zip(arriving, _drawn(incidents, contract, [requests[n] for n in arriving]), strict=True):
            found.setdefault(number, []).append(fate)
        return found

    shuffled = attempts.copy()
    order.shuffle(shuffled)
    assert fates(attempts) == fates(shuffled)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_rate__is_the_share_of_the_requests_that_it_befalls(contract: Contract, share: float) -> None:
    """Of a thousand requests within five standard deviations; of none and of all exactly."""
    incidents = Incidents()
    incidents.set(f"cut;rate={share}")
    drawn = _drawn(incidents, contract, [_request(contract, BODY + b" " * number) for number in range(1000)])
    assert drawn.count("cut") == pytest.approx(1000 * share, abs=5 * (1000 * share * (1 - share)) ** 0.5)


def test_rate__differs_by_seed_attempt_and_plan(contract: Contract) -> None:
    """A retry draws anew, two plans draw apart, another seed draws otherwise."""
    request = _request(contract)

    def drawn(seed: int, text: str) -> list[str]:
        incidents = Incidents(seed)
        incidents.set(text)
        return [fate and "x" for fate in _drawn(incidents, contract, [request] * 64)]

    fates = [drawn(0, "cut;rate=0.5"), drawn(1, "cut;rate=0.5"), drawn(0, "end;rate=0.5")]
    assert len({tuple(fate) for fate in fates}) == 3
    assert all({"", "x"} == set(fate) for fate in fates)
    assert drawn(0, "cut;rate=0.5") == fates[0]


def test_header__stands_instead_of_what_is_on(contract: Contract) -> None:
    """`ok` shields a request; a sequence in the header counts for itself."""
    incidents = Incidents()
    incidents.set("503")
    asked = ["ok", "cut", "429*1,ok", "429*1,ok"]
    requests = [_request(contract), *(_request(contract, incident=text) for text in asked)]
    assert _drawn(incidents, contract, requests) == ["503", "", "cut", "429", ""]


def test_header__may_be_repeated(contract: Contract) -> None:
    """Each field is a plan of its own, though HTTP joins them with the comma that a sequence has."""
    operation = contract.operations["nvidia"]
    fields = (("X-Mock-Incident", "delay"), ("x-mock-incident", "cut"))
    request = Request("POST", operation.path, "", fields, BODY)
    assert _drawn(Incidents(), contract, [request]) == ["delay+cut"]


def test_set__replaces_everything_or_nothing(contract: Contract) -> None:
    """A wrong text among right ones changes nothing; a change counts anew; clear turns off."""
    incidents = Incidents()
    incidents.set("429*1,ok")
    request = _request(contract)
    assert _drawn(incidents, contract, [request, request]) == ["429", ""]
    with pytest.raises(IncidentError):
        incidents.set("cut", "nonsense")
    assert [entry["incident"] for entry in incidents.status()] == ["429*1,ok"]
    incidents.set("429*1,ok")
    assert _drawn(incidents, contract, [request]) == ["429"]
    incidents.clear()
    assert (incidents.status(), _drawn(incidents, contract, [request])) == ([], [""])


def test_status__tells_how_many_were_applied(contract: Contract) -> None:
    """So that a rate that never hits is seen."""
    incidents = Incidents()
    incidents.set("429*2,ok", "cut;rate=0")
    _drawn(incidents, contract, [_request(contract)] * 5)
    assert incidents.status() == [
        {"incident": "429*2,ok", "requests": 5, "applied": 2},
        {"incident": "cut;rate=0", "requests": 5, "applied": 0},
    ]


def test_attempts__are_remembered_of_so_many_requests_only(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was not attempted for the longest time is forgotten."""
    monkeypatch.setattr(subject, "_MOST_COUNTED", 2)
    incidents = Incidents()
    incidents.set("429*1,ok")
    one, two, three = (_request(contract, BODY + b" " * number) for number in range(3))
    assert _drawn(incidents, contract, [one, two, one, three, one, two]) == ["429", "429", "", "429", "", "429"]
    assert len(incidents._attempts) == 2


@pytest.mark.parametrize("text", ["429*2,ok", "cut;rate=0.1"])
def test_plan_that_counts__needs_a_process_that_sees_every_request(contract: Contract, text: str) -> None:
    """Where several answer it is refused, on the command line and in the header; the others are not."""
    incidents = Incidents(0, "delay", counts=False)
    asked = [_request(contract, incident=text)]
    for attempt in (lambda: incidents.set(text), lambda: _drawn(incidents, contract, asked)):
        with pytest.raises(IncidentError, match="several processes"):
            attempt()
    assert _drawn(incidents, contract, [_request(contract)]) == ["delay"]


def test_refusal__comes_after_route_and_method_and_before_the_key(contract: Contract) -> None:
    """A wrong URL and a wrong method are still told so; a wrong key is not looked at."""
    service = asking.service(contract)
    service.incidents.set("503")
    operation = contract.operations["nvidia"]
    requests = [
        asking.request(operation, path="/nowhere"),
        asking.request(operation, method="GET"),
        asking.request(operation, key="wrong"),
        asking.request(operation, fields={"prefer": "code=429"}),
    ]
    assert [service.answer(request, asking.NOW_NS).status for request in requests] == [404, 405, 503, 429]


@pytest.mark.parametrize("dialect", ["segmind", "segmind-openai", "nvidia"])
@pytest.mark.parametrize("status", [400, 401, 402, 408, 409, 418, 422, 429, 451, 500, 502, 503, 529, 599])
def test_status__is_a_refusal_in_the_dialects_own_envelope(contract: Contract, dialect: str, status: int) -> None:
    """Whether it is documented or not."""
    service, operation = asking.service(contract), contract.operations[dialect]
    service.incidents.set(str(status))
    reply = service.answer(asking.request(operation), asking.NOW_NS)
    plain = service.answer(asking.request(operation, fields={HEADER: "ok"}, key="wrong"), asking.NOW_NS)
    assert reply.status == status
    assert asking.message_of(reply)
    assert reply.content.keys() == plain.content.keys()
    assert ("retry-after" in reply.headers) == (status == 429)
    assert ("www-authenticate" in reply.headers) == (status == 401)
    assert reply.headers[HEADER] == str(status)


@pytest.mark.parametrize(
    ("text", "retry_after"),
    [("429", "1"), ("429:retry_after=7", "7"), ("429:retry_after=none", None), ("503:retry_after=2", "2")],
)
def test_retry_after__is_as_asked(contract: Contract, text: str, retry_after: str | None) -> None:
    """A second on 429 unless told otherwise, nothing elsewhere."""
    service = asking.service(contract)
    service.incidents.set(text)
    reply = service.answer(asking.request(contract.operations["nvidia"]), asking.NOW_NS)
    assert reply.headers.get("retry-after") == retry_after


@pytest.mark.parametrize(
    ("body", "media_type", "content"),
    [
        ("html", "text/html", b"<h1>502 Bad Gateway</h1>"),
        ("problem", "application/problem+json", b'"title":"Bad Gateway","status":502'),
        ("text", "text/plain", b"Bad Gateway\n"),
        ("empty", "application/json", b""),
    ],
)
def test_error_body__is_what_gateways_send(contract: Contract, body: str, media_type: str, content: bytes) -> None:
    """Not in the envelope of the contract."""
    service = asking.service(contract)
    service.incidents.set(f"502:body={body}")
    reply = service.answer(asking.request(contract.operations["nvidia"]), asking.NOW_NS)
    assert (reply.status, reply.headers["content-type"]) == (502, media_type)
    assert content in reply.content
    assert bool(content) == bool(reply.content)


def test_wrong_header__is_refused_with_400_and_named(contract: Contract) -> None:
    """A typing error must not pass for a mock without incidents."""
    request = asking.request(contract.operations["nvidia"], fields={HEADER: "ctu"})
    reply = asking.service(contract).answer(request, asking.NOW_NS)
    assert reply.status == 400
    assert asking.message_of(reply).startswith("x-mock-incident: expected cut")


def test_refusal_by_incident__costs_nothing_and_a_cut_completion_its_price(contract: Contract) -> None:
    """As a gateway bills what it sent."""
    service, operation = asking.service(contract), contract.operations["segmind"]
    service.incidents.set("503*1,cut*1,ok")
    replies = [service.answer(asking.request(operation), asking.NOW_NS) for _ in range(3)]
    assert [reply.headers.get("x-remaining-credits") for reply in replies] == [None, "999999.9995", "999999.9990"]
