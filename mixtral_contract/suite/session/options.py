"""The suite's options on pytest's command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from mixtral_contract.contract.openapi import DOCUMENT
from mixtral_contract.suite.client.client import IN_ALL
from mixtral_contract.suite.http.connection import MOST_BYTES
from mixtral_contract.suite.reporting.cost_estimate import SMOKE_COMPLETIONS
from mixtral_contract.suite.verdicts.coverage import LEAST_JUDGED


class OptionGroup(Protocol):
    """Where options are declared: pytest's, or what shows them without it."""

    def addoption(self, *names: str, **how: Any) -> object:
        """Declares one, as argparse does."""


def add_to(group: OptionGroup) -> None:
    """Declares the options."""
    add = group.addoption
    add("--target", metavar="NAME", help="mock (default), or a server of spec/targets.yaml, such as nvidia or vllm")
    add("--base-url", metavar="URL", help="address of the server under test, with any prefix")
    add(
        "--dialect",
        metavar="D",
        help="operation of spec/openapi.yaml that the address speaks, such as nvidia (default: that of a vendor's own "
        "address, and openai for any other)",
    )
    add("--model", metavar="M", help="model to ask for (default: the documented one; for openai what /v1/models names)")
    add("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    add("--no-key", action="store_true", help="send no key; the clauses about keys are NOT-RUN")
    for role, reason in (
        ("exhausted", "no credits"),
        ("forbidden", "no permission"),
        ("limited", "a small rate limit"),
    ):
        add(
            f"--{role}-key-env",
            metavar="NAME",
            help=f"environment variable with the key of an account that has {reason}; without it the clause is NOT-RUN",
        )
    add("--level", metavar="L", default="info", help="judge clauses down to must, should or info (default: info, all)")
    # pytest has an option --strict of its own (strict markers and the like); here a broken should fails the run too
    add(
        "--tier",
        metavar="T",
        default="full",
        help=f"smoke: only what can be judged on {SMOKE_COMPLETIONS} completions per dialect, or full (default)",
    )
    add("--dry-run", action="store_true", help="print what a run would cost, per tier and level, and send nothing")
    add(
        "--free",
        action="store_true",
        help="completions of this server cost nothing: ask for as many as show more, not for as few as will do "
        "(default: only the mock's cost nothing; a gateway on this machine may have a paid vendor behind it)",
    )
    add("--budget", metavar="N", help="use up at most N completions, a hard cap; what is left over is NOT-RUN")
    add("--rpm", metavar="N", help="send at most N requests per minute")
    add(
        "--request-timeout",
        default="30",
        metavar="S",
        help="seconds to wait for the next bytes of an answer, and four times that for all of it (default: 30)",
    )
    add(
        "--max-answer",
        default=f"{MOST_BYTES // 1_000_000}MB",
        metavar="SIZE",
        help="give an answer up that is longer, as it comes or decompressed; the answers of a run together may be "
        f"{IN_ALL} times as long (default: {MOST_BYTES // 1_000_000}MB)",
    )
    add(
        "--fuzz-seconds",
        metavar="N",
        help="send generated requests too, for N seconds per dialect; never where completions cost money",
    )
    add(
        "--min-judged",
        default=str(LEAST_JUDGED),
        metavar="SHARE",
        help="exit status 3 when less than this share of a dialect's musts could be judged "
        f"(UNSUPPORTED ones not counted; default: {LEAST_JUDGED})",
    )
    add("--baseline", type=Path, metavar="FILE", help="deviations that are accepted until a day: KNOWN, not FAIL")
    add("--spec", type=Path, default=DOCUMENT, metavar="FILE", help="the contract to hold to (default: our own)")
    add(
        "--report",
        type=Path,
        default=Path("reports/contract"),
        metavar="DIR",
        help="folder of verdicts.json, index.html, summary.md and badge.svg (default: reports/contract)",
    )
