"""What the instrument's own error is on a machine: its figures against a server that wrote down when it sent what.

Pure but for reading and writing the file: records and a journal in, errors out.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record

FORMAT = "load-calibration/1"

BOUND_MS = 25.0
"""So far off may ttft and gaps be at p99 for a rate to count as held."""

_NS_PER_MS = 1_000_000


class CalibrationError(ValueError):
    """The file holds no calibration; the message says in one line what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Errors:
    """How far a figure was from the truth, in ms without sign; None where there was nothing to compare."""

    n: int
    p50: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Step:
    """What was found at one rate: events per second that arrived, and streams under way at once."""

    events_per_s: float
    streams: int
    requests: int
    failed: int
    ttft_error_ms: Errors
    gap_error_ms: Errors
    cpu_share: float
    held: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """One calibration: where and when it was made, and its steps by rising rate; a quick one tried only low rates."""

    machine: Mapping[str, Any]
    date: str
    bound_ms: float
    steps: tuple[Step, ...]
    is_quick: bool = False

    @property
    def highest_events_per_s(self) -> float:
        """The highest rate that one process held, with all lower ones; 0 when it held none."""
        held = itertools.takewhile(lambda step: step.held, self.steps)
        return max((step.events_per_s for step in held), default=0.0)

    @property
    def limit_events_per_s(self) -> float | None:
        """Beyond which rate the figures of a run are in doubt; None where a quick one held all that it tried.

        Where no rate was held that is the lowest one: nothing is known of those below.
        """
        if self.highest_events_per_s and not self.is_quick:
            return self.highest_events_per_s
        return next((step.events_per_s for step in self.steps if not step.held), None)

    def at(self, events_per_s: float) -> Step | None:
        """The step that says most of a run at this rate: the next higher one that was held, else the highest held."""
        held = [step for step in self.steps if step.held]
        return next((step for step in held if step.events_per_s >= events_per_s), held[-1] if held else None)

    def report(self, events_per_s: float) -> dict[str, Any]:
        """What summary.json carries of it, for a run with so many events per second and process."""
        step = self.at(events_per_s)
        return {
            "date": self.date,
            "machine": dict(self.machine),
            "bound_ms": self.bound_ms,
            "highest_events_per_s": self.highest_events_per_s,
            "limit_events_per_s": self.limit_events_per_s,
            "at_events_per_s": None if step is None else step.events_per_s,
            "ttft_error_ms": None if step is None else asdict(step.ttft_error_ms),
            "gap_error_ms": None if step is None else asdict(step.gap_error_ms),
        }


def make_step(
    records: Sequence[Record],
    journal: Iterable[Mapping[str, Any]],
    *,
    seconds: float,
    cpu_share: float,
    bound_ms: float,
) -> Step:
    """The step in these records of `seconds` and the mock's journal of the same requests."""
    truth = {entry["completion_id"]: entry for entry in journal if entry["completion_id"] is not None}
    found = [(record, truth[record.completion_id]) for record in records if record.completion_id in truth]
    ttft = _errors([abs(error) for pair in found for error in _ttft_error_ms(*pair)])
    gaps = _errors([abs(error) for pair in found for error in _gap_errors_ms(*pair)])
    failed = sum(record.outcome is not Outcome.OK for record in records)
    within = all(errors.p99 is not None and errors.p99 <= bound_ms for errors in (ttft, gaps))
    return Step(
        events_per_s=round(sum(record.content_events for record in records) / seconds, 1),
        streams=round(sum(record.e2e_ms for record in records) / 1000 / seconds),
        requests=len(records),
        failed=failed,
        ttft_error_ms=ttft,
        gap_error_ms=gaps,
        cpu_share=round(cpu_share, 3),
        held=within and not failed and len(found) == len(records),
    )


def _ttft_error_ms(record: Record, entry: Mapping[str, Any]) -> Iterator[float]:
    """What the instrument said less what passed in the server: the way of both, the kernel's and ours."""
    if record.ttft_ms is not None and entry["first_after_ns"] is not None:
        yield record.ttft_ms - entry["first_after_ns"] / _NS_PER_MS


def _gap_errors_ms(record: Record, entry: Mapping[str, Any]) -> Iterator[float]:
    """Gap by gap; nothing where events and tokens are not one to one."""
    seen = [time_ns for time_ns, count in record.content for _ in range(count)]
    sent = entry["sent_after_ns"]
    if len(seen) != len(sent):
        return
    pairs = zip(itertools.pairwise(seen), itertools.pairwise(sent), strict=True)
    for (earlier, later), (before, after) in pairs:
        yield ((later - earlier) - (after - before)) / _NS_PER_MS


def _errors(values: list[float]) -> Errors:
    if not values:
        return Errors(0, None, None, None)
    values.sort()
    rank = [values[min(len(values) - 1, len(values) * percent // 100)] for percent in (50, 99)]
    return Errors(len(values), round(rank[0], 3), round(rank[1], 3), round(values[-1], 3))


def machine() -> dict[str, Any]:
    """What tells one machine from another, and one interpreter from another."""
    return {
        "name": platform.node(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def usual_path(environ: Mapping[str, str]) -> Path:
    """Where this user's calibration of this machine is.

    Source: XDG Base Directory Specification, XDG_STATE_HOME.
    """
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".local" / "state"
    return Path(state) / "mixtral-contract" / "calibration.json"


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Writes the file, and its folder.

    Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "format": FORMAT,
        "machine": dict(calibration.machine),
        "date": calibration.date,
        "bound_ms": calibration.bound_ms,
        "quick": calibration.is_quick,
        "highest_events_per_s": calibration.highest_events_per_s,
        "steps": [asdict(step) for step in calibration.steps],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """The calibration in the file.

    Raises: CalibrationError when there is none, or another machine's.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(f"{path}: expected a calibration, got {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CalibrationError(f"{path}: expected JSON, got {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CalibrationError(f"{path}: expected the format {FORMAT}, got another")
    here = machine()
    measured: Any = content.get("machine")
    for part in ("name", "processor", "cores"):
        if not isinstance(measured, dict) or measured.get(part) != here[part]:
            raise CalibrationError(f"{path}: expected one of this machine ({here[part]!r}), got {part} of another")
    try:
        steps = tuple(_step(step) for step in content["steps"])
        dt.datetime.fromisoformat(content["date"])
        return Calibration(
            measured, content["date"], float(content["bound_ms"]), steps, is_quick=content.get("quick") is True
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError(f"{path}: expected a calibration, got one without {error}") from error


def _step(step: Mapping[str, Any]) -> Step:
    errors = {name: Errors(**step[name]) for name in ("ttft_error_ms", "gap_error_ms")}
    return Step(**{**step, **errors})
