"""The options of `python -m mock_server`, what each expects, and the help; nothing is opened or read here."""

from __future__ import annotations

import argparse
import math
from functools import partial
from pathlib import Path

from mixtral_contract.contract.openapi import DOCUMENT
from mixtral_contract.mock.accounts.accounts import ACCOUNTS
from mixtral_contract.mock.cli import recording_options
from mixtral_contract.mock.incidents.active import HEADER
from mixtral_contract.mock.incidents.grammar import GRAMMAR
from mixtral_contract.mock.journal.journal import MOST_BYTES, MOST_REQUESTS
from mixtral_contract.mock.messages.limits import Limits
from mixtral_contract.mock.server.server import GRACE_S
from mixtral_contract.primitives.command_line import Parser

MOST_WORKERS = 64
"""More than this are a slip of the finger."""

MB = 1024 * 1024
PROGRAM = "python -m mock_server"
FIXTURES = "fixtures"
"""The first word of a command line that only looks at a file of fixtures."""
_DESCRIPTION = "Answers chat completion calls by the contract. The first line on stdout is the address."
_LIMITS = Limits()
_KEYS = "\n".join(f"  {account.key:<16}{account.purpose}" for account in ACCOUNTS)
_GRAMMAR = "\n".join(f"  {line}" for line in GRAMMAR.splitlines())
_EPILOG = f"""keys, unless --accounts names others (any other key is wrong):
{_KEYS}

beside the contract
  /_mock/       the live page; /_mock/api lists what else is under it (this machine only)
                /_mock/replies takes scripted replies while it runs, by POST
  /metrics      for Prometheus, under vLLM's names
  /v1/models    and /health, /v1/health/live, /v1/health/ready

any documented status on demand, with the request header
  Prefer: code=NNN      for example 429, 500 or 502; a status that is not documented is refused with the list of those
                        that are

one scripted reply, with the request header
  X-Mock-Reply: REPLY   a text, or a reply as JSON, such as
                        {{"tool_calls": [{{"name": "book", "arguments": {{"nights": 2}}}}]}}

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
  python -m mock_server --workers 4 --accounts mock_server/accounts.yaml
  python -m mock_server --incident '429*2,ok' --incident 'cut:after=5,by=rst;rate=0.1'
  python -m mock_server --record https://integrate.api.nvidia.com --cassette nvidia.yaml
  python -m mock_server --replay nvidia.yaml --pace x2
  python -m mock_server --fixtures mock_server/fixtures.yaml
  python -m mock_server fixtures check mock_server/fixtures.yaml
  curl http://127.0.0.1:8000/v1/chat/completions -H 'Authorization: Bearer mock-valid' \\
       -H 'Content-Type: application/json' -d '{{"messages": [{{"role": "user", "content": "hello"}}], "stream": true}}'

Ctrl-C or SIGTERM ends the server once running replies are out, after {GRACE_S} s at the latest.
exit status: 0 ended by a signal or predicted, 1 a worker ended unasked, 2 the command line, a file or the address
cannot be used"""


def parser() -> Parser:
    """What reads the arguments."""
    made = Parser(
        prog=PROGRAM,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--host", default="127.0.0.1", help="where to listen (default: %(default)s, this machine only)")
    add("--port", type=_port, default=8000, help="0 for any free port (default: %(default)s)")
    add(
        "--dialect",
        metavar="D",
        help="speak this dialect of the contract alone, such as openai (default: all of them; where two have one URL, "
        "the first has it and the other is below /DIALECT, as /openai/v1/chat/completions)",
    )
    add(
        "--require-key",
        action="store_true",
        help="ask for a key where the contract leaves that to the server, as openai does; --accounts asks too "
        "(default: any key or none will do there)",
    )
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
        help="keys with their credits, prices and limits, see mock_server/accounts.yaml (default: the keys below)",
    )
    add(
        "--fixtures",
        type=Path,
        metavar="FILE",
        help="scripted replies, see mock_server/fixtures.yaml; read again whenever the file changes (default: none)",
    )
    recording_options.add_to(made)
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
        default=MOST_BYTES // MB,
        metavar="N",
        help="and in how many MB of memory (default: %(default)s)",
    )
    add(
        "--journal-bodies",
        action="store_true",
        help="keep in both what was asked and answered too, without keys, within the same memory (default: no)",
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
    return made


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
