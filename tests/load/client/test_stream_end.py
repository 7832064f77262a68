"""How a stream may end on the wire that no length and no `[DONE]` tells the end of."""

from __future__ import annotations

import pytest

from mixtral_contract.load.reading.outcome import Outcome
from tests.load.client.test_client import STOP, once
from tests.support.scripted_stream_server import CLOSE_HEAD, Close, Script, Sleep, event, usage


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ([b"data: [DONE]", Close()], Outcome.OK),
        ([Close()], Outcome.OK),
        ([Sleep(0.05), Close(reset=True)], Outcome.TRUNCATED),
        ([b"data: [DO", Close()], Outcome.TRUNCATED),
    ],
)
def test_close_delimited_stream__without_done_is_whole_after_a_clean_end(end: Script, outcome: Outcome) -> None:
    """A reset, or an end within an event, is not one."""
    body = event({"content": "a"}) + STOP + event(usage=usage(1))
    assert once([CLOSE_HEAD + body, *end])[1].outcome is outcome
