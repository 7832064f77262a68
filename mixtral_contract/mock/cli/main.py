"""`python -m mock_server`: a mock made of what the command line says, and one line of error for what it says wrong."""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
import ssl
import sys
from pathlib import Path

from mixtral_contract.contract.openapi import Contract, ContractError
from mixtral_contract.mock.accounts.accounts import ACCOUNTS, Account, Accounts
from mixtral_contract.mock.build import Ids, build
from mixtral_contract.mock.cli import options as commandline
from mixtral_contract.mock.cli import recording_options
from mixtral_contract.mock.cli.options import MB
from mixtral_contract.mock.fixtures.fixture_file import FixtureError, FixtureFile
from mixtral_contract.mock.incidents.active import Incidents
from mixtral_contract.mock.incidents.grammar import IncidentError, describe
from mixtral_contract.mock.journal.journal import Journal
from mixtral_contract.mock.messages.limits import Limits
from mixtral_contract.mock.server import server as serving
from mixtral_contract.mock.service.mock import Mock
from mixtral_contract.mock.timing.engine import Deployment, Pace
from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.primitives.system import has_fork

_SHORTEST_TOKEN = 8


def main(arguments: list[str] | None = None) -> int:
    """Serves until a signal and returns the exit status; behind the word `fixtures` it only looks at a file of them."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == [commandline.FIXTURES]:
        from mixtral_contract.mock.cli import fixtures_command  # noqa: PLC0415  only who checks a file waits for it

        return fixtures_command.main(given[1:])
    parser = commandline.parser()
    options = parser.parse_args(given)
    if "list" in options.incidents:
        print("\n".join(describe()))
        return 0
    if recording_options.is_asked(options):
        return _record_or_replay(parser, options)
    pace = _pace(parser, options)
    if options.predict is not None:
        print(_prediction(parser, pace, *options.predict))
        return 0
    if options.workers > 1:
        _check_shared(parser, options)
    new_id = Ids()
    mock = _mock(parser, options, pace, new_id)
    if options.journal is not None:
        _keep_journal(parser, mock, options.journal)
    tls = _tls(parser, options)
    listening = _listen(parser, options.host, options.port)
    address = serving.address(listening[0], tls)

    def started() -> None:
        print(address, flush=True)

    if options.workers == 1:
        serving.serve(mock, listening, tls, started=started)
        return 0
    return serving.serve_together(
        options.workers,
        mock,
        listening,
        tls,
        new_id=new_id,
        started=started,
        tell=lambda line: _tell(f"{parser.prog}: {line}"),
    )


def _record_or_replay(parser: Parser, options: argparse.Namespace) -> int:
    recording_options.check(parser, options)
    tls = _tls(parser, options)
    listening = _listen(parser, options.host, options.port)
    address = serving.address(listening[0], tls)
    with recording_options.application(parser, options, _tell) as application:
        serving.serve_application(application, listening, tls, started=lambda: print(address, flush=True))
    return 0


def _pace(parser: Parser, options: argparse.Namespace) -> Deployment:
    if options.engine is None:
        return Pace(round((options.ttft_ms or 0) * 1e6), round((options.itl_ms or 0) * 1e6))
    if options.ttft_ms is not None or options.itl_ms is not None:
        parser.error("--engine: expected neither --ttft-ms nor --itl-ms beside it, since it sets both")
    from mixtral_contract.mock.timing.profile_file import ProfileError, load  # noqa: PLC0415  only who names a profile waits for it

    try:
        return load(options.engine)
    except ProfileError as error:
        parser.error(f"--engine: {error}")


def _prediction(parser: Parser, pace: Deployment, prompt_tokens: int, tokens: int) -> str:
    from mixtral_contract.mock.cli.forecast_table import render  # noqa: PLC0415
    from mixtral_contract.mock.timing.batching import Profile  # noqa: PLC0415

    if not isinstance(pace, Profile):
        parser.error("--predict: expected --engine with the profile of a node, got a constant pace")
    if prompt_tokens + tokens > pace.kv_tokens:
        parser.error(f"--predict: expected at most {pace.kv_tokens} tokens, got {prompt_tokens + tokens}")
    return render(pace, prompt_tokens, tokens)


def _mock(parser: Parser, options: argparse.Namespace, pace: Deployment, new_id: Ids) -> Mock:
    if options.breaks:
        _check_breaks(parser, options.breaks)
    try:
        contract = _contract(parser, options)
        fixtures = FixtureFile(options.fixtures, contract, _tell) if options.fixtures else None
        return build(
            contract,
            seed=options.seed,
            pace=pace,
            breaks=options.breaks,
            admission=_admission(parser, contract, options),
            fixtures=fixtures,
            as_observed=options.layer == "observed",
            new_id=new_id,
            incidents=Incidents(options.seed, *options.incidents, counts=options.workers == 1),
            limits=Limits(
                body_bytes=options.max_body_bytes,
                head_s=options.head_timeout_s,
                body_s=options.body_timeout_s,
                idle_s=options.idle_timeout_s,
            ),
            journal=Journal(
                most_requests=options.journal_requests,
                most_bytes=options.journal_mb * MB,
                keeps_bodies=options.journal_bodies,
            ),
            control_token=_token(parser, options.control_token_env),
        )
    except ContractError as error:
        parser.error(f"--spec: {error}")
    except FixtureError as error:
        parser.error(f"--fixtures: {error}")
    except IncidentError as error:
        parser.error(f"--incident: {error}")


def _contract(parser: Parser, options: argparse.Namespace) -> Contract:
    contract = Contract.load(options.spec)
    try:
        return contract if options.dialect is None else contract.only(options.dialect)
    except ContractError as error:
        parser.error(f"--dialect: {error}")


def _admission(parser: Parser, contract: Contract, options: argparse.Namespace) -> Accounts:
    accounts = _accounts(parser, contract, options.accounts)
    require_key = options.require_key or options.accounts is not None
    if options.workers == 1:
        return Accounts(accounts, require_key=require_key)
    from mixtral_contract.mock.accounts.shared_memory import SharedAccountStates  # noqa: PLC0415  one process locks nothing

    return Accounts(accounts, SharedAccountStates(len(accounts)).standing, require_key=require_key)


def _accounts(parser: Parser, contract: Contract, path: Path | None) -> tuple[Account, ...]:
    if path is None:
        return ACCOUNTS
    from mixtral_contract.mock.accounts.accounts_file import AccountsError, load  # noqa: PLC0415  only who names a file waits for it

    try:
        return load(path, contract)
    except AccountsError as error:
        parser.error(f"--accounts: {error}")


def _check_shared(parser: Parser, options: argparse.Namespace) -> None:
    if not has_fork():
        parser.error(f"--workers: expected 1 where processes cannot be forked, got {options.workers}")
    from mixtral_contract.mock.server.prefork import NOT_SHARED  # noqa: PLC0415  only who wants several waits for it

    for name, (option, reason) in NOT_SHARED.items():
        if getattr(options, name) != parser.get_default(name):
            parser.error(f"--workers: expected 1 beside {option}, got {options.workers}: {reason}")


def _token(parser: Parser, name: str | None) -> str | None:
    if name is None:
        return None
    token = os.environ.get(name, "")
    if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        parser.error(f"--control-token-env: expected {name} to hold a token of {_SHORTEST_TOKEN} characters or more")
    return token


def _keep_journal(parser: Parser, mock: Mock, path: Path) -> None:
    from mixtral_contract.mock.journal.journal_file import JournalFile  # noqa: PLC0415

    try:
        file = JournalFile(path, mock.line, _tell)
    except OSError as error:
        parser.error(f"--journal: {path}: expected a file to write, got {error.strerror}")
    mock.journal.readers.append(file.add)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_breaks(parser: Parser, wanted: list[str]) -> None:
    from difflib import get_close_matches  # noqa: PLC0415  only who breaks on purpose waits for it

    from mixtral_contract.mock.breaks.table import BREAKS  # noqa: PLC0415

    for clause in wanted:
        if clause not in BREAKS:
            near = ", ".join(get_close_matches(clause.upper(), BREAKS, n=4, cutoff=0.5)) or "SSE-08"
            parser.error(f"--break: expected a clause of spec/clauses.yaml, such as {near}, got {clause!r}")


def _tls(parser: Parser, options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        parser.error("--tls-cert, --tls-key: expected both or none, got one")
    from mixtral_contract.mock.server import tls  # noqa: PLC0415  who speaks plain HTTP does without

    try:
        return tls.context(options.tls_cert, options.tls_key)
    except tls.TlsError as error:
        parser.error(f"--tls-cert, --tls-key: {error}")


def _listen(parser: Parser, host: str, port: int) -> list[socket.socket]:
    try:
        listening = serving.listen(host, port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        parser.error(f"--host {host} --port {port}: expected an address to listen on, got {reason!r}")
    if not ipaddress.ip_address(listening[0].getsockname()[0]).is_loopback:
        print(f"{parser.prog}: {host} is not loopback, other machines may reach this server", file=sys.stderr)
    return listening


if __name__ == "__main__":
    sys.exit(main())
