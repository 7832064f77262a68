"""What cannot be said, or asked, is refused where it is written."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from mixtral_contract.mock.replies.parts import cut, error, pause, tool_call
from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.reply_arguments import described


@pytest.mark.parametrize(
    ("texts", "arguments", "message"),
    [
        ((), {}, "reply: expected at least one text, list of parts, function or argument to say, got none"),
        (("a", None), {}, "reply: 2: expected a text, a list of parts or an object, got None"),
        (({"tool_calls": []},), {}, "reply.tool_calls: [] has less than 1 item"),
        (({"tool_cals": []},), {}, "reply: Additional properties are not allowed ('tool_cals' was unexpected)"),
        ((b"a",), {}, "reply: expected a text, a list of parts or an object, got b'a'"),
        (("\ud800",), {}, "reply: expected characters that UTF-8 has, got {'text': '\\ud800'}"),
        (("\u2581x",), {}, "reply: expected what Mixtral's tokens can spell, got '\u2581x'"),
        (("a",), {"finish_reason": 3}, 'reply.finish_reason: 3 is not of types "null", "string"'),
        (("a",), {"text": "b"}, "reply.text: expected it once, got it twice"),
        (("a",), {"logprobs": True}, 'reply.logprobs: true is not of type "array"'),
        (("a",), {"pace": {"ttft_ms": -1}}, "reply.pace.ttft_ms: -1 is less than the minimum of 0"),
        (("a",), {"oddities": {"tool_index": "sam"}}, 'reply.oddities.tool_index: "sam" is not one of "same" or'),
        ((["a", {"pause": "x"}],), {}, 'reply.parts.1.pause: "x" is not of type "number"'),
        ((["a", {"pause": float("nan")}],), {}, 'reply.parts.1.pause: null is not of type "number"'),
        (({"tool_calls": [("f", {"day": dt.date(2026, 1, 1)})]},), {}, "reply: expected values that JSON has, got"),
        (("a", pause(1), "b"), {}, "reply: 2: expected a reply, got a pause alone: the parts of a reply stand in one"),
        ((["a", cut(), "b"],), {}, "reply.parts.2: expected nothing to be said behind the cut, got it"),
        ((["a", error("b"), "c"],), {}, "reply.parts.2: expected nothing to be said behind the error, got it"),
        ((), {"tool_calls": [("f", 3)]}, "reply.tool_calls.0.arguments: 3 is not of types "),
        ((), {"choices": ["a"], "finish_reason": "stop"}, "reply.finish_reason: expected it inside of choices, got"),
        ((), {"status": 429, "usage": {"prompt_tokens": 1}}, "reply.usage: expected nothing beside the status of a"),
        ((), {"message": "no"}, "reply.message: expected a status beside it, got none"),
        ((), {"turns": []}, "reply: turns: expected a list of replies, got []"),
        (("a",), {"turns": ["b"]}, "reply: turns: expected no other reply beside them, got one"),
        (
            (lambda _: "a",),
            {"finish_reason": "stop"},
            "reply.finish_reason: expected nothing beside a function, got it",
        ),
        (
            ("a",),
            {"when": 3},
            "reply: when: expected a text, a compiled pattern of text, a function or conditions, got",
        ),
        (("a",), {"when": re.compile(b"a")}, "reply: when: expected a text, a compiled pattern of text, a function or"),
        (("a",), {"when": {"promt": "a"}}, "reply: when: Additional properties are not allowed ('promt' was"),
        (("a",), {"turn": 0}, "reply: when.turn: 0 is less than the minimum of 1"),
        (("a",), {"dialect": "nvdia"}, "reply: dialect: expected one of segmind, segmind-openai, nvidia, openai, any"),
        (("a",), {"dialect": ["nvidia"]}, "reply: dialect: expected one of "),
        (("a",), {"temperature": 9, "dialect": "nvidia"}, "reply: temperature: "),
        (("a",), {"user": {1, 2}}, "reply: user: expected a value that JSON has, got {1, 2}"),
    ],
)
def test_bad_reply__is_refused_at_the_call(texts: tuple[Any, ...], arguments: dict[str, Any], message: str) -> None:
    """By the name of the argument; nothing of it is kept."""
    with MixtralApi() as api:
        with pytest.raises(ValueError, match=re.escape(message)):
            api.reply(*texts, **arguments)
        assert api.unused == []


@pytest.mark.parametrize(
    ("texts", "arguments"),
    [
        (("", " ", "\n\x00\U0001f642</s>"), {}),
        ((tool_call("f", x=1), error("no"), cut("rst")), {}),
        (("a",), {"when": re.compile("a"), "stream": True}),
        (("a",), {"field_that_no_document_has": [1]}),
        (("a",), {"temperature": 9}),  # segmind's documents say nothing of it
    ],
)
def test_good_reply__is_taken(texts: tuple[str, ...], arguments: dict[str, Any]) -> None:
    """Fields that no contract describes may be sent, so they may be waited for."""
    with MixtralApi(allow_unused=True) as api:
        api.reply(*texts, **arguments)
        assert len(api.unused) == 1


def test_described__is_the_call() -> None:
    """With what was not the default."""
    text = described(["a", "b"], "weather", "nvidia", {"stream": True})
    assert text == "reply('a', 'b', when='weather', dialect='nvidia', stream=True)"
    assert described(["a"], None, "any", {}) == "reply('a')"
