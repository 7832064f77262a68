"""What a page cannot change of a run: the target that key and consent are for."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from mixtral_contract.load.cli.main import parser
from mixtral_contract.load.locust_plugin.web.command_line import WITHHELD, CommandLine
from mixtral_contract.load.settings.settings import UsageError, read_settings

LOCAL = "http://127.0.0.1:8000"


def options(*arguments: str) -> Any:
    """The options of a command line."""
    return parser().parse_args(["--api-key-env", "A_KEY", *arguments])


def limited(given: argparse.Namespace, asked: str, host: str | None = LOCAL) -> Any:
    """The settings of a run that a page started at `asked`, where the command line named `host`."""
    return CommandLine.of(given, host).limit(read_settings(given, asked), given)


@pytest.mark.parametrize("asked", [LOCAL, f"{LOCAL}/", f"{LOCAL}/v1", "http://127.0.0.1:8000/prefix"])
def test_target_of_the_command_line__gets_the_key(asked: str) -> None:
    """Below any path: it is the same server."""
    given = options()
    assert limited(given, asked).key_variable == "A_KEY"
    assert getattr(given, WITHHELD) is False


@pytest.mark.parametrize("asked", ["http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://localhost:8000"])
@pytest.mark.parametrize("host", [LOCAL, None])
def test_other_target__gets_no_key(asked: str, host: str | None) -> None:
    """Also where the command line named none: nobody said that the key is for it. Workers are told."""
    given = options()
    other = asked if host else LOCAL
    assert limited(given, other, host).key_variable is None
    assert getattr(given, WITHHELD) is True


def test_other_target__gets_no_secret_header() -> None:
    """A header that comes from a variable is as secret as the key; others are sent."""
    given = options("--header", "X-Org=env:AN_ORG", "--header", "X-Team=a")
    assert [str(each) for each in limited(given, LOCAL).changes.headers] == ["X-Org=env:AN_ORG", "X-Team=a"]
    other = limited(given, "http://127.0.0.1:8001")
    assert [str(each) for each in other.changes.headers] == ["X-Team=a"]


def test_endpoint__is_the_target_of_the_command_line() -> None:
    """Whatever the page says: requests go nowhere else."""
    given = options("--endpoint", f"{LOCAL}/team/chat")
    found = limited(given, "http://127.0.0.1:8001", None)
    assert (found.target.url, found.key_variable) == (LOCAL, "A_KEY")


def test_other_target_that_may_cost_money__is_refused() -> None:
    """The consent on the command line was to another bill."""
    with pytest.raises(UsageError, match=r"^--host: expected the command line's target, got https://api\.example"):
        limited(options("--yes-this-costs-money"), "https://api.example")


def test_options_of_the_command_line_alone__come_back() -> None:
    """Whatever a form wrote over them."""
    given = options("--paid", "yes")
    before = CommandLine.of(given, LOCAL)
    given.api_key_env, given.yes_this_costs_money, given.paid = "OTHER_KEY", True, False
    before.restore(given)
    assert (given.api_key_env, given.yes_this_costs_money, given.paid) == ("A_KEY", False, True)
