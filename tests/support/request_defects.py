"""Servers with one defect each in what they make of a request, and in credits."""

from __future__ import annotations

from dataclasses import replace

from tests.support.defective_requests import (
    accepting,
    any_role,
    any_scheme,
    bodied,
    coerced,
    failing,
    forgetful,
    no_scheme,
    no_system,
    queried,
    reading,
    shortened,
    with_key,
)
from tests.support.defective_server import (
    HTML,
    Case,
    case,
    hang_up,
    headers,
    is_whole,
    on,
    put,
    refused,
    typed,
)
from tests.support.other_server import Defect

REQUEST_DEFECTS: dict[str, Case] = {
    # requests misread
    "500 for a list of stops": case(
        failing(lambda request: isinstance(request.asks("stop"), list)), "REQ-11", "RSP-27"
    ),
    "500 for null": case(
        failing(lambda request: b"null" in request.body and b'"messages": [' in request.body), "REQ-12"
    ),
    "500 for what is no JSON": case(
        failing(lambda request: request.body[:1] == b"{" and request.json is None), "HTTP-11"
    ),
    "500 for a missing role": case(
        on(lambda request, answer: answer.status == 400 and b"role" not in request.body, put(status=500)),
        "NEG-04",
        "NEG-16",
    ),
    "hangs up on what is no JSON": case(Defect(answer=hang_up), "HTTP-11"),
    "any temperature": case(accepting("temperature"), "NEG-07", "NEG-18"),
    "any model": case(accepting("model"), "NEG-13"),
    "digits in quotes": case(bodied(coerced), "NEG-18"),
    "an unknown role": case(bodied(any_role), "NEG-05"),
    "stop ignored": case(bodied(lambda body: {**body, "stop": None}), "RSP-14", "RSP-27", "STR-11", "NEG-12"),
    "max_tokens ignored": case(
        bodied(lambda body: {**body, "max_tokens": None}),
        "RSP-08",
        "RSP-09",
        "RSP-25",
        "STR-10",
        "STR-28",
        "NEG-10",
    ),
    "any key": case(reading(with_key), "AUT-01", "AUT-02", "ERR-05", "ERR-06"),
    "a key in the query": case(reading(queried), "AUT-10"),
    "a key that begins well": case(reading(shortened), "AUT-12"),
    "a key behind any scheme": case(reading(any_scheme), "AUT-13"),
    "a key behind none": case(reading(no_scheme), "AUT-13"),
    "only the last message read": case(bodied(forgetful), "RSP-11"),
    "404 for GET": case(on(refused(405), put(status=404)), "HTTP-02"),
    "a page for GET": case(
        on(refused(405), lambda answer: typed("text/html")(replace(answer, status=200, body=HTML))), "HTTP-02"
    ),
    # credits
    "no credits told": case(
        on(is_whole, headers(lambda _said: {"Content-Type": "application/json"})), "CRD-01", dialect="segmind"
    ),
    "credits in words": case(
        on(is_whole, headers(lambda headers: {**headers, "X-Remaining-Credits": "plenty"})),
        "CRD-02",
        dialect="segmind",
    ),
    "credits that never change": case(
        on(is_whole, headers(lambda headers: {**headers, "X-Remaining-Credits": "12.5"})),
        "CRD-09",
        dialect="segmind",
    ),
    "500 for a system message": case(failing(lambda request: no_system(request.json)), "REQ-03", dialect="segmind"),
    "403 for a system message, with a good key": case(
        failing(lambda request: no_system(request.json), 403), "REQ-03", dialect="segmind"
    ),
}
