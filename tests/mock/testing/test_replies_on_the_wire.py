"""Scripted replies over a socket and in process: their pace, their empty frames, their ends, as a client sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi, MixtralServer
from mixtral_contract.testing import comment, cut, error, pause

MS_NS = 1_000_000
HELLO = [{"role": "user", "content": "hello"}]

Kind = Callable[..., MixtralApi | MixtralServer]


@pytest.fixture(params=[MixtralApi, MixtralServer], ids=["in process", "socket"])
def mock(request: pytest.FixtureRequest) -> Iterator[MixtralApi | MixtralServer]:
    """A mock that answers at once."""
    kind: Kind = request.param
    with kind() as made:
        yield made


def _ask(mock: MixtralApi | MixtralServer, *, stream: bool = True) -> str:
    body = {"messages": HELLO, "stream": stream}
    return httpx.post(mock.urls["nvidia"], json=body, headers={"Authorization": "Bearer k"}).text


def test_own_pace__is_that_of_the_tokens(mock: MixtralApi | MixtralServer) -> None:
    """Due at ttft and then every itl, though the mock answers at once."""
    mock.reply("a b c", pace={"ttft_ms": 20, "itl_ms": 5})
    assert _ask(mock).endswith("data: [DONE]\n\n")
    mock.assert_called(1)  # the server's loop has come back from the last write when this is answered
    (entry,) = mock.mock.journal.entries()
    dues = [at - entry.received_ns for _, at in entry.dues]
    assert [round(due / MS_NS) for due in dues] == [20 + 5 * number for number in range(len(dues))]
    assert entry.sent[-1][1] - entry.received_ns >= dues[-1]


def test_frames_without_bytes__do_not_end_the_answer(mock: MixtralApi | MixtralServer) -> None:
    """A text that is one delta leaves with its last token."""
    mock.reply("One two three four.", oddities={"deltas": "whole"}, pace={"itl_ms": 2})
    assert '"content":"One two three four."' in (said := _ask(mock))
    assert said.endswith("data: [DONE]\n\n")


def test_stream_without_its_end__is_cut_in_the_journal(mock: MixtralApi | MixtralServer) -> None:
    """By an error as by a cut; one whose finish was said is complete."""
    mock.reply(["a", error("no")], ["a", comment(), "b"])
    _ask(mock)
    _ask(mock)
    mock.reply(["a", cut()])
    with pytest.raises(httpx.RemoteProtocolError):
        _ask(mock)
    assert [request.end for request in mock.requests] == ["cut", "complete", "cut"]


def test_pause__keeps_what_follows_back(mock: MixtralApi | MixtralServer) -> None:
    """Of a stream the rest, of a whole answer all of it."""
    mock.reply(["a", pause(0.03), "b"])
    _ask(mock)
    _ask(mock, stream=False)
    assert all(request.took_s is not None and request.took_s >= 0.03 for request in mock.requests)


def test_reply_to_a_call_that_is_refused__was_not_said() -> None:
    """A call that has no credits gives its line back."""
    with MixtralApi(allow_unused=True) as api:
        api.reply("One.")
        answer = httpx.post(api.urls["segmind"], json={"messages": HELLO}, headers={"x-api-key": "mock-exhausted"})
        assert answer.status_code == 406
        assert api.unused == ["reply('One.')"]
