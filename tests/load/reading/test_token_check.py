"""How many tokens came: usage, events and text against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.client.exchange import Exchange
from mixtral_contract.load.reading.completion import Completion, read_completion, returned
from mixtral_contract.load.reading.record import Record, make_record
from mixtral_contract.load.reading.token_check import ALWAYS, Claim, TokenCheck, TokenCount, parts
from mixtral_contract.primitives.tokenizer import tokenizer
from tests.support.load_records import MS, exchange
from tests.support.scripted_stream_server import DONE, event, usage

WORDS = ("one", "story", "of", "words", "that", "every", "man", "knows", "told", "again", "and", "here")
TOKENS = tokenizer("v3")


def text(tokens: int) -> list[str]:
    """So many events of a token each."""
    return [f" {WORDS[index % 12]}" for index in range(tokens)]


def stream(pieces: list[str], claimed: int | None, *, kind: str = "content", reasoning: int | None = None) -> Exchange:
    """A stream with an event for each piece, a millisecond apart."""
    told = None if claimed is None else dict[str, object](usage(claimed))
    if told is not None and reasoning is not None:
        told["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    tail = event({}, finish="stop") + (b"" if told is None else event(usage=told)) + DONE
    return exchange(*(event({kind: piece}) for piece in pieces), tail)


def checked(answer: Exchange, check: TokenCheck | None = None) -> TokenCount:
    """What is found of an answer by the first check of a process, or by that one."""
    completion = read_completion(answer, streamed=True)
    return returned((check or TokenCheck(TOKENS.count)).check(completion))


def recorded(answer: Exchange) -> Record:
    """The record of the same."""
    completion = read_completion(answer, streamed=True)
    tokens = returned(TokenCheck(TOKENS.count).check(completion))
    return make_record(answer, completion, run_start_ns=0, worker=0, number=1, streamed=True, tokens=tokens)


@pytest.mark.parametrize(
    ("claimed", "reasoning", "received", "source", "claim"),
    [
        (20, None, 20, "usage", Claim.BELIEVED),
        (21, None, 21, "usage", Claim.BELIEVED),
        (0, None, 20, "events", Claim.REFUTED),
        (2000, None, 20, "events", Claim.REFUTED),
        (420, None, 20, "events", Claim.REFUTED),
        (420, 400, 20, "usage", Claim.REASONING),
        (420, 10, 20, "events", Claim.REFUTED),
        (30, None, 20, "events", Claim.REFUTED),
        (None, None, 20, "events", Claim.MISSING),
    ],
)
def test_usage__is_believed_as_far_as_it_can_be_true(
    claimed: int | None, reasoning: int | None, received: int, source: str, claim: Claim
) -> None:
    """20 tokens in 20 events, a millisecond apart: a millisecond for each, whatever usage says."""
    found = recorded(stream(text(20), claimed, reasoning=reasoning))
    assert found.tokens is not None
    assert found.output_tokens == received
    assert (found.tokens.source, found.tokens.claim) == (source, claim)
    assert found.tpot_ms == pytest.approx(1, rel=0.06)
    assert found.tokens_from == found.line()["tokens_from"] == source
    assert found.line()["usage_tokens"] == claimed
    assert found.billed_tokens == (found.output_tokens if claimed is None else claimed)


def test_reasoning__that_was_shown_is_part_of_the_answer() -> None:
    """It is text like any other, and is not subtracted."""
    found = recorded(stream(text(20), 20, kind="reasoning_content", reasoning=20))
    assert (found.output_tokens, found.tokens and found.tokens.claim) == (20, Claim.BELIEVED)


def test_first_event__has_as_many_tokens_as_its_text() -> None:
    """21 tokens at once, then 19 one by one: 19 ms for 19 tokens."""
    found = recorded(stream(["".join(text(21)), *text(19)], 40))
    assert found.tpot_ms == pytest.approx(1, rel=0.06)
    without = recorded(stream(["".join(text(21)), *text(19)], None))
    assert without.tokens_from == "text"
    assert without.tpot_ms == pytest.approx(1, rel=0.12)


def test_events_of_several_tokens__are_counted() -> None:
    """Ten events of four tokens, with usage and without: 36 tokens in 9 ms."""
    pieces = ["".join(text(40)[start : start + 4]) for start in range(0, 40, 4)]
    assert recorded(stream(pieces, 40)).tpot_ms == pytest.approx(0.25, rel=0.05)
    found = recorded(stream(pieces, None))
    assert found.output_tokens == pytest.approx(40, abs=2)
    assert found.tpot_ms == pytest.approx(0.25, rel=0.1)


def test_events_of_one_recv__are_a_token_each() -> None:
    """Three of five come at first, the others 1 and 2 ms later: 2 ms for two tokens."""
    first = b"".join(event({"content": piece}) for piece in text(3))
    answer = exchange(first, *(event({"content": p}) for p in text(2)), event({}, finish="stop") + DONE)
    assert recorded(answer).tpot_ms == 1


@pytest.mark.parametrize("claimed", [None, 67])
def test_single_characters__are_no_tokens(claimed: int | None) -> None:
    """Letter by letter, with a usage that calls each a token or none: what counts is the text."""
    letters = list("told again and again, a story of words that every tokenizer knows.")
    found = checked(stream(letters, claimed))
    assert found.source == "text"
    assert found.received == TOKENS.count("".join(letters)) < len(letters) / 2


def test_single_characters__are_seen_among_later_answers() -> None:
    """Where the text of most answers is not counted, the bytes of each tell."""
    check = TokenCheck(TOKENS.count)
    for _ in range(ALWAYS):
        checked(stream(text(20), 20), check)
    usual = checked(stream(text(20), 20), check)
    assert (usual.counted, usual.source) == (None, "usage")
    assert checked(stream(list("told again and again, a story of words that"), 43), check).source == "text"
    assert checked(stream(text(20), 2000), check).source == "events"
    assert checked(stream(text(20), 0), check).source == "events"
    assert checked(stream([" told again and again"] * 9, None), check).source == "text"


@pytest.mark.parametrize(
    ("written", "tokens", "events"),
    [
        # a model with a large vocabulary: fewer tokens than Mixtral's tokenizer has
        (" internationalization of antidisestablishmentarian photosynthesizers" * 4, 36, 36),
        # byte by byte in Mixtral's vocabulary, a few tokens in a newer one
        ("ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྃ" * 8, 40, 40),
        ("你好，世界。今天天气很好，我们去公园散步吧。" * 3, 45, 45),
        # speculative decoding: several tokens to an event
        (" a story of words that every tokenizer knows" * 5, 36, 13),
    ],
)
def test_another_tokenizer__is_not_accused(written: str, tokens: int, events: int) -> None:
    """Its usage says what its own tokenizer counts."""
    size = -(-len(written) // events)
    pieces = [written[start : start + size] for start in range(0, len(written), size)]
    found = checked(stream(pieces, tokens))
    assert (found.claim, found.received) == (Claim.BELIEVED, tokens)


def test_false_totals__are_not_used() -> None:
    """Running totals that begin with 400 tokens that never came say nothing of those that did."""
    pieces = [event({"content": piece}, usage=usage(401 + index)) for index, piece in enumerate(text(20))]
    found = recorded(exchange(*pieces, event({}, finish="stop") + DONE))
    assert found.totals == ()
    assert found.tpot_ms == pytest.approx(1, rel=0.06)


def test_calls__may_have_tokens_around_them() -> None:
    """The model wrote more than a name and arguments; how much is its template's business."""
    call = {"tool_calls": [{"index": 0, "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}]}
    answer = exchange(event(call), event({}, finish="tool_calls"), event(usage=usage(45)) + DONE)
    assert checked(answer).claim is Claim.BELIEVED


def test_answer_in_one_piece__is_checked_too() -> None:
    """Without events there are the text and usage."""
    whole = Completion(content=[(9 * MS, 1)], texts=["".join(text(20)).encode()], completion_tokens=2000)
    found = returned(TokenCheck(TOKENS.count).check(whole))
    assert (found.source, found.claim) == ("text", Claim.REFUTED)
    assert found.received == pytest.approx(20, abs=1)


def test_count__is_made_in_steps() -> None:
    """A long text does not keep running streams waiting: no step counts more than 1,024 characters."""
    sizes: list[int] = []

    def count(part: str) -> int:
        sizes.append(len(part))
        return len(part) // 4

    check = TokenCheck(count)
    completion = read_completion(stream([" told again"] * 2000, None), streamed=True)
    assert len(list(check.check(completion))) > 20
    assert max(sizes) <= 1024


@given(st.text(st.sampled_from("ab ü"), max_size=5000))
def test_parts__are_the_text(whole: str) -> None:
    """Nothing is lost or counted twice."""
    found = list(parts(whole))
    assert "".join(found) == whole
    assert all(0 < len(part) <= 1024 for part in found)
