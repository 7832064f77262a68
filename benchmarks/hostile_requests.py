"""Requests that try to hold up everybody else: bodies that are small and expensive, or large, or no HTTP at all."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer mock-valid\r\n"
_JSON = b"Content-Type: application/json\r\n"
_LAST = b"Connection: close\r\n"
_MB = 1_000_000


def hostile_requests() -> Mapping[str, bytes]:
    """The bytes of each request by its name, the same every time; each is sent on a connection of its own."""
    return {**dict(_posted()), **dict(_raw())}


def _posted() -> Iterator[tuple[str, bytes]]:
    for name, body in (*_schemas(), *_features(), *_messages(), *_json()):
        yield name, post(body)


def post(body: bytes) -> bytes:
    """A request with this body, the last of its connection."""
    head = b"%b%b%bContent-Length: %d\r\n\r\n" % (_HEAD, _JSON, _LAST, len(body))
    return head + body


def asking(content: Any = "hello", **fields: Any) -> bytes:
    """A body that asks this, for a short answer."""
    return orjson.dumps({"messages": [{"role": "user", "content": content}], "max_tokens": 50, **fields})


def tool(parameters: Any, **fields: Any) -> bytes:
    """A body that declares one function with these parameters, and has it called."""
    function = {"name": "f", "parameters": parameters}
    return asking("f", tools=[{"type": "function", "function": function}], tool_choice="required", **fields)


def _object(**rules: Any) -> dict[str, Any]:
    return {"type": "object", **rules}


def _pattern(pattern: str, **rules: Any) -> bytes:
    return tool(_object(properties={"x": {"type": "string", "pattern": pattern, **rules}}, required=["x"]))


def _chain(length: int, keyword: str, last: Any) -> dict[str, Any]:
    """Definitions each of which refers to the next one twice."""
    return {str(n): {keyword: [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(length)} | {str(length): last}


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"x": value}
    return value


def _schemas() -> Iterator[tuple[str, bytes]]:
    names = ["a" * 28]
    twice = {"properties": {"x": {"$ref": "#/$defs/a"}}}
    yield (
        "pattern of properties, exponential",
        tool(_object(patternProperties={"^(a+)+$": {}}, required=["a" * 28 + "!"])),
    )
    yield (
        "pattern of properties, with a reference back",
        tool(_object(patternProperties={r"^(a+)+\1$": {}}, required=["a" * 28 + "!"])),
    )
    yield "pattern with look-ahead, long", _pattern("[a-z]{9000}(?=b)c")
    yield "pattern, long", _pattern("[a-z]{9000}c")
    yield "pattern, exponential", _pattern("^(a|a)*(a|a)*(a|a)*b$")
    yield "pattern, nested repetitions", _pattern("(((a{99}){99}){99}){99}")
    yield "pattern, many states", _pattern("(?:[a-z]{1,50}){1,50}x", minLength=9000)
    yield "pattern, optional parts", _pattern("(a?){1000}(a){1000}", minLength=2000)
    yield "pattern, any character many times", _pattern("^.{1,5000}$")
    yield "pattern, all letters of Unicode", _pattern(r"^(\p{L}|\p{N}){1,40}$")
    yield "pattern, look-ahead in a loop", _pattern("^(?:a(?=a*$))*b", minLength=2000)
    yield "pattern, look-behind", _pattern("(?<=a{1,100})b(?<!c+)d", minLength=2000)
    yield "pattern of a thousand groups", _pattern("(" * 1000 + "a" + ")" * 1000)
    yield "pattern of 100 kB", _pattern("a?" * 50_000)
    yield "pattern that nothing keeps", _pattern("^a$", minLength=5000)
    yield "format and pattern", _pattern("^(.*,)*$", format="email")
    yield (
        "names times patterns",
        tool(_object(patternProperties={f"^{n}": {} for n in range(1500)}, required=[f"n{n}" for n in range(3000)])),
    )
    yield "a thousand large patterns", tool(_object(patternProperties={f"^.{{1,400}}{n}": {} for n in range(1000)}))
    yield (
        "names that must keep a pattern",
        tool(_object(propertyNames={"pattern": "^(x+x+)+y$"}, minProperties=50, additionalProperties=True)),
    )
    yield "many required names", tool(_object(required=[f"n{n}" for n in range(10_000)]))
    yield "many properties", tool(_object(properties={f"n{n}": {"type": "string"} for n in range(5_000)}))
    yield "long enum", tool({"enum": ["x" * 100 for _ in range(2000)]})
    yield "long const", tool({"const": "x" * 200_000})
    yield (
        "references in a row",
        tool(
            {"$ref": "#/$defs/0", "$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(1900)} | {"1900": {}}}
        ),
    )
    yield "references in a circle", tool({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}})
    yield "not what it is", tool({"not": {"$ref": "#"}})
    yield "alternatives that double, all", tool({"$ref": "#/$defs/0", "$defs": _chain(28, "allOf", {"type": "string"})})
    yield "alternatives that double, one", tool({"$ref": "#/$defs/0", "$defs": _chain(28, "oneOf", {"type": "string"})})
    yield (
        "alternatives that double, denied",
        tool({"type": "integer", "not": {"$ref": "#/$defs/0"}, "$defs": _chain(28, "anyOf", {"type": "string"})}),
    )
    yield (
        "constant that is validated twice on each level",
        tool({"const": _nested(40), "$ref": "#/$defs/a", "$defs": {"a": {"allOf": [twice, twice]}}}),
    )
    yield (
        "tree of lists",
        tool(
            {
                "$ref": "#/$defs/a",
                "$defs": {
                    "a": {"type": "array", "minItems": 9, "maxItems": 9, "items": {"$ref": "#/$defs/b"}},
                    "b": {"type": "array", "minItems": 999, "items": {"type": "array", "minItems": 999}},
                },
            }
        ),
    )
    yield (
        "items that all differ",
        tool({"type": "array", "uniqueItems": True, "minItems": 1000, "items": {"enum": [1, 2]}}),
    )
    yield "contains", tool({"type": "array", "minContains": 900, "contains": {"type": "string", "minLength": 9000}})
    yield "multiple of little", tool({"type": "number", "multipleOf": 1e-300, "minimum": 1})
    yield "deep properties", tool(_schema_of_depth(90))
    yield (
        "if within if",
        tool({"if": {"if": {"if": {"not": {"pattern": "^(a+)+$"}}}}, "then": {"const": names[0] + "!"}}),
    )
    yield "dynamic reference", tool({"$dynamicAnchor": "a", "not": {"$dynamicRef": "#a"}})


def _schema_of_depth(depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth // 2 - 5):
        schema = _object(properties={"x": schema}, required=["x"])
    return schema


def _features() -> Iterator[tuple[str, bytes]]:
    many = [{"type": "function", "function": {"name": f"f{n}", "description": "word " * 400}} for n in range(128)]
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "array", "minItems": 300}}}
    patterned = {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": _object(
                properties={f"p{n}": {"type": "string", "pattern": "^[a-z]{3,40}$"} for n in range(90)}
            ),
        },
    }
    yield "many functions", asking("hello", tools=many)
    yield "many functions with patterns", asking("hello", tools=[patterned] * 128)
    yield "many choices", asking(n=128)
    yield "many choices with probabilities", asking(max_tokens=500, n=128, logprobs=True, top_logprobs=20)
    yield "many choices of a form", asking(n=128, response_format=form)
    yield "many choices in a stream", asking(max_tokens=500, n=128, logprobs=True, top_logprobs=20, stream=True)
    yield "many stop sequences", asking(stop=["x" * 1000 + str(n) for n in range(1000)])
    yield "long stop sequence", asking(stop=["ab" * 500_000])
    yield "more choices than there are", asking(n=10**18)
    yield "unknown field with a map", asking(logit_bias={str(n): 1 for n in range(40_000)})


def _messages() -> Iterator[tuple[str, bytes]]:
    chance = random.Random(1)
    letters = string.ascii_letters + string.digits
    word = "".join(chance.choice(letters) for _ in range(_MB))
    turn = {"role": "user", "content": "a b"}
    yield "prompt of four million tokens", asking("a " * (4 * _MB - 100))
    yield "prompt without a space", asking(word * 4)
    yield "prompt of one character", asking("=" * 4 * _MB)
    yield "prompt just below the window", asking("==" * 500_000)
    yield "prompt of spaces", asking(" " * 4 * _MB)
    yield "prompt of other characters", asking("\U0001f600" * 900_000)
    yield "many messages", orjson.dumps({"messages": [turn] * 19_000})
    yield "more messages", orjson.dumps({"messages": [turn] * 150_000})
    yield "many parts", asking([{"type": "text", "text": "a"}] * 20_000)
    yield "many turns", orjson.dumps({"messages": [turn, {"role": "assistant", "content": "b"}] * 9_000})
    yield (
        "many calls",
        orjson.dumps(
            {
                "messages": [
                    turn,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": str(n), "type": "function", "function": {"name": "f", "arguments": "{}"}}
                            for n in range(6_000)
                        ],
                    },
                ]
            }
        ),
    )
    yield (
        "arguments that nest",
        orjson.dumps(
            {
                "messages": [
                    turn,
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[" * 200_000}}
                        ],
                    },
                ]
            }
        ),
    )
    yield "body of 8 MB", asking("x" * 8 * _MB)


def _json() -> Iterator[tuple[str, bytes]]:
    names = b",".join(b'"name%d":1' % n for n in range(60_000))
    yield "many names", b'{"messages":[],%b}' % names
    yield "many names with spaces", b'{"messages" :[],%b}' % names
    yield "a name twice among many", b'{"messages":[],%b,"name1":2}' % names
    yield "many texts that look like names", asking('":' * 200_000)
    yield "many quotes and spaces", b'{"messages" : [' + b'"a"' + b' , "a"' * 40_000 + b"]}"
    yield "one quote and many spaces", b'{"messages"' + b" " * 4 * _MB + b": []}"
    yield "deep lists", b"[" * 100_000
    yield "deep and closed", b"[" * 50_000 + b"]" * 50_000
    yield "deep objects", b'{"a":' * 100_000
    yield "long number", b'{"messages": ' + b"9" * _MB + b"}"
    yield "many numbers", b'{"messages": [' + b"1e5," * 99_000 + b"1]}"
    yield "many empty objects", b'{"messages": [' + b"{}," * 300_000 + b"{}]}"
    yield "many escapes", b'{"messages": [{"role": "user", "content": "' + b"\\u0061" * 600_000 + b'"}]}'
    yield "no JSON of 4 MB", b"x" * 4 * _MB


def _raw() -> Iterator[tuple[str, bytes]]:
    chunked = _HEAD + _JSON + _LAST + b"Transfer-Encoding: chunked\r\n\r\n"
    yield "body in a hundred thousand chunks", chunked + b"1\r\n[\r\n" * 100_000 + b"0\r\n\r\n"
    yield (
        "thousand fields",
        _HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(1000)) + _LAST + b"Content-Length: 0\r\n\r\n",
    )
    yield "long field", _HEAD + b"X: " + b"a" * 200_000 + b"\r\n\r\n"
    yield "long target", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n"
    models = b"GET /v1/models HTTP/1.1\r\nHost: h\r\n"
    yield "hundred requests at once", (models + b"\r\n") * 99 + models + _LAST + b"\r\n"
    expensive = _pattern("[a-z]{900}c", minLength=1200)
    yield "thirty expensive requests at once", post(expensive).replace(_LAST, b"") * 29 + post(expensive)
    yield "no HTTP", b"\x00" * 100_000
