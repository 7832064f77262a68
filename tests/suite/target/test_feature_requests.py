"""The clauses on what no document prints a parameter for, on servers that do without it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mixtral_contract.suite.target import feature_requests
from tests.support.suite_run import run_suite, verdicts

OPTIONAL = ("tools", "response_format", "logprobs", "top_logprobs", "n")
GROUPS = ("TOOL", "FMT", "LOGP", "CHC")
CHOICE = {"message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
_WEATHER = {"name": "get_weather", "arguments": '{"city": "Paris", "unit": "C"}'}
CALL = {
    "message": {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": _WEATHER}],
    },
    "finish_reason": "tool_calls",
}
ANSWER = {
    "id": "a",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class _Handler(BaseHTTPRequestHandler):
    """Answers with one text, `choices` times; `refuses` says whether a wish for more is refused, or ignored.

    `calls` says whether a function is called where any has to be.
    """

    protocol_version = "HTTP/1.1"
    refuses = True
    choices = 1
    calls = False

    def do_POST(self) -> None:
        """The completion, or a 400."""
        body: Any = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"null")
        wanted = [name for name in OPTIONAL if isinstance(body, dict) and name in body] if self.refuses else []
        choice = CALL if self.calls and isinstance(body, dict) and body.get("tool_choice") == "required" else CHOICE
        made = {**ANSWER, "choices": [{**choice, "index": index} for index in range(self.choices)]}
        answer = json.dumps({"error": {"message": f"{wanted} not supported"}} if wanted else made).encode()
        self.send_response(400 if wanted else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@contextmanager
def _serving(**how: Any) -> Iterator[str]:
    handler = type("Handler", (_Handler,), how)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _found(folder: Path, **how: Any) -> dict[str, str]:
    with _serving(**how) as address:
        run_suite("--base-url", address, "--dialect", "nvidia", "-k", " or ".join(GROUPS), folder=folder)
    return {clause: verdict for (clause, _), verdict in verdicts(folder).items()}


def test_refused_feature__is_unsupported(tmp_path: Path) -> None:
    """No clause fails because a server says that it does not do that."""
    found = _found(tmp_path, refuses=True)
    assert found.pop("LOGP-05") == "PASS"
    assert len(found) > 20
    assert set(found.values()) == {"UNSUPPORTED"}, found


def test_ignored_feature__is_found(tmp_path: Path) -> None:
    """Who accepts a demand and does something else misleads its client; choices that are not made are lost text."""
    found = _found(tmp_path, refuses=False)
    assert {clause for clause in found if found[clause] == "NON-STRICT"} >= {"TOOL-01", "FMT-01", "FMT-02"}
    assert {clause for clause in found if found[clause] == "FAIL"} == {"CHC-01", "CHC-02"}, found


def test_named_function_ignored__is_found_where_others_are_called(tmp_path: Path) -> None:
    """A server that calls what it likes when it has to call takes no notice of the name."""
    found = _found(tmp_path, refuses=False, calls=True)
    assert (found["TOOL-01"], found["TOOL-04"]) == ("PASS", "NON-STRICT")


def test_short_texts__say_nothing_of_a_count(tmp_path: Path) -> None:
    """Two choices of one token each are two tokens: only texts that the limit cut have to be more than one may have."""
    found = _found(tmp_path, refuses=False, choices=2)
    assert found["CHC-01"] == "PASS"
    assert found["CHC-03"] == "UNSUPPORTED"


def test_fragments_in_turns__are_told_apart_by_their_index() -> None:
    """Those of two calls; a fragment without a readable index belongs to the first."""
    texts = [(0, "one", "{"), (1, "two", "["), (0, None, "}"), (1, None, "]"), (None, None, "!")]
    fragments = [{"index": at, "function": {"name": name, "arguments": more}} for at, name, more in texts]
    assert feature_requests.named(feature_requests.by_call(fragments)) == ("onetwo", "{}![]")
