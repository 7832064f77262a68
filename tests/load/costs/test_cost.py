"""Estimate, budget and bill of a run, and consent to it."""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.costs.cost import bill
from mixtral_contract.load.costs.pricing import Price
from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.locust_plugin import consent
from mixtral_contract.load.results.estimate import estimate
from mixtral_contract.load.settings.settings import Settings, UsageError
from mixtral_contract.load.units.window import Window
from tests.load.settings.test_settings import LOCAL, options, settings
from tests.support.load_records import record

SEGMIND = "https://api.segmind.com"
PER_TOKEN = "2usd/1k-prompt,3usd/1k-output"


def estimated(found: Settings, run_time_s: float | None = 60.0) -> str:
    """The estimate of a run of a minute."""
    return estimate(found, run_time_s).text


def test_worst__of_a_request_follows_its_lengths(tmp_path: Path) -> None:
    """100 prompt tokens, at most 16 of a template, 50 tokens of answer."""
    found = settings(tmp_path, price=PER_TOKEN, prompt_tokens="uniform(1,100)", output_tokens="50")
    assert found.cost.worst == pytest.approx(2 * 0.116 + 3 * 0.05)


def test_worst__of_a_conversation_counts_what_is_said_again(tmp_path: Path) -> None:
    """The third turn carries two answers."""
    found = settings(tmp_path, price=PER_TOKEN, prompt_tokens="100", output_tokens="50", turns=3)
    assert found.cost.worst == pytest.approx(2 * (3 * 0.116 + 2 * 0.05) + 3 * 0.05)


def test_worst__is_unknown_where_lengths_have_no_largest(tmp_path: Path) -> None:
    """Neither has an answer whose dialect has no max_tokens, nor an image."""
    for changes in ({"prompt_tokens": "lognormal(100,1)"}, {"dialect": "segmind"}):
        assert settings(tmp_path, price=PER_TOKEN, **changes).cost.worst is None


def test_budget__is_shared_by_workers(tmp_path: Path) -> None:
    """Equally, and each holds its own."""
    purse = settings(tmp_path, budget="10requests").cost.purse(4)
    assert purse is not None
    assert [purse.reserve() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("host", "changes", "said"),
    [
        (LOCAL, {"budget": "5"}, "--budget: expected an amount with its unit"),
        (LOCAL, {"price": "5"}, "--price: expected 0.0005usd/request"),
        (LOCAL, {"budget": "5usd"}, "--budget: expected --price with it, in usd"),
        (LOCAL, {"budget": "5usd", "price": "1credits/request"}, "--budget: expected --price with it, in usd"),
        (
            LOCAL,
            {"budget": "5usd", "price": PER_TOKEN, "output_tokens": "lognormal(100,1)"},
            "--budget: expected a largest length of prompts and answers",
        ),
        (LOCAL, {"budget": "1usd", "price": "2usd/request"}, "--budget: expected enough for one request, 2 usd, got 1"),
    ],
)
def test_budget__that_could_not_be_held_is_refused(
    tmp_path: Path, host: str, changes: dict[str, Any], said: str
) -> None:
    """Before anything is sent."""
    with pytest.raises(UsageError) as refusal:
        settings(tmp_path, host, **changes)
    assert str(refusal.value).startswith(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "as many requests as are answered, at a price that is not known"),
        ({"arrivals": "poisson:2"}, "about 120 requests, at a price that is not known"),
        ({"price": "0.5usd/request"}, "as many requests as are answered, each at most 0.5 usd (by --price)"),
        (
            {"arrivals": "poisson:2", "price": "0.5usd/request", "budget": "3usd"},
            "about 120 requests, at most about 60 usd together (by --price), and never more than 3 usd",
        ),
        (
            {"budget": "30requests"},
            "as many requests as are answered, at a price that is not known, and never more than 30 requests",
        ),
        (
            {"arrivals": "poisson:2", "price": PER_TOKEN, "budget": "300usd"},
            (
                "about 120 requests, at most about 65.3 usd together (by --price), and never more than 300 usd if "
                "answers keep max_tokens; a longer one is learned from, but may be beyond it"
            ),
        ),
        (
            {"price": "1credits/request", "budget": "9credits"},
            "as many requests as are answered, each at most 1 credits (by --price), and never more than 9 credits",
        ),
        # each stage of 10 s has 2 s of warm-up and up to 5 s of cool-down
        (
            {"sweep": "rate:2..8", "price": "0.5usd/request"},
            "about 238 requests, at most about 119 usd together (by --price)",
        ),
        ({"sweep": "2..8"}, "as many requests as are answered, at a price that is not known"),
        (
            {"find": "max-rate", "slo": "ttft<1s@p90", "find_from": 8.0, "price": "1credits/request"},
            "a search, as many requests as it takes: about 136 in its first probe, each at most 1 credits (by --price)",
        ),
    ],
)
def test_estimate__says_what_is_known(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """And what is not."""
    assert estimated(settings(tmp_path, **changes)) == said


def test_estimate_of_a_trace__counts_what_is_due(tmp_path: Path) -> None:
    """In the run's time, or all of it."""
    trace = tmp_path / "trace.csv"
    rows = [f"2023-11-16 18:15:{second:02}.0000000,10,5" for second in (0, 4, 8)]
    trace.write_text("\n".join(["TIMESTAMP,ContextTokens,GeneratedTokens", *rows]), encoding="utf-8")
    found = settings(tmp_path, arrivals=f"trace:{trace}", price="2usd/request")
    assert estimate(found, None).requests == 3
    assert estimate(found, 5.0).requests == 2
    assert estimate(found, 5.0).at_most == 4.0


def test_published_price__is_quoted_with_its_date(tmp_path: Path) -> None:
    """It is a mean, and old."""
    said = estimated(settings(tmp_path, SEGMIND, dialect="segmind", arrivals="constant:1"))
    assert said.startswith("about 60 requests, at most about 0.0303 usd together (by https://www.segmind.com/")
    assert "2026-08-27, a mean" in said


def test_bill__counts_all_completions(tmp_path: Path) -> None:
    """Those of the warm-up cost as much; the fall of the credits is what the target says itself."""
    tally = RunCounts()
    for sent_ms in (0, 2000):
        tally.add(record(sent_ms=sent_ms, usage_tokens=30), Window(1_000_000_000))
    tally.note_credits(9.5, 9.5)
    tally.note_credits(8.0, 8.0)
    cost = settings(tmp_path, price=PER_TOKEN).cost
    found = bill(cost, tally.counts, RunCounts.from_wire(tally.to_wire()).credits_left)
    assert found["completions"] == 2
    assert found["by_usage"] == pytest.approx(2 * (7 * 0.002 + 30 * 0.003))
    assert found["credits_fell_by"] == 1.5
    assert found["price"]["source"] == "--price"


def test_bill_without_a_price__invents_none(tmp_path: Path) -> None:
    """What is not known is None."""
    found = bill(settings(tmp_path).cost, RunCounts().counts, None)
    assert (found["price"], found["by_usage"], found["credits_fell_by"]) == (None, None, None)


def asked(folder: Path, host: str = LOCAL, **changes: Any) -> tuple[Settings, argparse.Namespace]:
    """A run that costs money, and its options."""
    chosen = options(folder, paid=True, run_time=None, **changes)
    return settings(folder, host, paid=True), chosen


def test_consent__is_needed_where_completions_cost_money(tmp_path: Path) -> None:
    """And given by the option."""
    assert consent.is_needed(*asked(tmp_path))
    assert not consent.is_needed(*asked(tmp_path, yes_this_costs_money=True))
    assert not consent.is_needed(settings(tmp_path), options(tmp_path))


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        """Whether somebody is there."""
        return True


@pytest.mark.parametrize("typed", ["yes\n", "y\n", " YES \n"])
def test_yes_on_a_terminal__is_consent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    """After the estimate was shown; workers get it with the options."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    found, chosen = asked(tmp_path)
    consent.ask(found, chosen)
    assert chosen.yes_this_costs_money
    assert "http://127.0.0.1:8000 may cost money: as many requests as are answered" in capsys.readouterr().err


@pytest.mark.parametrize("typed", ["\n", "n\n", "", "yesterday\n"])
def test_anything_else_on_a_terminal__is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Nothing is sent."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    with pytest.raises(UsageError, match="no consent was given"):
        consent.ask(*asked(tmp_path))


def test_ctrl_c_on_a_terminal__is_no_consent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no traceback."""

    def interrupted() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stdin.readline", interrupted)
    with pytest.raises(UsageError, match="no consent was given"):
        consent.ask(*asked(tmp_path))


def test_without_a_terminal__nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes that is piped in is not somebody's; one line with the estimate says what would help."""
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(UsageError, match=r"^--yes-this-costs-money: expected it .* may cost money: ") as refusal:
        consent.ask(*asked(tmp_path))
    assert "\n" not in str(refusal.value)


def test_web_page__cannot_consent(tmp_path: Path) -> None:
    """Whoever started Locust has to."""
    with pytest.raises(UsageError, match="on the command line"):
        consent.refuse(*asked(tmp_path))
    consent.refuse(*asked(tmp_path, yes_this_costs_money=True))


def test_price__is_of_the_dialect_that_is_asked(tmp_path: Path) -> None:
    """The other one at the same host has none that is published."""
    assert settings(tmp_path, SEGMIND, dialect="segmind").cost.price is not None
    assert settings(tmp_path, SEGMIND, dialect="segmind-openai").cost.price is None
    said = settings(tmp_path, SEGMIND, dialect="segmind", price="1credits/request").cost.price
    assert said == Price("credits", per_request=1.0)
