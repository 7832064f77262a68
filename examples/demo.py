"""What `make demo` does: a server, the suite on it, a load run on it, and one page that leads to both reports.

Starts the commands that a user would type, and nothing else; Ctrl-C ends them.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from mixtral_contract.contract.openapi import Contract
from mixtral_contract.contract.presets import presets
from mixtral_contract.primitives.command_line import Parser
from mixtral_contract.suite.target.target import TargetError, choose, reach, running

_LOAD_S = 20
_LOCAL_USERS = 20
_PAID_BUDGET = 60
"""Completions that the suite may use up on an endpoint that costs money."""
_PACE = {"ttft_ms": 20, "itl_ms": 2}
"""What the load run finds on the mock; the suite asks hundreds of questions, and judges no pace."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demonstration runs: an address, the options that name it, and whether its completions cost money.

    `ours` is true for the mock, which answers at once until it is given a pace.
    """

    name: str
    base_url: str
    dialect: str
    suite_options: tuple[str, ...]
    load_options: tuple[str, ...]
    paid: bool
    ours: bool = False


def main() -> int:
    """Runs the demonstration; 0 when all went well, 1 when something fell, 2 when the command line is no good."""
    options = _options()
    folder: Path = options.report
    started_s = time.monotonic()
    try:
        with _place(options) as place:
            print(f"server   {place.name} at {place.base_url}")
            suite = _suite(place, folder / "contract")
            if place.ours:
                _set_pace(place.base_url)
            load = _load(place, folder / "load", options.seconds)
    except TargetError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    verdicts, summary = _read(folder / "contract" / "verdicts.json"), _read(folder / "load" / "summary.json")
    headline = (
        f"{_sentence(verdicts, 'the suite wrote no verdicts')}; {_sentence(summary, 'the load run wrote no summary')}"
    )
    page = folder / "index.html"
    page.write_text(_page(headline, place, verdicts, summary), encoding="utf-8")
    print(f"\nfound    {headline}")
    print(f"took     {time.monotonic() - started_s:.0f} s")
    print(f"report   {page}")
    return 1 if suite or load or verdicts is None or summary is None else 0


def _options() -> argparse.Namespace:
    parser = Parser(prog="demo", description="The mock or a live endpoint: the suite on it, a load run on it.")
    parser.add_argument(
        "--target", default="mock", help="mock, segmind, segmind-openai or nvidia (default: %(default)s)"
    )
    parser.add_argument("--base-url", help="address of another endpoint")
    parser.add_argument("--dialect", help="dialect of that endpoint (default: nvidia)")
    parser.add_argument("--model", help="model to ask for (default: the documented one)")
    parser.add_argument("--api-key-env", help="environment variable that holds the key")
    parser.add_argument("--seconds", type=int, default=_LOAD_S, help="length of the load run (default: %(default)s)")
    parser.add_argument("--report", type=Path, default=Path("reports/demo"), help="folder (default: %(default)s)")
    options = parser.parse_args()
    if options.seconds < 1:
        parser.error(f"--seconds: expected a whole number above 0, got {options.seconds}")
    return options


@contextmanager
def _place(options: argparse.Namespace) -> Iterator[Place]:
    contract = Contract.load()
    if options.target == "mock" and options.base_url is None:
        with running(choose(contract)) as mock:
            address = mock.base_url or ""
            suite_options = ("--target", "mock", "--base-url", address)
            yield Place("the mock", address, "nvidia", suite_options, (), paid=False, ours=True)
        return
    live = options.target if options.target != "mock" else None
    dialect = options.dialect or (None if live else "nvidia")
    # refuses a bad name, a bad address or a missing key before anything is sent
    chosen = choose(
        contract,
        name=live,
        base_url=options.base_url,
        dialect=dialect,
        model=options.model,
        api_key_env=options.api_key_env,
    )
    variable = options.api_key_env or (presets(contract)[live].api_key_env if live else None)
    address = chosen.base_url or ""
    reach(address)
    shared = [
        *(["--model", options.model] if options.model else []),
        *(["--api-key-env", variable] if variable else []),
    ]
    suite = [*(["--target", live] if live else ["--dialect", chosen.dialects[0]]), "--base-url", address, *shared]
    yield Place(live or address, address, chosen.dialects[0], tuple(suite), tuple(shared), paid=chosen.paid)


def _suite(place: Place, folder: Path) -> int:
    budget = ["--budget", str(_PAID_BUDGET)] if place.paid else []
    print("suite    pytest contract_tests", *place.suite_options, *budget, flush=True)
    command = ["-m", "pytest", "contract_tests", "-q", "--report", str(folder), *place.suite_options, *budget]
    return _run([sys.executable, *command], folder.with_suffix(".log"), "contract")


def _set_pace(base_url: str) -> None:
    httpx.patch(f"{base_url}/_mock/state", json={"pace": _PACE}, trust_env=False).raise_for_status()


def _load(place: Place, folder: Path, seconds: int) -> int:
    users = 1 if place.paid else _LOCAL_USERS
    options = ["--host", place.base_url, "--dialect", place.dialect, *place.load_options]
    options += ["-u", str(users), "-r", str(users), "-t", f"{seconds}s", "--warmup", f"{min(3, seconds // 4)}s"]
    # whoever names a live target to the demo has read what it costs
    options += ["--yes-this-costs-money"] if place.paid else []
    print("load     locust -f load/ --headless", *options, flush=True)
    command = [str(Path(sys.executable).with_name("locust")), "-f", "load/", "--headless", "--only-summary", *options]
    return _run([*command, "--out", str(folder)], folder.with_suffix(".log"), "load")


def _run(command: list[str], log: Path, name: str) -> int:
    """The exit status of a command whose output goes to a log, with a line that says how long it has been running."""
    log.parent.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "COLUMNS": "120"}
        )
        try:
            while process.poll() is None:
                if sys.stderr.isatty():
                    print(f"\r         {time.monotonic() - started_s:4.0f} s", end="", file=sys.stderr, flush=True)
                time.sleep(0.2)
        finally:
            process.terminate()
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    if process.returncode:
        print(f"         {name} ended with exit status {process.returncode}, see {log}")
    return process.returncode


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _sentence(report: dict[str, Any] | None, otherwise: str) -> str:
    return str(report["headline"]).rstrip(".") if report else otherwise


def _page(headline: str, place: Place, verdicts: dict[str, Any] | None, summary: dict[str, Any] | None) -> str:
    found = ", ".join(f"{count} {name}" for name, count in (verdicts or {}).get("counts", {}).items()) or "no verdicts"
    speed = _sentence(summary, "no summary")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{html.escape(place.name)}: contract and load</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.3rem; line-height: 1.35; }}
a.card {{ display: block; border: 1px solid #8886; border-radius: .6rem; padding: .8rem 1rem; margin: .8rem 0;
  text-decoration: none; color: inherit; }}
a.card b {{ color: light-dark(#2457c5, #8ab4ff); }}
</style></head><body>
<h1>{html.escape(headline[:1].upper() + headline[1:])}.</h1>
<p>{html.escape(place.name)} at {html.escape(place.base_url)}; the load run spoke {html.escape(place.dialect)}.</p>
<a class="card" href="contract/index.html"><b>Does it keep its contract?</b><br>{html.escape(found)}</a>
<a class="card" href="load/report.html"><b>How fast is it?</b><br>{html.escape(speed)}</a>
</body></html>
"""


if __name__ == "__main__":
    sys.exit(main())
