"""`python -m mock_server`: the command line, its errors, and the server's life from the first line to the last."""

from __future__ import annotations

import argparse
import gc
import ipaddress
import math
import os
import signal
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mock_server.admission import ACCOUNTS, Account, Admission
from mock_server.engine import Deployment, Pace
from mock_server.fixture_file import FixtureError, FixtureFile
from mock_server.incident_plan import GRAMMAR, IncidentError, describe
from mock_server.incidents import HEADER, Incidents
from mock_server.journal import MOST_BYTES, MOST_REQUESTS, Journal
from mock_server.limits import Limits
from mock_server.mock import Ids, Mock, build
from spec.commandline import Parser
from spec.contract import DOCUMENT, Contract, ContractError

if TYPE_CHECKING:
    from mock_server.workers import Worker

GRACE_S = 5
"""How long replies under way may take to finish after a signal."""

MOST_WORKERS = 64
"""More than this are a slip of the finger."""

_BACKLOG = 2048
_MB = 1024 * 1024
_SHORTEST_TOKEN = 8
_PROGRAM = "python -m mock_server"
_DESCRIPTION = "Answers chat completion calls by the contract. The first line on stdout is the address."
_LIMITS = Limits()
_KEYS = "\n".join(f"  {account.key:<16}{account.purpose}" for account in ACCOUNTS)
_GRAMMAR = "\n".join(f"  {line}" for line in GRAMMAR.splitlines())
_EPILOG = f"""keys, unless --accounts names others (any other key is wrong):
{_KEYS}

beside the contract
  /_mock/       the live page; /_mock/api lists what else is under it (this machine only)
  /metrics      for Prometheus, under vLLM's names
  /v1/models    and /health, /v1/health/live, /v1/health/ready

any documented status on demand, with the request header
  Prefer: code=NNN      for example 429, 500 or 502; a status that is not documented is refused with the list of those
                        that are

incidents, which a correct client survives: by --incident, and for one request by its header {HEADER.title()},
which stands instead of the flags ("ok" for none); --incident list shows all names, their arguments and defaults
{_GRAMMAR}
The SHARE is drawn from the seed, the request and the number of the attempt at it: the order of arrival changes nothing.
A refusal by an incident costs nothing, a completion that is cut off costs what a whole one does.

examples:
  python -m mock_server --port 0
  python -m mock_server --ttft-ms 200 --itl-ms 20
  python -m mock_server --engine mixtral-8x22b
  python -m mock_server --engine mixtral-8x22b --predict 500:100
  python -m mock_server --break SSE-08
  python -m mock_server --workers 4 --accounts examples/accounts.yaml
  python -m mock_server --incident '429*2,ok' --incident 'cut:after=5,by=rst;rate=0.1'
  curl http://127.0.0.1:8000/v1/chat/completions -H 'Authorization: Bearer mock-valid' \\
       -H 'Content-Type: application/json' -d '{{"messages": [{{"role": "user", "content": "hello"}}], "stream": true}}'

Ctrl-C or SIGTERM ends the server once running replies are out, after {GRACE_S} s at the latest.
exit status: 0 ended by a signal or predicted, 1 a worker ended unasked, 2 the command line, a file or the address
cannot be used"""


def main(arguments: list[str] | None = None) -> int:
    """Serves until a signal and returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if "list" in options.incidents:
        print("\n".join(describe()))
        return 0
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
    if options.workers > 1:
        return _serve_together(options.workers, mock, listening, new_id, tls)
    _serve(mock, listening, tls)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog=_PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="where to listen (default: %(default)s, this machine only)")
    add("--port", type=_port, default=8000, help="0 for any free port (default: %(default)s)")
    add(
        "--workers",
        type=_workers,
        default=1,
        metavar="N",
        help="processes that share the address, the credits and the limits (default: %(default)s)",
    )
    add("--seed", type=int, default=0, metavar="N", help="another seed, other answers (default: %(default)s)")
    add("--ttft-ms", type=_ms, metavar="X", help="time to the first token (default: at once)")
    add("--itl-ms", type=_ms, metavar="X", help="time between two tokens (default: none)")
    add(
        "--engine",
        metavar="PROFILE",
        help="the pace of a node that decodes in batches, whose tokens come later the more it has to do: mixtral-8x7b, "
        "mixtral-8x22b (modelled on 2 and 8 H100) or a YAML file such as mock_server/profiles/mixtral-8x7b.yaml "
        "(default: instant)",
    )
    add(
        "--predict",
        type=_lengths,
        metavar="PROMPT:COMPLETION",
        help="print what the profile promises for such lengths in tokens, for example 500:100, and end",
    )
    add(
        "--break",
        dest="breaks",
        action="append",
        default=[],
        metavar="CLAUSE-ID",
        help="violate this clause of spec/clauses.yaml, such as SSE-08; may be repeated (default: none)",
    )
    add(
        "--incident",
        dest="incidents",
        action="append",
        default=[],
        metavar="NAME[:ARGS]",
        help="let this befall the answers, see below, or list; may be repeated (default: none)",
    )
    add(
        "--as",
        dest="layer",
        choices=("documented", "observed"),
        default="documented",
        help="behave as the documents say, or as the real endpoints were seen to, by spec/observed.yaml, where that is"
        " otherwise (default: %(default)s)",
    )
    add(
        "--accounts",
        type=Path,
        metavar="FILE",
        help="keys with their credits, prices and limits, see examples/accounts.yaml (default: the keys below)",
    )
    add(
        "--fixtures",
        type=Path,
        metavar="FILE",
        help="scripted replies, see examples/fixtures.yaml; read again whenever the file changes (default: none)",
    )
    add("--journal", type=Path, metavar="FILE", help="write every request into it, a line each (default: none)")
    add(
        "--journal-requests",
        type=_count,
        default=MOST_REQUESTS,
        metavar="N",
        help="how many ended requests /_mock/journal keeps; the oldest goes (default: %(default)s)",
    )
    add(
        "--journal-mb",
        type=_count,
        default=MOST_BYTES // _MB,
        metavar="N",
        help="and in how many MB of memory (default: %(default)s)",
    )
    add(
        "--control-token-env",
        metavar="NAME",
        help="environment variable with a token that lets clients of other machines use /_mock/ (default: none may)",
    )
    add("--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract (default: the shipped openapi.yaml)")
    seconds = partial(add, type=_seconds, metavar="X")
    seconds("--head-timeout-s", default=_LIMITS.head_s, help="time for a request's head (default: %(default)s)")
    seconds(
        "--body-timeout-s",
        default=_LIMITS.body_s,
        help="time that a request's body may stand still (default: %(default)s); then 408 and the connection closed",
    )
    seconds(
        "--idle-timeout-s",
        default=_LIMITS.idle_s,
        help="time without a request, or with an answer that is not read, until the connection is closed"
        " (default: %(default)s)",
    )
    add(
        "--max-body-bytes",
        type=_size,
        default=_LIMITS.body_bytes,
        metavar="N",
        help="a longer request body gets 413 (default: %(default)s)",
    )
    add("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate, PEM (default: http)")
    add("--tls-key", type=Path, metavar="FILE", help="the key of the certificate, PEM")
    return parser


def _pace(parser: Parser, options: argparse.Namespace) -> Deployment:
    if options.engine is None:
        return Pace(round((options.ttft_ms or 0) * 1e6), round((options.itl_ms or 0) * 1e6))
    if options.ttft_ms is not None or options.itl_ms is not None:
        parser.error("--engine: expected neither --ttft-ms nor --itl-ms beside it, since it sets both")
    from mock_server.profile_file import ProfileError, load  # noqa: PLC0415  only who names a profile waits for it

    try:
        return load(options.engine)
    except ProfileError as error:
        parser.error(f"--engine: {error}")


def _prediction(parser: Parser, pace: Deployment, prompt_tokens: int, tokens: int) -> str:
    from mock_server.node_profile import Profile  # noqa: PLC0415
    from mock_server.prediction_table import render  # noqa: PLC0415

    if not isinstance(pace, Profile):
        parser.error("--predict: expected --engine with the profile of a node, got a constant pace")
    if prompt_tokens + tokens > pace.kv_tokens:
        parser.error(f"--predict: expected at most {pace.kv_tokens} tokens, got {prompt_tokens + tokens}")
    return render(pace, prompt_tokens, tokens)


def _mock(parser: Parser, options: argparse.Namespace, pace: Deployment, new_id: Ids) -> Mock:
    if options.breaks:
        _check_breaks(parser, options.breaks)
    try:
        contract = Contract.load(options.spec)
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
            journal=Journal(most_requests=options.journal_requests, most_bytes=options.journal_mb * _MB),
            control_token=_token(parser, options.control_token_env),
        )
    except ContractError as error:
        parser.error(f"--spec: {error}")
    except FixtureError as error:
        parser.error(f"--fixtures: {error}")
    except IncidentError as error:
        parser.error(f"--incident: {error}")


def _admission(parser: Parser, contract: Contract, options: argparse.Namespace) -> Admission:
    accounts = _accounts(parser, contract, options.accounts)
    if options.workers == 1:
        return Admission(accounts)
    from mock_server.ledger import Ledger  # noqa: PLC0415  one process locks nothing

    return Admission(accounts, Ledger(len(accounts)).standing)


def _accounts(parser: Parser, contract: Contract, path: Path | None) -> tuple[Account, ...]:
    if path is None:
        return ACCOUNTS
    from mock_server.accounts import AccountsError, load  # noqa: PLC0415  only who names a file waits for it

    try:
        return load(path, contract)
    except AccountsError as error:
        parser.error(f"--accounts: {error}")


def _check_shared(parser: Parser, options: argparse.Namespace) -> None:
    if not hasattr(os, "fork"):
        parser.error(f"--workers: expected 1 where processes cannot be forked, got {options.workers}")
    from mock_server.workers import NOT_SHARED  # noqa: PLC0415  only who wants several waits for it

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
    from mock_server.journal_file import JournalFile  # noqa: PLC0415

    try:
        file = JournalFile(path, mock.line, _tell)
    except OSError as error:
        parser.error(f"--journal: {path}: expected a file to write, got {error.strerror}")
    mock.journal.readers.append(file.add)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _check_breaks(parser: Parser, wanted: list[str]) -> None:
    from difflib import get_close_matches  # noqa: PLC0415  only who breaks on purpose waits for it

    from mock_server.breaks import BREAKS  # noqa: PLC0415

    for clause in wanted:
        if clause not in BREAKS:
            near = ", ".join(get_close_matches(clause.upper(), BREAKS, n=4, cutoff=0.5)) or "SSE-08"
            parser.error(f"--break: expected a clause of spec/clauses.yaml, such as {near}, got {clause!r}")


def _tls(parser: Parser, options: argparse.Namespace) -> ssl.SSLContext | None:
    if options.tls_cert is None and options.tls_key is None:
        return None
    if options.tls_cert is None or options.tls_key is None:
        parser.error("--tls-cert, --tls-key: expected both or none, got one")
    from mock_server import tls  # noqa: PLC0415  who speaks plain HTTP does without

    try:
        return tls.context(options.tls_cert, options.tls_key)
    except tls.TlsError as error:
        parser.error(f"--tls-cert, --tls-key: {error}")


def _listen(parser: Parser, host: str, port: int) -> socket.socket:
    """A socket that already listens, so that its port is known and no client comes too early."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, number)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        parser.error(f"--host {host} --port {port}: expected an address to listen on, got {reason!r}")
    if not ipaddress.ip_address(address[0]).is_loopback:
        print(f"{parser.prog}: {host} is not loopback, other machines may reach this server", file=sys.stderr)
    return listening


def _serve_together(count: int, mock: Mock, listening: socket.socket, new_id: Ids, tls: ssl.SSLContext | None) -> int:
    from mock_server import asgi, wire, workers  # noqa: F401, PLC0415  imported once, before the fork

    mock.shared = True

    def work(worker: workers.Worker) -> None:
        new_id.renew()
        _serve(mock, worker.listening, tls, worker)

    address = _address(listening, tls)
    return workers.run(
        workers.sockets(listening, count, _BACKLOG),
        work,
        started=lambda: print(address, flush=True),
        tell=lambda line: _tell(f"{_PROGRAM}: {line}"),
        grace_s=GRACE_S,
    )


def _serve(mock: Mock, listening: socket.socket, tls: ssl.SSLContext | None, worker: Worker | None = None) -> None:
    import uvicorn  # noqa: PLC0415  a wrong command line is told at once

    from mock_server.asgi import App  # noqa: PLC0415
    from mock_server.wire import protocol  # noqa: PLC0415

    config = uvicorn.Config(
        App(mock),
        http=cast("type[Any]", protocol(mock)),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
    )
    server = uvicorn.Server(config) if worker is None else worker.server(config)

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    # uvicorn raises the signal again when it is done: that must find us, not the default which kills
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _collect_rarely()
    if worker is None:
        print(_address(listening, tls), flush=True)
    server.run(sockets=[listening])
    mock.journal.stop(mock.clock())


def _collect_rarely() -> None:
    """Keeps garbage collections from holding up the streams: one that looks through everything takes up to 50 ms.

    What was loaded is not looked through again, and what comes and goes is counted in tens of thousands.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def _address(listening: socket.socket, tls: ssl.SSLContext | None) -> str:
    scheme = "http" if tls is None else "https"
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_WORKERS} processes, got {text!r}")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, got {text!r}")
    return int(text)


def _ms(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected milliseconds, not negative, got {text!r}")
    return value


def _lengths(text: str) -> tuple[int, int]:
    prompt, _, completion = text.partition(":")
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**9 for part in (prompt, completion)):
        raise argparse.ArgumentTypeError(f"expected tokens as PROMPT:COMPLETION, such as 500:100, got {text!r}")
    return int(prompt), int(completion)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds, more than none, got {text!r}")
    return value


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < len(text) <= 12:
        raise argparse.ArgumentTypeError(f"expected a number of bytes, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
