"""Whether lengths are what was asked for and what usage claims: counted per request, reported, and put into words.

Pure. An answer of another tokenizer than Mixtral's is never called too long or too short by Mixtral's count alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.reading.token_check import Claim

FAR_BELOW, FAR_ABOVE, LEAST = 0.5, 1.5, 4
"""An answer below this part of what was asked, or beyond so many times it, and by more than 4 tokens, is far off."""

PROMPT_PART, PROMPT_TIMES, TEMPLATE = 0.5, 2.0, 128
"""usage may claim this part of a prompt's tokens, up to so many times as many and a template of 128 tokens."""

NOTED, DOUBTED = 0.05, 0.2
"""From these shares of the requests on lengths far off are a note, and make the run SUSPECT."""

REFUTED = 0.05
"""From this share of the answers with a refuted usage on the run is SUSPECT."""

_CLAIMS = {claim: f"claim_{claim}" for claim in Claim}
NAMES = (
    *_CLAIMS.values(),
    *("refuted_claimed_tokens", "refuted_received_tokens", "hidden_tokens"),
    *("answers_asked", "answers_shorter", "answers_longer"),
    *("prompts_known", "prompts_refuted", "prompts_refuted_sent_tokens", "prompts_refuted_claimed_tokens"),
    *("sampled", "sampled_asked_tokens", "sampled_text_tokens", "sampled_usage_tokens", "sampled_events"),
)
"""What `count` counts."""

Summary = Mapping[str, Any]


def count(record: Record, counts: Counter[str]) -> None:
    """Counts one ok request of the window."""
    _count_answer(record, counts)
    sent, claimed = record.asked_prompt_tokens, record.prompt_tokens
    if sent is not None and claimed is not None:
        counts["prompts_known"] += 1
        if not PROMPT_PART * sent <= claimed <= PROMPT_TIMES * sent + TEMPLATE:
            counts["prompts_refuted"] += 1
            counts["prompts_refuted_sent_tokens"] += sent
            counts["prompts_refuted_claimed_tokens"] += claimed
    found, asked = record.tokens, record.asked_tokens
    if found is None or asked is None:
        return
    shortest = longest = found.received
    if found.source != "usage":
        # Mixtral's count of another model's text may be off; events are a second witness
        shortest, longest = min(found.received, record.content_events), max(found.received, record.content_events)
    counts["answers_asked"] += 1
    counts["answers_shorter"] += longest < FAR_BELOW * asked and asked - longest > LEAST
    counts["answers_longer"] += shortest > FAR_ABOVE * asked and shortest - asked > LEAST


def _count_answer(record: Record, counts: Counter[str]) -> None:
    found, claimed = record.tokens, record.usage_tokens
    if found is None:
        counts[_CLAIMS[Claim.MISSING if claimed is None else Claim.BELIEVED]] += 1
        return
    counts[_CLAIMS[found.claim]] += 1
    if found.claim is Claim.REFUTED and claimed is not None:
        counts["refuted_claimed_tokens"] += claimed
        counts["refuted_received_tokens"] += found.received
    if found.claim is Claim.REASONING and claimed is not None:
        counts["hidden_tokens"] += claimed - found.received
    if found.counted is not None:
        counts["sampled"] += 1
        counts["sampled_asked_tokens"] += record.asked_tokens or 0
        counts["sampled_text_tokens"] += found.counted
        counts["sampled_usage_tokens"] += claimed or 0
        counts["sampled_events"] += record.content_events


def report(counts: Mapping[str, int]) -> dict[str, Any]:
    """What was counted, for summary.json."""
    return {
        "usage": {
            **{str(claim): counts[name] for claim, name in _CLAIMS.items()},
            **{name: counts[name] for name in ("refuted_claimed_tokens", "refuted_received_tokens", "hidden_tokens")},
        },
        "answers": {name: counts[f"answers_{name}"] for name in ("asked", "shorter", "longer")},
        "prompts": {
            "known": counts["prompts_known"],
            "refuted": counts["prompts_refuted"],
            "refuted_sent_tokens": counts["prompts_refuted_sent_tokens"],
            "refuted_claimed_tokens": counts["prompts_refuted_claimed_tokens"],
        },
        "sample": {
            "answers": counts["sampled"],
            **{name: counts[f"sampled_{name}"] for name in ("asked_tokens", "text_tokens", "usage_tokens", "events")},
        },
    }


def reasons(summary: Summary) -> Iterator[str]:
    """Why the lengths make a run SUSPECT."""
    usage = summary["lengths"]["usage"]
    if _share(usage["refuted"], _judged(usage)) >= REFUTED:
        yield _refuted(summary)
    yield from _far_off(summary, DOUBTED, math.inf)


def notes(summary: Summary) -> Iterator[str]:
    """What a reader should know of lengths and of where token counts are from, besides the reasons."""
    usage = summary["lengths"]["usage"]
    if 0 < _share(usage["refuted"], _judged(usage)) < REFUTED:
        yield f"{_capital(_refuted(summary))}."
    for sentence in _far_off(summary, NOTED, DOUBTED):
        yield f"{_capital(sentence)}."
    if usage["reasoning"]:
        yield (
            f"{usage['reasoning']} answers were thought about unseen: usage counts {usage['hidden_tokens']} tokens of "
            "reasoning that never came. Rates and tpot are of the others."
        )
    if usage["missing"]:
        yield _missing(summary)


def _missing(summary: Summary) -> str:
    if summary["tokens_are"] == "text":
        return (
            "The server sent no usage, and its events are not a token each: tokens were counted by Mixtral's tokenizer."
        )
    return "The server sent no usage (or not always): tokens are estimated as the events with content."


def _refuted(summary: Summary) -> str:
    usage = summary["lengths"]["usage"]
    return (
        f"usage is not what came in {usage['refuted']} of {_judged(usage)} answers: it claims "
        f"{usage['refuted_claimed_tokens']:,} tokens for {usage['refuted_received_tokens']:,} that came, by "
        "events or by Mixtral's tokenizer over the text; rates and tpot are of what came"
    )


def _far_off(summary: Summary, least: float, below: float) -> Iterator[str]:
    """What is far off in at least that share of the requests, and in less than the other."""

    def applies(part: int, whole: int) -> bool:
        return least <= _share(part, whole) < below

    answers, prompts = summary["lengths"]["answers"], summary["lengths"]["prompts"]
    for name, bound in (("shorter", f"less than {FAR_BELOW:g}"), ("longer", f"more than {FAR_ABOVE:g}")):
        if applies(answers[name], answers["asked"]):
            yield (
                f"{answers[name]} of {answers['asked']} answers were far {name} than asked ({bound} times max_tokens): "
                "this is not the load that was asked for"
            )
    if applies(prompts["refuted"], prompts["known"]):
        yield (
            f"usage is not what was sent in {prompts['refuted']} of {prompts['known']} prompts: it claims "
            f"{prompts['refuted_claimed_tokens']:,} tokens for {prompts['refuted_sent_tokens']:,} by Mixtral's "
            "tokenizer"
        )


def _judged(usage: Mapping[str, int]) -> int:
    return usage["believed"] + usage["reasoning"] + usage["refuted"]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _capital(sentence: str) -> str:
    # a key of the wire stays what it is
    return sentence if sentence.startswith("usage") else sentence[0].upper() + sentence[1:]
