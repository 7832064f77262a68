"""A connection driven by hand, without a socket: what back-pressure, cuts and disconnects do to the reply under way."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.mock.build import build
from mixtral_contract.mock.http.connection import Connection
from mixtral_contract.mock.http.response_encoder import DateField
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.timing.engine import Pace
from tests.mock.http.test_connection import _body, _post
from tests.support.mock_requests import SECOND_NS


class _Transport(asyncio.Transport):
    """Takes what is written and tells when it was told to stop or to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.writes = 0
        self.reading = True
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        self.writes += 1

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def close(self) -> None:
        self.closed = True

    def can_write_eof(self) -> bool:
        return False


class _Driven:
    """A connection without a socket, on a clock that is set by hand; a token takes a second."""

    def __init__(self, contract: Contract, *incidents: str) -> None:
        self.now_ns = 0
        self.mock = mock = build(contract, pace=Pace(itl_ns=SECOND_NS), incidents=Incidents(0, *incidents))
        mock.clock = lambda: self.now_ns
        self.transport = _Transport()
        self.connection = Connection(mock, DateField(mock.clock), set())
        self.connection.connection_made(self.transport)

    def ask(self, **fields: Any) -> None:
        self.connection.data_received(_post(_body(**fields)))

    def wait(self, seconds: int) -> None:
        self.now_ns += seconds * SECOND_NS
        self.connection._pacer._run()

    @property
    def events(self) -> int:
        return self.transport.written.count(b"data: ")


def _driven(test: Callable[[_Driven], None], contract: Contract, *incidents: str) -> None:
    async def drive() -> None:
        test(_Driven(contract, *incidents))

    asyncio.run(drive())


def test_paused_writing__stops_writing_and_reading(contract: Contract) -> None:
    """While the client does not read, nothing is answered and nothing more is read; then everything is."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=3)
        driven.connection.pause_writing()
        driven.ask(messages=[])
        driven.wait(100)
        assert (driven.events, driven.transport.reading) == (2, False)
        driven.connection.resume_writing()
        assert driven.events == 6
        assert b"400 Bad Request" in driven.transport.written
        assert driven.transport.reading
        driven.connection.pause_writing()
        before = driven.transport.written
        driven.ask(messages=[])
        assert driven.transport.written == before

    _driven(test, contract)


def test_paused_writing__holds_up_a_disturbed_stream(contract: Contract) -> None:
    """What became due while the client did not read leaves when it does, though nothing more becomes due."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=3)
        driven.connection.pause_writing()
        driven.wait(100)
        assert driven.events == 0
        driven.connection.resume_writing()
        assert driven.transport.written.endswith(b"0\r\n\r\n")
        assert driven.events == 4

    _driven(test, contract, "coalesce:events=4", "end:after=4")


@pytest.mark.parametrize("incidents", [(), ("stall:after=1,ms=1000",), ("delay:ms=1000",)])
def test_disconnect__frees_the_slot_at_once(contract: Contract, incidents: Sequence[str]) -> None:
    """Whatever incident it has, the generation is cancelled with its client, and the timer of its writes too."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True)
        stream, writer = driven.connection._stream, driven.connection._incident_writer
        assert stream is not None
        driven.connection.connection_lost(None)
        assert stream.generation.cancelled
        assert (writer is not None) == bool(incidents)
        assert writer is None or writer._timer is None or writer._timer.cancelled()

    _driven(test, contract, *incidents)


@pytest.mark.parametrize("by", ["fin", "rst"])
def test_cut__frees_the_slot_at_once(contract: Contract, by: str) -> None:
    """The generation ends with the connection: nothing waits for the tokens that no one gets."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True)
        stream = driven.connection._stream
        assert stream is not None
        driven.wait(1)
        assert (driven.events, stream.generation.cancelled) == (2, True)
        assert driven.connection._pacer.engine.next_ns is None
        assert driven.transport.closed == (by == "fin")

    _driven(test, contract, f"cut:after=2,by={by}")


@pytest.mark.parametrize("reset", [True, False])
def test_disconnect__stops_the_stream_at_once(contract: Contract, *, reset: bool) -> None:
    """Nothing more is written, and nothing waits for its time."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True)
        if reset:
            driven.connection.connection_lost(ConnectionResetError())
        else:
            driven.connection.eof_received()
        before = driven.transport.written
        driven.wait(1000)
        assert driven.transport.written == before
        assert driven.connection._pacer.engine.next_ns is None

    _driven(test, contract)


@pytest.mark.parametrize("leaves", [False, True])
def test_stream__leaves_no_work_for_the_garbage_collector(contract: Contract, *, leaves: bool) -> None:
    """What a stream was made of is freed when it is over or its client gone: a collection would hold up all others."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=3)
        stream = driven.connection._stream
        assert stream is not None
        call, reader = weakref.ref(stream.exchange.call), weakref.ref(driven.connection._reader)
        del stream
        driven.wait(1 if leaves else 9)
        assert (call() is None) != leaves
        driven.connection.connection_lost(None)
        del driven.connection
        assert (call(), reader()) == (None, None)

    gc.disable()
    try:
        _driven(test, contract)
    finally:
        gc.enable()


def test_late_tokens__leave_in_one_write(contract: Contract) -> None:
    """What is due together leaves together, in one chunk; the stamps say how many when."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=6)
        stream = driven.connection._stream
        assert stream is not None
        driven.wait(3)
        driven.wait(0)
        driven.wait(2)
        assert stream.generation.sent == [(1, 0), (4, 3 * SECOND_NS), (6, 5 * SECOND_NS)]
        assert driven.transport.writes == 3  # one for each pass that found something due

    _driven(test, contract)


def test_whole_answer__leaves_with_its_last_token(contract: Contract) -> None:
    """Not a byte before it."""

    def test(driven: _Driven) -> None:
        driven.ask(max_tokens=3)
        driven.wait(1)
        assert driven.transport.written == b""
        driven.wait(1)
        assert b'"completion_tokens":3' in driven.transport.written

    _driven(test, contract)


def test_shutdown__closes_after_the_reply_under_way(contract: Contract) -> None:
    """An idle connection at once, a busy one when its reply is out."""

    def test(driven: _Driven) -> None:
        driven.ask(stream=True, max_tokens=2)
        driven.ask(messages=[])
        driven.connection.shutdown()
        assert not driven.transport.closed
        driven.wait(1)
        assert driven.transport.written.endswith(b"0\r\n\r\n")
        assert driven.transport.closed
        idle = _Driven(contract)
        idle.connection.shutdown()
        assert idle.transport.closed

    _driven(test, contract)
