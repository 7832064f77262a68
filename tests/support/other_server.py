"""A chat server that shares nothing with the mock: sockets and threads, written from OpenAI's reference.

It keeps the contract in a style of its own (`Style`), and departs from it where a `Defect` says so. Three layers, each
of which a defect may change: what is answered (`Answer`), the events of a stream, the bytes that leave.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.request_shapes import is_message, is_number, no_constant

Body = dict[str, Any]
Headers = list[tuple[str, str]]

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
CHAT, SEGMIND = "/v1/chat/completions", "/v1/mixtral-8x22b-instruct"
PACE_S = 0.0015
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "and", "then", "on", "ends")
_KEYS = {"mock-valid", "mock-exhausted", "mock-limited", "mock-forbidden"}
_WAIT_S = 1
_WINDOW = 65_536
_IDS = itertools.count(1)
_NUMBERS = {"temperature": (0, 1), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}


@dataclass(frozen=True)
class Request:
    """One request, parsed."""

    method: str
    path: str
    version: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def asks(self, name: str) -> Any:
        """A field of the body; None without one."""
        return self.json.get(name) if isinstance(self.json, dict) else None


@dataclass
class Answer:
    """What is answered: a body, or the events of a stream (each a chunk, or a text that is sent as it is)."""

    status: int
    headers: Headers = field(default_factory=list)
    body: Any = None
    events: list[Any] | None = None
    pace_s: float = PACE_S
    close: bool = False
    wait_s: float = 0.0


@dataclass(frozen=True)
class Style:
    """Lawful ways to say the same; all are the server's choice."""

    line_end: bytes = b"\n"
    colon: bytes = b"data: "
    framing: str = "chunked"
    role: str = "own chunk"
    finish: str = "own chunk"
    indent: int | None = None
    ascii_only: bool = True
    lines: bool = False
    comments: bool = False
    usage_null: bool = True
    extras: bool = False
    small_headers: bool = False
    reverse: bool = False
    pieces: int = 0
    brief: bool = False
    sampled: bool = False
    pad: bytes = b""
    message: str = ""
    """What each refusal says instead of its own words."""
    usage_always: bool = False
    tokens_per_event: int = 1
    old: bool = False
    """Whether it speaks HTTP/1.0 alone."""
    closing: bool = False
    """Whether a refusal ends the connection."""
    busy_every: int = 0
    """Each so many requests one is answered 429 or 503, in turns."""
    gap_s: float = 0.0
    """What comes sooner after the request before it is answered 429."""
    refuses: frozenset[tuple[str, Any]] = frozenset()
    letters_per_token: int = 0
    wait_s: float = 0.0
    jitter_s: float = 0.0
    dated: str = ""
    """What the answer's model has after the name that was asked for."""


@dataclass(frozen=True)
class Defect:
    """One departure; each function changes what it is given, None leaves it alone."""

    answer: Callable[[Request, Answer], Answer | None] | None = None
    events: Callable[[list[Any]], list[Any]] | None = None
    raw: Callable[[Request, bytes, list[bytes]], tuple[bytes, list[bytes]]] | None = None
    request: Callable[[Request], Request] | None = None
    tolerant: frozenset[str] = frozenset()


class Chat:
    """The decisions of one server."""

    def __init__(self, style: Style, defect: Defect) -> None:
        self.style = style
        self.defect = defect
        self._credits = 10_000
        self._limited: list[float] = []
        self._asked = itertools.count(1)
        self._last_s = -math.inf
        self._chance = random.Random(0)  # noqa: S311  the same pauses every time
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """What a request gets."""
        if self.defect.request:
            request = self.defect.request(request)
        answer = self._busy() or self._decide(request)
        if answer.status >= 400:
            answer.close = answer.close or self.style.closing
            if self.style.message:
                answer.body["error"]["message"] = self.style.message
        answer.wait_s += self.style.wait_s + self._chance.uniform(0, self.style.jitter_s)
        if self.defect.answer:
            answer = self.defect.answer(request, answer) or answer
        if answer.events is not None and self.defect.events:
            answer.events = self.defect.events(answer.events)
        return answer

    def _busy(self) -> Answer | None:
        number, now_s = next(self._asked), time.monotonic()
        if self.style.busy_every and number % self.style.busy_every == 0:
            status = (429, 503)[number // self.style.busy_every % 2]
            return _with(_refusal(status, "come back", "overloaded"), ("Retry-After", "0"))
        with self._lock:
            since_s, self._last_s = now_s - self._last_s, now_s
        if since_s < self.style.gap_s:
            return _with(_refusal(429, "one a second", "rate_limit_error"), ("Retry-After", "1"))
        return None

    def _decide(self, request: Request) -> Answer:
        if request.path.partition("?")[0] not in (CHAT, SEGMIND):
            return _refusal(404, "no such URL", "not_found")
        if request.method != "POST":
            return _with(_refusal(405, "POST only", "method_not_allowed"), ("Allow", "POST"))
        refused = self._keyed(request)
        if refused:
            return refused
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _refusal(400, "expected application/json", "invalid_request_error")
        fault = _fault(request, self.defect.tolerant)
        fault = fault or next((name for name, value in self.style.refuses if request.asks(name) == value), None)
        if fault:
            status = 404 if fault == "model" else 400
            return _refusal(status, f"{fault}: not as documented", "invalid_request_error", fault)
        return self._complete(request)

    def _keyed(self, request: Request) -> Answer | None:
        scheme, _, key = request.headers.get("authorization", "").strip().partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else ""
        if request.path.startswith(SEGMIND):
            key = key or request.headers.get("x-api-key", "")
        challenge = ("WWW-Authenticate", 'Bearer realm="chat"')
        if key not in _KEYS:
            return _with(_refusal(401, "no key" if not key else "wrong key", "authentication_error"), challenge)
        if key == "mock-forbidden":
            return _refusal(403, "not with this key", "permission_error")
        if key == "mock-exhausted":
            return _refusal(406 if request.path.startswith(SEGMIND) else 402, "no credits", "insufficient_quota")
        if key == "mock-limited":
            with self._lock:
                now = time.monotonic()
                self._limited = [at for at in self._limited if now - at < _WAIT_S]
                if len(self._limited) >= 2:
                    return _with(_refusal(429, "too many", "rate_limit_error"), ("Retry-After", str(_WAIT_S)))
                self._limited.append(now)
        return None

    def _complete(self, request: Request) -> Answer:
        body = request.json
        tokens, reason = _tokens(body, self.style)
        model = (body.get("model") or MODEL) + self.style.dated
        base = {"id": f"chatcmpl-other-{next(_IDS)}", "created": int(time.time()), "model": model}
        texts = [_text(each["content"]) for each in body["messages"]]
        size = self.style.letters_per_token
        usage = _usage(sum(3 + (len(text) // size if size else len(text.split())) for text in texts), len(tokens))
        headers: Headers = []
        if request.path.startswith(SEGMIND):
            with self._lock:
                self._credits -= 1
                headers = [("X-Remaining-Credits", f"{self._credits / 4:.2f}")]
        if body.get("stream") and request.path.startswith(CHAT):
            wanted = bool((body.get("stream_options") or {}).get("include_usage"))
            together = self.style.tokens_per_event
            parts = ["".join(tokens[start : start + together]) for start in range(0, len(tokens), together)]
            events = self._chunks(base, parts, reason, usage if wanted else None)
            return Answer(200, [("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache")], events=events)
        message = {"role": "assistant", "content": "".join(tokens), **self._extra(tool_calls=[], refusal=None)}
        choice = {"index": 0, "message": message, "finish_reason": reason, **self._extra(logprobs=None)}
        whole = {**base, "object": "chat.completion", "choices": [choice], "usage": usage}
        whole |= self._extra(system_fingerprint=None, service_tier="default")
        headers.append(("Content-Type", "application/json"))
        return Answer(200, headers, body=whole, wait_s=PACE_S * len(tokens))

    def _chunks(self, base: Body, tokens: list[str], reason: str, usage: Body | None) -> list[Any]:
        style = self.style
        deltas: list[tuple[Body, str | None]] = [({"content": token}, None) for token in tokens]
        if style.role == "own chunk":
            deltas.insert(0, ({"role": "assistant", "content": ""}, None))
        elif style.role == "null content":
            deltas.insert(0, ({"role": "assistant", "content": None}, None))
        elif deltas:
            deltas[0][0]["role"] = "assistant"
        if style.finish == "own chunk" or not deltas:
            deltas.append(({}, reason))
        else:
            deltas[-1] = (deltas[-1][0], reason)
        base = {**base, "object": "chat.completion.chunk", **self._extra(system_fingerprint="fp_1")}
        null = {"usage": None} if (usage and style.usage_null) or style.usage_always else {}
        null |= self._extra(service_tier="default", prompt_logprobs=None)
        more = self._extra(reasoning_content=None, refusal=None)
        ended = self._extra(stop_reason=None, logprobs=None)
        events: list[Any] = [
            {**base, "choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": ends, **ended}], **null}
            for delta, ends in deltas
        ]
        if usage:
            events.append({**base, "choices": [], "usage": usage})
        return [*events, "[DONE]"]

    def _extra(self, **fields: Any) -> Body:
        return fields if self.style.extras else {}


# ---- what is said


def _tokens(body: Body, style: Style) -> tuple[list[str], str]:
    asked = json.dumps([body["messages"], body.get("seed"), body.get("temperature")], sort_keys=True)
    asked += f" {next(_IDS)}" if style.sampled else ""
    chance = random.Random(hashlib.sha256(asked.encode()).digest())  # noqa: S311  the same answer every time
    words = [chance.choice(_WORDS) for _ in range(chance.randint(12, 20))]
    if "Count" in asked:
        words = list(_WORDS * 7)[:90]
    tokens = [words[0].capitalize(), *(f" {word}" for word in words[1:]), " \u2014", " caf\u00e9", "."]
    if style.brief:
        tokens = ["Yes"]
    _, repeat, said = _text(body["messages"][-1]["content"]).partition("Repeat exactly: ")
    if repeat:
        tokens = list(said)
    stops = body.get("stop") or []
    text = "".join(tokens)
    found = [text.find(stop) for stop in ([stops] if isinstance(stops, str) else stops) if stop and stop in text]
    reason = "stop"
    if found:
        kept, tokens, length = tokens, [], min(found)
        for token in kept:
            tokens.append(token[: max(0, length)])
            length -= len(token)
        tokens = [token for token in tokens if token]
    limit = int(body.get("max_tokens") or 1024)
    if len(tokens) > limit:
        tokens, reason = tokens[:limit], "length"
    return tokens, reason


def _usage(prompt: int, completion: int) -> Body:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _text(content: Any) -> str:
    return content if isinstance(content, str) else " ".join(part.get("text", "image") for part in content)


def _refusal(status: int, message: str, kind: str, param: str | None = None) -> Answer:
    error = {"message": message, "type": kind, "param": param, "code": None}
    return Answer(status, [("Content-Type", "application/json")], body={"error": error})


def _with(answer: Answer, *headers: tuple[str, str]) -> Answer:
    answer.headers += headers
    return answer


def _fault(request: Request, tolerant: frozenset[str]) -> str | None:
    """The field at fault; None when the body is as documented."""
    try:
        body = json.loads(request.body.decode("utf-8"), parse_constant=no_constant)
    except (ValueError, RecursionError):
        return "body"
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list) or not body["messages"]:
        return "messages"
    checks = {
        # what it does not know it refuses, rather than answer something else
        **{name: body.get(name) is None for name in ("tools", "response_format", "logprobs", "top_logprobs")},
        "n": body.get("n") is None or (is_number(body["n"]) and body["n"] == 1),
        "messages": all(map(is_message, body["messages"])) and len(request.body) < 4 * _WINDOW,
        "model": body.get("model", MODEL) == MODEL or request.path.startswith(SEGMIND),
    }
    if request.path.startswith(CHAT):
        for name, (low, high) in _NUMBERS.items():
            checks[name] = body.get(name) is None or (is_number(body[name]) and low <= body[name] <= high)
        limit, seed, stop = body.get("max_tokens"), body.get("seed"), body.get("stop")
        checks["max_tokens"] = limit is None or (is_number(limit) and limit >= 1 and limit == int(limit))
        checks["stream"] = body.get("stream") is None or isinstance(body["stream"], bool)
        checks["seed"] = seed is None or (is_number(seed) and seed == int(seed))
        stops = stop if isinstance(stop, list) else [stop]
        checks["stop"] = stop is None or all(isinstance(each, str) for each in stops)
    bad = next((name for name, good in checks.items() if not good and name not in tolerant), None)
    if bad == "messages" and all(isinstance(each, dict) for each in body["messages"]):
        roles = [each.get("role") for each in body["messages"]]
        return "content" if all(role in ("system", "user", "assistant") for role in roles) else "messages.role"
    return bad
