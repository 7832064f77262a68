"""The options of a run that goes through several loads, checked together."""

from __future__ import annotations

import argparse

from mixtral_contract.load.settings.objectives import Slo
from mixtral_contract.load.settings.stages import Goal, Staging, usual_start
from mixtral_contract.load.settings.sweep import parse_sweep
from mixtral_contract.load.units.usage_error import UsageError, read_option

_GOALS = ("max-rate",)
_KINDS = ("constant", "poisson")
_LEAST_STAGE_S = 1.0


def read_staging(options: argparse.Namespace, slo: Slo) -> tuple[Staging | None, str]:
    """How the run goes through stages, None when it does not; and what --arrivals says of the run as a whole.

    Raises: UsageError.
    """
    if options.find and options.sweep:
        raise UsageError("--sweep: expected none with --find, which chooses its own loads")
    if not options.find and not options.sweep:
        return None, options.arrivals
    if options.stage < _LEAST_STAGE_S:
        raise UsageError(f"--stage: expected at least {_LEAST_STAGE_S:g} s, got {options.stage:g} s")
    goal = _goal(options, slo) if options.find else None
    sweep = read_option("--sweep", lambda: parse_sweep(options.sweep)) if options.sweep else None
    is_open = sweep is None or sweep.is_open
    allowed = ("closed", *_KINDS) if is_open else ("closed",)
    if options.arrivals not in allowed:
        flag = "--find" if sweep is None else "--sweep"
        raise UsageError(f"--arrivals: expected one of {', '.join(allowed)} with {flag}, got {options.arrivals!r}")
    kind = options.arrivals if options.arrivals in _KINDS else _KINDS[1]
    warmup_s = options.warmup or None
    return Staging(float(options.stage), warmup_s, kind, goal, sweep), f"{kind}:1" if is_open else "closed"


def _goal(options: argparse.Namespace, slo: Slo) -> Goal:
    if options.find not in _GOALS:
        raise UsageError(f"--find: expected {' or '.join(_GOALS)}, got {options.find!r}")
    if not slo:
        raise UsageError("--find: expected objectives in --slo, such as ttft<2s@p99, got none")
    if not 0 < options.find_width < 1:
        raise UsageError(f"--find-width: expected more than 0 and less than 100 %, got {100 * options.find_width:g} %")
    targets = tuple(term.percent / 100 for term in slo)
    start_per_s = options.find_from or min(usual_start(targets), options.find_to)
    if start_per_s > options.find_to:
        raise UsageError(f"--find-from: expected at most --find-to {options.find_to:g}, got {start_per_s:g}")
    return Goal(targets, options.stage, start_per_s, options.find_to, options.find_width)
