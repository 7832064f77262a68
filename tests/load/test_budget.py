"""A budget on a server that ignores max_tokens: what the run promised, and what it cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixtral_contract.load.results.summary import summarize
from tests.load.results.test_summary import FACTS, completions
from tests.load.settings.test_settings import settings
from tests.load.test_locust_command import run
from tests.support.load_records import tally
from tests.support.scripted_stream_server import (
    DONE,
    END,
    STREAM_HEAD,
    Script,
    ScriptedServer,
    Sleep,
    chunk,
    event,
    usage,
)

ASKED, SENT = 10, 100
BUDGET = 1.0
PRICE = "1usd/1k-output"


def endless(_: int) -> Script:
    """Ten times the tokens that were asked for, in a fifth of a second."""
    tail = event(finish="stop") + event(usage=usage(SENT)) + DONE
    return [STREAM_HEAD, Sleep(0.2), chunk(event({"content": "a"}) * SENT), chunk(tail) + END]


@pytest.mark.parametrize("load", [("-u", "40", "-r", "40"), ("--arrivals", "constant:100")], ids=["closed", "open"])
def test_budget__is_kept_by_a_server_that_ignores_max_tokens(tmp_path: Path, load: tuple[str, ...]) -> None:
    """Forty users, or a hundred requests a second: 0.1 usd each instead of 0.01, and no more than ten of them."""
    with ScriptedServer(endless) as server:
        ended = run(
            tmp_path,
            *("--host", server.url, *load, "-t", "15s", "--output-tokens", str(ASKED)),
            *("--price", PRICE, "--budget", f"{BUDGET:g}usd"),
        )
        sent = len(server.requests)
    cost = ended.summary["cost"]
    assert cost["out_of_budget"]
    assert cost["by_usage"] == pytest.approx(sent * SENT / 1000)
    assert 0 < cost["by_usage"] <= BUDGET + 1e-9
    assert f"never more than {BUDGET:g} usd if answers keep max_tokens" in ended.stderr


def test_run_that_cost_more_than_its_budget__failed(tmp_path: Path) -> None:
    """And says so, whatever else it found."""
    asked = settings(tmp_path, price=PRICE, budget="0.05usd", output_tokens="1")
    found = summarize(asked, FACTS, tally(*completions(20)))
    assert (found["failure"], found["exit_code"]) == ("cost more than its budget", 1)
    said = "The run cost 0.06 usd by usage, more than its budget of 0.05: answers were longer than max_tokens."
    assert said in found["notes"]
