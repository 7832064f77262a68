"""Lengths asked, sent, received and claimed: what is counted of them, and the words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.reading.token_check import Claim, TokenCount
from mixtral_contract.load.report.files import table
from mixtral_contract.load.report.html_report import render
from tests.load.results.test_summary import CONTENT, summary
from tests.support.load_records import record

FINE = TokenCount(20, "usage", Claim.BELIEVED)
FAR = (
    "far shorter than asked (less than 0.5 times max_tokens)",
    "far longer than asked (more than 1.5 times max_tokens)",
)


def answered(count: int, tokens: TokenCount = FINE, **changes: Any) -> list[Record]:
    """Answers to requests for 20 tokens and 64 of prompt."""
    usual = {"usage_tokens": tokens.received, "asked_tokens": 20, "asked_prompt_tokens": 64, "prompt_tokens": 70}
    return [record(CONTENT, sent_ms=2000, tokens=tokens, **{**usual, **changes}) for _ in range(count)]


def words(found: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Reasons and notes."""
    return [reason["text"] for reason in found["validity"]["reasons"]], found["notes"]


def test_lengths_as_asked__are_no_word(tmp_path: Path) -> None:
    """Usage that is true, answers as long as asked, prompts with a template around them."""
    found = summary(tmp_path, *answered(100))
    assert found["lengths"]["usage"]["believed"] == found["lengths"]["answers"]["asked"] == 100
    assert found["lengths"]["prompts"] == {
        "known": 100,
        "refuted": 0,
        "refuted_sent_tokens": 0,
        "refuted_claimed_tokens": 0,
    }
    assert found["validity"]["verdict"] == "VALID"
    assert not any("asked" in note or "usage" in note for note in found["notes"])


@pytest.mark.parametrize(("off", "verdict"), [(4, "nothing"), (5, "noted"), (19, "noted"), (20, "suspect")])
@pytest.mark.parametrize(("received", "text"), [(9, FAR[0]), (31, FAR[1])])
def test_lengths_far_off__are_a_note_and_then_a_reason(
    tmp_path: Path, off: int, verdict: str, received: int, text: str
) -> None:
    """At 5 % and at 20 % of the answers."""
    others = answered(off, TokenCount(received, "usage", Claim.BELIEVED))
    reasons, notes = words(found := summary(tmp_path, *answered(100 - off), *others))
    sentence = f"{off} of 100 answers were {text}: this is not the load that was asked for"
    assert (f"{sentence}." in notes, sentence in reasons) == (verdict == "noted", verdict == "suspect")
    assert found["validity"]["verdict"] == ("SUSPECT" if verdict == "suspect" else "VALID")


@pytest.mark.parametrize("received", [10, 30])
def test_lengths_at_the_bound__are_not_far_off(tmp_path: Path, received: int) -> None:
    """Half of what was asked for, and one and a half times of it."""
    found = summary(tmp_path, *answered(100, TokenCount(received, "usage", Claim.BELIEVED)))
    assert found["lengths"]["answers"] == {"asked": 100, "shorter": 0, "longer": 0}


def test_length_by_the_text_alone__is_no_accusation(tmp_path: Path) -> None:
    """40 tokens of Mixtral's, but 20 events: another tokenizer may have 20."""
    events = [(100.0 + index, 1) for index in range(20)]
    counted = [record(events, sent_ms=2000, tokens=TokenCount(40, "text", Claim.MISSING), asked_tokens=20)] * 20
    assert summary(tmp_path, *counted)["lengths"]["answers"]["longer"] == 0


@pytest.mark.parametrize("refuted", [4, 5])
def test_refuted_usage__is_told(tmp_path: Path, refuted: int) -> None:
    """Both numbers, which of them is used and why; SUSPECT from 5 % of the answers on."""
    liars = answered(refuted, TokenCount(20, "events", Claim.REFUTED, 21), usage_tokens=2000)
    found = summary(tmp_path, *answered(100 - refuted), *liars)
    reasons, notes = words(found)
    sentence = (
        f"usage is not what came in {refuted} of 100 answers: it claims {2000 * refuted:,} tokens for {20 * refuted} "
        "that came, by events or by Mixtral's tokenizer over the text; rates and tpot are of what came"
    )
    assert (f"{sentence}." in notes, sentence in reasons) == (refuted < 5, refuted >= 5)
    assert found["output_tokens"] == 2000
    assert sentence in table(found, tmp_path)
    assert f"refuted in {refuted} and missing in 0" in render(found)


def test_hidden_reasoning__is_a_note_and_no_lie(tmp_path: Path) -> None:
    """Usage says itself that it was not shown."""
    found = summary(tmp_path, *answered(20, TokenCount(20, "usage", Claim.REASONING), usage_tokens=420))
    assert found["validity"]["verdict"] == "VALID"
    assert any("20 answers were thought about unseen: usage counts 8000 tokens" in note for note in found["notes"])


@pytest.mark.parametrize("claimed", [31, 32, 256, 257])
def test_prompts__are_held_against_usage(tmp_path: Path, claimed: int) -> None:
    """64 tokens were sent: not below half of that, nor beyond twice that and a template."""
    found = summary(tmp_path, *answered(20, prompt_tokens=claimed))
    sentence = f"usage is not what was sent in 20 of 20 prompts: it claims {20 * claimed:,} tokens for 1,280"
    assert any(sentence in reason for reason in words(found)[0]) == (not 32 <= claimed <= 256)


def test_prompts_of_unknown_length__are_not_judged(tmp_path: Path) -> None:
    """Conversations that go on, images."""
    found = summary(tmp_path, *answered(20, asked_prompt_tokens=None, prompt_tokens=0))
    assert found["lengths"]["prompts"]["known"] == 0
    assert found["validity"]["verdict"] == "VALID"


def test_tokens_by_text__are_said_to_be(tmp_path: Path) -> None:
    """Without usage, where events are no tokens."""
    found = summary(tmp_path, *answered(20, TokenCount(20, "text", Claim.MISSING, 20), usage_tokens=None))
    assert found["tokens_are"] == "text"
    assert any("tokens were counted by Mixtral's tokenizer" in note for note in found["notes"])
    assert "(tokens: text)" in table(found, tmp_path)


def test_page__shows_lengths(tmp_path: Path) -> None:
    """Asked and got, in and out, and the counts of the sample side by side."""
    page = render(summary(tmp_path, *answered(20, TokenCount(20, "usage", Claim.BELIEVED, 21))))
    for title in ("Prompt length, sent", "Prompt length, by usage", "Answer length, asked", "Answer length, received"):
        assert f"<h3>{title}</h3>\n<svg" in page
    assert "The text of 20 answers was counted: 420 tokens by Mixtral's tokenizer,\n400 by usage, 60 events" in page
