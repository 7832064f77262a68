"""Consent to a run that costs money: asked before the first request, with an estimate beside it."""

from __future__ import annotations

import argparse
import sys

from mixtral_contract.load.results.estimate import estimate
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.units.usage_error import UsageError

FLAG = "--yes-this-costs-money"
_YES = ("y", "yes")


def is_needed(settings: Settings, options: argparse.Namespace) -> bool:
    """Whether the run may cost money and nobody has agreed to that yet."""
    return settings.is_paid and not options.yes_this_costs_money


def question(settings: Settings, options: argparse.Namespace) -> str:
    """What would be agreed to, in one line; where it costs nothing, what is to be expected."""
    said = estimate(settings, options.run_time).text
    return f"{settings.target.url} may cost money: {said}" if settings.is_paid else f"{settings.target.url}: {said}"


def ask(settings: Settings, options: argparse.Namespace) -> None:
    """Asks on the terminal, and notes a yes in the options.

    Raises: UsageError without a yes, and where there is no terminal to ask.
    """
    said = question(settings, options)
    if not sys.stdin.isatty():
        raise UsageError(f"{FLAG}: expected it for this target, got none: {said}")
    sys.stderr.write(f"{said}\nSend it? [y/N] ")
    sys.stderr.flush()
    if _typed().strip().lower() not in _YES:
        raise UsageError("not sent: no consent was given")
    options.yes_this_costs_money = True


def _typed() -> str:
    """The line that is typed; nothing when it is Ctrl-D or Ctrl-C instead."""
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line.endswith("\n"):
        sys.stderr.write("\n")
    return line


def refuse(settings: Settings, options: argparse.Namespace) -> None:
    """For a run that cannot ask.

    Raises: UsageError when consent is needed.
    """
    if is_needed(settings, options):
        raise UsageError(f"{FLAG}: expected it on the command line for this target: {question(settings, options)}")
