"""`--record`, `--replay` and what goes with them: the application that stands in the place of the mock."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mixtral_contract.contract.openapi import Contract, ContractError
from mixtral_contract.mock.recording.asgi_helpers import Application
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.primitives.extras import missing

_BESIDE = frozenset(
    ("host", "port", "record", "replay", "cassette", "pace", "spec", "max_body_bytes", "tls_cert", "tls_key")
)
"""What means the same to a server that records or replays as to the mock, or is meant for it."""
_FLAGS = {"breaks": "--break", "incidents": "--incident", "layer": "--as"}
_SPEED = re.compile(r"x([0-9]+(?:\.[0-9]+)?)")


def add_to(parser: Parser) -> None:
    """Declares the options."""
    add = parser.add_argument
    add(
        "--record",
        type=_upstream,
        metavar="URL",
        help="pass everything on to this server, and write what is asked and answered into --cassette, without keys",
    )
    add(
        "--cassette",
        type=Path,
        metavar="FILE",
        help="where --record writes, spec/cassette.schema.yaml; what is there of the same server stays",
    )
    add("--replay", type=Path, metavar="FILE", help="answer what was recorded there, and nothing else")
    add(
        "--pace",
        type=_speed,
        default=1.0,
        metavar="P",
        help="recorded: at the times of the recording (default); x2: twice as fast; none: at once; with --replay",
    )


def is_asked(options: argparse.Namespace) -> bool:
    """Whether another application than the mock is wanted."""
    return any(value is not None for value in (options.record, options.cassette, options.replay)) or options.pace != 1.0


def check(parser: Parser, options: argparse.Namespace) -> None:
    """Ends the program when the options do not go together."""
    if options.record is not None and options.replay is not None:
        parser.error("--record, --replay: expected one of them, got both")
    if options.record is None and options.cassette is not None:
        parser.error("--cassette: expected --record with it, got none; --replay FILE answers from one")
    if options.record is not None and options.cassette is None:
        parser.error("--record: expected --cassette FILE with it, got none")
    if options.replay is None and options.pace != 1.0:
        parser.error("--pace: expected --replay with it, got none")
    if options.record is not None and (wrong := missing("record")) is not None:
        parser.error(f"--record: {wrong}")
    mode = "--record" if options.record is not None else "--replay"
    for name, value in vars(options).items():
        if name not in _BESIDE and value != parser.get_default(name):
            flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
            parser.error(f"{mode}: expected no {flag} beside it, got one: it speaks of the mock")


@contextmanager
def application(parser: Parser, options: argparse.Namespace, tell: Callable[[str], None]) -> Iterator[Application]:
    """What is to be served, until the end of which everything that it has to write is written."""
    from mixtral_contract.mock.recording import asgi_helpers as edge  # noqa: PLC0415  the mock does without

    edge.cut_in_silence()
    if options.record is not None:
        with _recorder(parser, options, tell) as recorder:
            yield recorder
    else:
        yield _replayer(parser, options, tell)


@contextmanager
def _recorder(parser: Parser, options: argparse.Namespace, tell: Callable[[str], None]) -> Iterator[Application]:
    from mixtral_contract.cassettes.reader import CassetteError  # noqa: PLC0415
    from mixtral_contract.mock.recording import proxy as relay  # noqa: PLC0415
    from mixtral_contract.mock.recording.background_writer import Recording  # noqa: PLC0415
    from mixtral_contract.mock.recording.cassette_file import CassetteFile  # noqa: PLC0415

    today = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        file = CassetteFile(options.cassette, options.record.url, today, tell)
    except CassetteError as error:
        parser.error(f"--cassette: {error}")
    except OSError as error:
        parser.error(f"--cassette: {options.cassette}: expected a file to write, got {error.strerror}")
    recording = Recording(file, tell)
    try:
        yield relay.RecordingProxy(
            options.record,
            relay.client(options.record),
            keep=recording.keep,
            tell=tell,
            most_bytes=options.max_body_bytes,
        )
    finally:
        recording.close()


def _replayer(parser: Parser, options: argparse.Namespace, tell: Callable[[str], None]) -> Application:
    from mixtral_contract.cassettes.reader import Cassette, CassetteError  # noqa: PLC0415
    from mixtral_contract.mock.recording.replay import Replay  # noqa: PLC0415
    from mixtral_contract.mock.recording.replay_app import Replayer  # noqa: PLC0415

    try:
        contract = Contract.load(options.spec)
        cassette = Cassette.load(options.replay)
    except ContractError as error:
        parser.error(f"--spec: {error}")
    except CassetteError as error:
        parser.error(f"--replay: {error}")
    if cassette.torn:
        tell(f"{options.replay}: the last exchange was not written to its end, and is left out")
    tell(f"{options.replay}: {len(cassette.exchanges)} exchanges of {cassette.upstream}, begun {cassette.recorded}")
    return Replayer(Replay(cassette), contract, speed=options.pace, most_bytes=options.max_body_bytes)


def _upstream(text: str) -> BaseUrl:
    try:
        return BaseUrl.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _speed(text: str) -> float | None:
    if text in ("recorded", "none"):
        return 1.0 if text == "recorded" else None
    found = _SPEED.fullmatch(text)
    if found is None or not 0 < float(found[1]) < math.inf:
        raise argparse.ArgumentTypeError(f"expected recorded, none, or how much faster as in x2, got {text!r}")
    return float(found[1])
