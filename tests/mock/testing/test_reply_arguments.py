"""What cannot be said, or asked, is refused where it is written."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mixtral_contract.mock.testing.mocks import MixtralApi
from mixtral_contract.mock.testing.reply_arguments import described


@pytest.mark.parametrize(
    ("texts", "arguments", "message"),
    [
        ((), {}, "reply: expected at least one text, got none"),
        (("a", None), {}, "reply: text 2: expected a text, got None"),
        (({"tool_calls": []},), {}, "reply: text 1: expected a text, got {'tool_calls': []}"),
        ((b"a",), {}, "reply: text 1: expected a text, got b'a'"),
        (("\ud800",), {}, r"reply: text 1: expected characters that UTF-8 has, got '\ud800'"),
        (("\u2581x",), {}, "reply: text 1: expected what Mixtral's tokens can spell, got '\u2581x'"),
        (("a",), {"when": 3}, "reply: when: expected a text, or a compiled pattern of text, got 3"),
        (("a",), {"when": re.compile(b"a")}, "reply: when: expected a text, or a compiled pattern of text, got re"),
        (
            ("a",),
            {"dialect": "nvdia"},
            "reply: dialect: expected one of segmind, segmind-openai, nvidia, openai, any, got",
        ),
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
