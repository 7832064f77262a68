"""What a reader should know of the figures of a run: each note is a table row of a test and a sentence.

Whether they can be believed at all is for `_validity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mixtral_contract.load.costs.cost import overspent
from mixtral_contract.load.counts import lengths
from mixtral_contract.load.requests.own_lengths import own_lengths_line
from mixtral_contract.load.units.metrics import streamed_names

_COALESCED = 1.5
"""From this many events per recv on, gaps between events say more of the network than of the model."""

Summary = Mapping[str, Any]


def notes(summary: Summary) -> list[str]:
    """The sentences that apply, most important first."""
    return [
        *(sentence(summary) for applies, sentence in _FIRST if applies(summary)),
        *lengths.notes(summary),
        *(sentence(summary) for applies, sentence in _LAST if applies(summary)),
    ]


def _is_beyond_calibration(summary: Summary) -> bool:
    calibration, events_per_s = summary["instrument"]["calibration"], summary["instrument"]["events_per_s"]
    if calibration is None or calibration["highest_events_per_s"] >= events_per_s:
        return False
    limit = calibration["limit_events_per_s"]
    return limit is None or bool(events_per_s <= limit)


def _late_users(summary: Summary) -> bool:
    all_users_s = summary["run"]["all_users_s"]
    if summary["run"]["users"] is None or (summary["users"] is not None and summary["users"]["shape"] is not None):
        return False
    return all_users_s is None or all_users_s > summary["window"]["start_s"] + 1


def _late_users_text(summary: Summary) -> str:
    all_users_s = summary["run"]["all_users_s"]
    when = "never all there" if all_users_s is None else f"all there only after {all_users_s:.1f} s"
    return f"The users were {when}: part of the figures belongs to fewer users (see -r and --warmup)."


_FIRST: tuple[tuple[Callable[[Summary], bool], Callable[[Summary], str]], ...] = (
    (_late_users, _late_users_text),
    (
        lambda summary: summary["users"] is not None and bool(summary["users"]["others"]),
        lambda summary: (
            f"Users of {' and '.join(summary['users']['others'])} ran beside the instrument's: what they sent is in no "
            "figure."
        ),
    ),
    (
        lambda summary: summary["outcomes"]["unfinished"] > 0,
        lambda summary: (
            f"{summary['outcomes']['unfinished']} requests were still running at the end: they count in percentiles "
            "with the time that they had taken by then, and their tokens are missing in the rates."
        ),
    ),
    (
        lambda summary: summary["rate_limit"] is not None,
        lambda summary: (
            f"Limit found: the target first answered 429 in second {summary['rate_limit']['first_s']}, after "
            f"{summary['rate_limit']['requests_per_s']:g} requests/s in the {summary['rate_limit']['over_s']} s until "
            "then."
        ),
    ),
    (
        lambda summary: summary["held_back"] > 0,
        lambda summary: (
            f"{summary['held_back']} requests that were due were held back, because the target had asked to wait or "
            "the budget had no room."
        ),
    ),
    (
        lambda summary: summary["cost"]["out_of_budget"],
        lambda summary: (
            f"The budget of {summary['cost']['budget']['amount']:g} {summary['cost']['budget']['unit']} had no room "
            "for a further request: the run ended there."
        ),
    ),
    (
        lambda summary: overspent(summary["cost"]) is not None,
        lambda summary: (
            f"The run cost {overspent(summary['cost']):.4g} {summary['cost']['budget']['unit']} by usage, more than "
            f"its budget of {summary['cost']['budget']['amount']:g}: answers were longer than max_tokens."
        ),
    ),
    (
        lambda summary: bool(summary["stages"]),
        lambda summary: (
            f"The figures are those of the last of {len(summary['stages'])} stages; all before it count as its warm-up."
        ),
    ),
    (
        lambda summary: summary["sent_again"] > 0,
        lambda summary: (
            f"{summary['sent_again']} requests were sent a second time, because the server closed the connection that "
            "it had promised to keep: it may have been asked more often than is counted here."
        ),
    ),
    (
        lambda summary: not summary["run"]["streamed"],
        lambda summary: (
            f"The dialect {summary['run']['dialect']} documents no stream: there is no {streamed_names('or')}, and all "
            "tokens of an answer count at its end."
        ),
    ),
    (
        lambda summary: summary["run"]["max_tokens"] is None,
        lambda summary: (
            f"The dialect {summary['run']['dialect']} documents no max_tokens: the server decided how long answers are."
        ),
    ),
)

_LAST: tuple[tuple[Callable[[Summary], bool], Callable[[Summary], str]], ...] = (
    (
        lambda summary: summary["run"]["prompts"] is not None,
        lambda summary: f"Asked were own {own_lengths_line(summary['run']['prompts'])}.",
    ),
    (
        lambda summary: summary["content_events"] > _COALESCED * summary["content_recvs"],
        lambda summary: (
            f"{summary['content_events'] / summary['content_recvs']:.1f} events came per recv on average: many gaps "
            "between events are 0, and icl shows how they were bundled on the way."
        ),
    ),
    (
        lambda summary: summary["instrument"]["calibration"] is None,
        lambda _: "How far off the instrument is on this machine is not known: python -m load calibrate finds out.",
    ),
    (
        _is_beyond_calibration,
        lambda summary: (
            "How far off the instrument is at this rate is not known: its calibration held "
            f"{summary['instrument']['calibration']['highest_events_per_s']:,.0f} events/s in a process, and this run "
            f"had {summary['instrument']['events_per_s']:,.0f}."
        ),
    ),
    (
        lambda summary: summary["run"]["warmup_s"] == 0,
        lambda _: "There was no warm-up: the first requests, with cold caches and new connections, are in the figures.",
    ),
)
