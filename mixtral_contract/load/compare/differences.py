"""What was asked of two runs differently: the settings that explain another figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mixtral_contract.load.compare.run_folder import RunFolder
from mixtral_contract.primitives.base_url import BaseUrl

_WORKLOAD = (
    *("dialect", "contract", "model", "streamed", "arrivals", "users", "prompt_tokens", "max_tokens"),
    *("prefix_share", "images", "workload", "turns", "think_s", "warmup_s", "request"),
)
_INSTRUMENT = ("workers", "timeout_s")

DECISIVE = (*_WORKLOAD, "target_kind", "stage", "tokens_are")
"""The settings in which two runs have to be alike, or one of them is not compared with the other."""

LENGTHS = "lengths"
"""What `may_differ` calls the lengths that prompts and answers turned out to have."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting with its two values; None is none."""

    setting: str
    first: Any
    second: Any

    def __str__(self) -> str:
        return f"{self.setting} {' and '.join('none' if each is None else str(each) for each in self.values)}"

    @property
    def values(self) -> tuple[Any, Any]:
        """Both values."""
        return self.first, self.second

    @property
    def is_decisive(self) -> bool:
        """Whether it makes two runs unlike; else it is only told."""
        return self.setting in DECISIVE


def differences(first: RunFolder, second: RunFolder) -> tuple[Difference, ...]:
    """The settings that differ; what one of the runs did not write down is not known to."""
    found = (_asked(run.summary) for run in (first, second))
    before, after = found
    return tuple(
        Difference(name, value, after[name]) for name, value in before.items() if name in after and after[name] != value
    )


def _asked(summary: Mapping[str, Any]) -> dict[str, Any]:
    run = summary["run"]
    asked = {name: run[name] for name in (*_WORKLOAD, *_INSTRUMENT) if name in run}
    if summary.get("stages"):
        # each stage has a warm-up of its own, and the run's is all that went before the last
        del asked["warmup_s"]
    return {**asked, "target_kind": _kind(run["target"]), **dict(_measured(summary))}


def _measured(summary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "stage", summary["stages"][-1]["load"] if summary.get("stages") else None
    if summary.get("tokens_are") in ("usage", "estimate"):
        yield "tokens_are", summary["tokens_are"]


def _kind(target: str) -> str:
    """Where the server was: on this machine, in a private network, or anywhere."""
    try:
        url = BaseUrl.parse(target)
    except ValueError:
        # a report that was made of requests alone knows of no target
        return target
    if url.is_loopback:
        return "this machine"
    return "private network" if url.is_private else "public network"
