"""Load on servers that want something else than the documented request: headers, fields, another place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.load.test_locust_command import KEY, run
from tests.support.scripted_stream_server import Request, ScriptedServer, answer, stream

REFUSED = answer("400 Bad Request", b'{"error": {"message": "not so"}}')
SECRET = "an-organisation-nobody-sees"


class PickyServer(ScriptedServer):
    """A server that answers only requests to its liking."""

    def __init__(self, *wanted: str, unwanted: str = "nothing at all") -> None:
        super().__init__(lambda number: stream(3) if self._likes(self.requests[number]) else [REFUSED])
        self._wanted = wanted
        self._unwanted = unwanted

    def _likes(self, request: Request) -> bool:
        said = f"{request.head}\r\n{json.dumps(request.body)}".lower()
        return all(each.lower() in said for each in self._wanted) and self._unwanted.lower() not in said


LIKED = {
    "a header": (PickyServer("\r\nx-org: acme\r\n"), ("--header", "X-Org=acme")),
    "a secret header": (PickyServer(f"\r\nx-org: {SECRET}\r\n"), ("--header", "X-Org=env:AN_ORG")),
    "no key": (PickyServer(unwanted="authorization"), ("--no-key",)),
    "a key of its own kind": (
        PickyServer(f"\r\napi-key: {KEY}\r\n", unwanted="authorization"),
        ("--no-key", "--header", "api-key=env:A_KEY"),
    ),
    "a query": (PickyServer("POST /v1/chat/completions?api-version=2024 "), ("--query", "api-version=2024")),
    "a field": (PickyServer('"guided": {"a": 1}'), ("--body", 'guided={"a": 1}')),
    "no stream_options": (PickyServer(unwanted="stream_options"), ("--usage", "none")),
    "continuous usage": (PickyServer('"continuous_usage_stats": true'), ("--usage", "continuous")),
    "another limit": (
        PickyServer('"max_completion_tokens": 3', unwanted='"max_tokens"'),
        ("--field", "max_completion_tokens"),
    ),
    "whole lengths": (
        PickyServer('"ignore_eos": true', '"min_tokens": 2'),
        ("--ignore-eos", "--min-tokens", "2"),
    ),
}


@pytest.mark.parametrize("wish", LIKED)
def test_server_that_wants_something_else__is_measured(
    wish: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request is to its liking, the report tells what was said, and nobody sees the secrets."""
    monkeypatch.setenv("AN_ORG", SECRET)
    server, options = LIKED[wish]
    with server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "-t", "1s", "--output-tokens", "3", *options)
    assert ended.code == 0, ended.stdout + ended.stderr
    outcomes = ended.summary["outcomes"]
    assert outcomes["ok"] == len(server.requests) == sum(outcomes.values()) > 0
    assert ended.summary["run"]["request"]
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.is_file())
    for secret in (SECRET, KEY):
        assert secret not in written + ended.stdout + ended.stderr


def test_endpoint__stands_instead_of_the_host(tmp_path: Path) -> None:
    """Whatever its path is."""
    with PickyServer("POST /team-a/chat HTTP/1.1") as server:
        ended = run(tmp_path, "--endpoint", f"{server.url}/team-a/chat", "-u", "1", "-t", "1s")
    assert ended.code == 0, ended.stdout + ended.stderr
    assert ended.summary["run"]["path"] == "/team-a/chat"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--header", "X-Org=env:NOBODY_SET_THIS"),
            "--header: X-Org: expected a value in NOBODY_SET_THIS, got nothing",
        ),
        (("--header", f"Authorization=Bearer {KEY}"), "--header: Authorization: expected env:VARIABLE"),
        (("--body", "stop=x"), "--body: stop: expected JSON"),
        (("--usage", "sometimes"), "--usage: expected one of none, end, continuous, got 'sometimes'"),
        (("--field", "tokens"), "--field: expected one of max_tokens, max_completion_tokens, got 'tokens'"),
        (("--endpoint", "http://127.0.0.1:1"), "--endpoint: expected the whole URL"),
        (("--no-key", "--api-key-env", "A_KEY"), "--no-key: expected no --api-key-env beside it"),
    ],
)
def test_wrong_change__is_one_line_before_anything_is_sent(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """Exit status 2, and no key in it."""
    with ScriptedServer(lambda _: stream(1)) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "-t", "1s", *options)
    assert (ended.code, server.requests) == (2, [])
    assert said in ended.stderr.splitlines()[-1]
    assert KEY not in ended.stderr
