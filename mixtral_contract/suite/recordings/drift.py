"""`python -m contract_tests drift`: whether recordings keep the contract, and what moved since they were made.

Without a target nothing is sent. With one, every recorded request is sent again, and the shape of each answer is held
against the recorded one's; what that may cost is printed first.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mixtral_contract.cassettes.reader import Cassette
from mixtral_contract.contract import clauses, observations
from mixtral_contract.contract.openapi import DOCUMENT, Contract
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.primitives.command_line import as_typed
from mixtral_contract.suite.client.budget import CompletionBudget, RateLimiter
from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.recordings import resend, snapshots
from mixtral_contract.suite.recordings.judge import Case, Judge, cases
from mixtral_contract.suite.recordings.shape_diff import differences
from mixtral_contract.suite.target.target import Target, TargetError, choose, reach, running
from mixtral_contract.suite.verdicts.result import ClauseResult
from mixtral_contract.suite.verdicts.verdict import NotRun, Outcome, Verdict

Say = Callable[[str], None]
Weigh = Callable[[ClauseResult], ClauseResult]

_BROKEN = (Verdict.FAIL, Verdict.KNOWN, Verdict.NON_STRICT)
_SHOWN = 300


@dataclass
class Found:
    """What is to be said of one recording: how many clauses it keeps, the lines about it, whether anything is wrong."""

    case: Case
    kept: int = 0
    lines: list[str] = field(default_factory=list)
    broken: int = 0
    moved: int = 0
    uncompared: int = 0
    is_asked: bool = True


def add_to(commands: Any, say: Say) -> None:
    """Declares the command, whose lines go to `say`."""
    command = commands.add_parser(
        "drift",
        help="hold recordings against the contract, and against the endpoint as it answers now",
        description="Without a target nothing is sent. With one (--target, --base-url, or --api-key-env for the server"
        " that was recorded) all is asked again, and what moved is said: the shape of the answers, not their texts.",
        epilog="exit status: 0 nothing moved and no must is broken, 1 something did or is, or could not be compared,"
        " 2 the command line or a file is no good",
    )
    add = command.add_argument
    add("cassette", type=Path, metavar="FILE", help=as_typed("what python -m mock_server --record wrote"))
    add("--target", metavar="NAME", help="ask mock, or a server of spec/targets.yaml, such as nvidia")
    add("--base-url", metavar="URL", help="ask the server at this address (default: the target's, or the recorded one)")
    add("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    add("--dialect", metavar="D", help="dialect of the recordings whose URL the contract does not have (default: none)")
    add("--budget", type=_count, metavar="N", help="use up at most N completions, a hard cap")
    add("--rpm", type=_positive, metavar="N", help="send at most N requests per minute")
    add("--request-timeout", type=_positive, default=30.0, metavar="S", help="seconds to wait (default: %(default)g)")
    add("--dry-run", action="store_true", help="print what asking again would cost, and send nothing")
    add("--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract to hold to (default: our own)")
    command.set_defaults(run=lambda options: run(options, say))


def run(options: argparse.Namespace, say: Say) -> int:
    """Says what is found and returns the exit status.

    Raises: CassetteError, ContractError or TargetError with what is wrong, in one line.
    """
    contract, cassette = Contract.load(options.spec), Cassette.load(options.cassette)
    if options.dialect is not None and options.dialect not in contract.operations:
        raise TargetError(f"--dialect: expected one of {', '.join(contract.operations)}, got {options.dialect!r}")
    recorded = cases(cassette, contract, options.dialect)
    say(f"{options.cassette}: {len(recorded)} exchanges of {cassette.upstream}, begun {cassette.recorded}")
    if cassette.torn:
        say("  the last exchange was not written to its end, and is left out")
    chosen = _target(contract, cassette, recorded, options)
    if chosen is not None:
        say("\n".join(resend.bill(recorded, chosen)))
    if options.dry_run:
        return 0
    weigh = _weighing(contract, BaseUrl.parse(cassette.upstream).host)
    judge = Judge(contract, clauses.load())
    found = [_held(case, judge, weigh) for case in recorded]
    if chosen is not None:
        with running(chosen, options.spec) as asked:
            reach(asked.base_url or "")
            client = TargetClient(
                budget=CompletionBudget(options.budget),
                rate_limiter=RateLimiter(options.rpm),
                timeout_s=options.request_timeout,
            )
            for each in found:
                _compare(each, asked, client, judge, weigh)
    for each in found:
        say("\n".join(_lines(each)))
    for note in snapshots.notes(each.case.exchange for each in found):
        say(note)
    say(_headline(found, compared=chosen is not None))
    return int(any(each.broken or each.moved or each.uncompared for each in found))


def _target(
    contract: Contract, cassette: Cassette, recorded: Sequence[Case], options: argparse.Namespace
) -> Target | None:
    if options.target is None and options.base_url is None and options.api_key_env is None:
        if options.dry_run:
            raise TargetError("--dry-run: expected --target, --base-url or --api-key-env with it, got none")
        return None
    dialects = [case.operation.dialect for case in recorded if case.operation is not None]
    dialect = options.dialect or next(iter(dialects), next(iter(contract.operations)))
    base_url = options.base_url or (cassette.upstream if options.target is None else None)
    return choose(
        contract,
        name=options.target,
        base_url=base_url,
        dialect=dialect,
        api_key_env=options.api_key_env,
        dry_run=options.dry_run,
    )


# ---- against the contract


def _weighing(contract: Contract, host: str) -> Weigh:
    """What a break is worth: one that the live endpoint was seen to have is known, where that endpoint was recorded."""
    servers = {name: BaseUrl.parse(operation.server).host for name, operation in contract.operations.items()}
    on_record = list(observations.load().values())

    def weigh(entry: ClauseResult) -> ClauseResult:
        if servers.get(entry.dialect) != host:
            return entry
        seen = [each for each in on_record if entry.dialect in each.dialects and entry.clause in each.departs]
        return entry.accepted(f"observed {seen[0].seen}: {seen[0].statement}" if seen else None)

    return weigh


def _held(case: Case, judge: Judge, weigh: Weigh) -> Found:
    found = Found(case)
    if case.operation is None:
        found.lines.append("not judged: no operation of the contract has this URL; --dialect says which is meant")
    elif case.recorded.answer.ending == "left" and not case.recorded.answer.is_whole:
        found.lines.append("not judged: the client left before the end")
    elif _is_state(case.exchange):
        found.lines.append(f"not judged: {case.exchange.status} speaks of the server's state, not of what it keeps")
    else:
        entries = [weigh(entry) for entry in judge.judged(case.operation, case.exchange)]
        found.kept = sum(entry.verdict is Verdict.PASS for entry in entries)
        found.broken = sum(entry.verdict is Verdict.FAIL for entry in entries)
        found.lines += [_broken(entry) for entry in entries if entry.verdict in _BROKEN]
    return found


def _broken(entry: ClauseResult) -> str:
    said = entry.known or f"expected {entry.expected}, got {entry.got}"
    return f"{entry.verdict:11}{entry.clause} ({entry.level}): {' '.join(said.split())[:_SHOWN]}"


# ---- against the endpoint


def _compare(found: Found, asked: Target, client: TargetClient, judge: Judge, weigh: Weigh) -> None:
    """Asks again and notes what moved, and which clauses fell that the recording keeps."""
    case = found.case
    dialect = case.operation.dialect if case.operation else ""
    try:
        now = client.send(dialect, [resend.request(case, asked)])[0]
    except Outcome as outcome:
        found.is_asked = not isinstance(outcome, NotRun)
        found.uncompared += found.is_asked
        found.lines.append(f"not compared: {outcome.got}")
        return
    if now.status is None or _is_state(now):
        found.uncompared += 1
        found.lines.append(f"not compared: {now.summary}")
        return
    if _is_state(case.exchange):
        found.lines.append(f"now {now.status}: with a server that failed nothing is compared")
        return
    moved = differences(case.exchange, now)
    found.moved += len(moved)
    found.lines += [f"moved      {line}" for line in moved]
    if case.operation is None or now.status != case.exchange.status:
        return
    before = {entry.clause for entry in judge.judged(case.operation, case.exchange) if entry.verdict in _BROKEN}
    for entry in judge.judged(case.operation, now):
        if entry.verdict is Verdict.FAIL and entry.clause not in before:
            weighed = weigh(entry)
            found.broken += weighed.verdict is Verdict.FAIL
            found.lines.append(f"{_broken(weighed)} (now; the recording keeps it)")


def _is_state(exchange: Exchange) -> bool:
    """Whether the answer is one of a server that was busy or failed."""
    return (exchange.status or 0) >= 500 or exchange.status == 429


# ---- what is said


def _lines(found: Found) -> list[str]:
    return [f"{found.case.name}, {found.kept} clauses kept", *(f"  {line}" for line in found.lines)]


def _headline(found: Sequence[Found], *, compared: bool) -> str:
    broken, moved = sum(each.broken for each in found), sum(bool(each.moved) for each in found)
    parts = [f"{broken} breaks of a must" if broken else "no must is broken"]
    if compared:
        asked = sum(each.is_asked for each in found)
        parts.append(f"{moved or 'none'} of {asked} exchanges moved")
        if asked < len(found):
            parts.append(f"{len(found) - asked} were not asked")
    uncompared = sum(each.uncompared for each in found)
    if uncompared:
        parts.append(f"{uncompared} could not be compared")
    return f"found: {', '.join(parts)}"


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return value
