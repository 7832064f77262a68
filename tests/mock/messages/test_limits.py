from __future__ import annotations

import tracemalloc

import pytest

from mixtral_contract.mock.http.request_parser import Malformed, Reader, Received
from mixtral_contract.mock.messages.limits import Limits, Patience, Phase

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("phase", "limit_s"), [(Phase.IDLE, 4), (Phase.UNREAD, 4), (Phase.HEAD, 2), (Phase.BODY, 3), (Phase.ANSWER, None)]
)
def test_patience__lasts_as_long_as_the_phase_may(phase: Phase, limit_s: float | None) -> None:
    """It starts anew with progress, and an answer may take any time."""
    patience = Patience(Limits(head_s=2, body_s=3, idle_s=4))
    assert patience.left_s((phase, 1, 0), 100) == (limit_s or float("inf"))
    assert (patience.left_s((phase, 1, 0), 101.5) == (limit_s or 0) - 1.5) == (limit_s is not None)
    assert (patience.left_s((phase, 1, 0), 105) <= 0) == (limit_s is not None)
    assert patience.left_s((phase, 1, 1), 106) == (limit_s or float("inf"))


def test_progress__is_what_the_reader_waits_for() -> None:
    """The bytes of a head are none, those of a body are, those around a body are not."""
    reader = Reader()
    seen = [reader.progress]
    for piece in (
        b"\r\n",
        CHUNKED[:10],
        CHUNKED[10:20],
        CHUNKED[20:],
        b"5;ext",
        b"=1\r\n",
        b"he",
        b"llo\r\n0\r\nT",
        b": t\r\n\r\n",
    ):
        reader.feed(piece)
        seen.append(reader.progress)
    phases = [phase for phase, _, _ in seen]
    assert phases == [Phase.IDLE] * 2 + [Phase.HEAD] * 2 + [Phase.BODY] * 5 + [Phase.IDLE]
    assert seen[2] == seen[3]
    assert seen[4] == seen[5] == seen[6]
    assert len({seen[6], seen[7], seen[8]}) == 3


def test_expired_request__is_malformed_and_the_end() -> None:
    """408, with the path when it was there."""
    reader = Reader()
    reader.feed(CHUNKED)
    (message,) = reader.expire()
    assert isinstance(message, Malformed)
    assert (message.status, message.path) == (408, "/")
    assert reader.feed(GET) == []


def test_body_in_tiny_chunks__takes_no_more_memory_than_in_one() -> None:
    """A list of its pieces would take twenty times as much."""
    size = 1_000_000
    reader = Reader()
    reader.feed(CHUNKED)
    tracemalloc.start()
    try:
        for _ in range(100):
            reader.feed(b"2\r\nxx\r\n" * (size // 200))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (message,) = reader.feed(b"0\r\n\r\n")
    assert isinstance(message, Received)
    assert len(message.request.body) == size
    assert peak < 4 * size


@pytest.mark.parametrize("reads", [1, 2, 7])
def test_head__is_bounded_however_it_is_cut(reads: int) -> None:
    """A thousand bytes are read, one more is refused."""
    limits = Limits(head_bytes=1000)
    others = len("/") + len("Host: h\r\n")
    for extra, status in ((0, None), (1, 431)):
        value = b"y" * (1000 - others - len("X: \r\n") + extra)
        data = b"GET / HTTP/1.1\r\nHost: h\r\nX: " + value + b"\r\n\r\n"
        step = -(-len(data) // reads)
        reader = Reader(limits)
        pieces = [data[start : start + step] for start in range(0, len(data), step)]
        (message,) = [message for piece in pieces for message in reader.feed(piece)]
        assert (message.status if isinstance(message, Malformed) else None) == status
