"""What there is to know of one figure of a load run; the table of them all is `metrics`."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

TOOLS = ("vllm", "guidellm", "aiperf", "genai-perf", "llmperf")
"""The tools whose names for our figures are known."""


class Place(enum.Flag):
    """Where a figure is shown."""

    NOWHERE = 0
    TERMINAL = enum.auto()
    """The table at a run's end."""
    TABLE = enum.auto()
    """The table of report.html."""
    CARD = enum.auto()
    """The cards at the top of report.html; the distribution below them, of a latency."""
    LIVE = enum.auto()
    """The page of a run that goes, and Prometheus."""
    STAGES = enum.auto()
    """The entries of a sweep or a search, and their charts."""
    TIMELINE = enum.auto()
    """The charts over the seconds of a run."""
    REQUESTS = enum.auto()
    """The lines of requests.jsonl."""
    OVERLAY = enum.auto()
    """The page that compares two runs: both distributions in one chart."""


class Source(enum.Enum):
    """What the attribute of a request's record holds from which a figure is made."""

    VALUE = enum.auto()
    """A number, None where the request has none."""
    VALUES = enum.auto()
    """A method that gives several numbers."""
    COUNTED = enum.auto()
    """A method that gives several pairs of a number and how often it counts."""
    RUN = enum.auto()
    """Nothing: the run as a whole has it, not a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure.

    `key` is its name in summary.json and, where a request has it, the attribute of the record. `definition` None means
    that it is defined with what it is a part of. `bound` is the figure that is a lower bound of this one for a request
    that was cut off, `compared` are the percentiles that a comparison of two runs judges (0 for a figure that is one
    number), `error` is what a calibration calls the error of it. `also_called` says what other tools call it and where
    theirs differs; None means that nobody looked.
    """

    key: str
    label: str
    unit: str
    definition: str | None
    source: Source = Source.RUN
    is_spread: bool = True
    needs_stream: bool = False
    is_objective: bool = False
    bound: str | None = None
    shown: Place = Place.NOWHERE
    compared: tuple[int, ...] = ()
    error: str | None = None
    also_called: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """The key without its unit, as objectives, comparisons and columns have it."""
        return self.key.removesuffix("_ms")

    def column(self, percent: int) -> str:
        """What a percentile of it is called where each is a column or a series of its own."""
        return f"{self.name}_p{percent}_ms"

    @property
    def other_names(self) -> dict[str, str | None]:
        """What each tool calls it; None: the tool has no such figure, or none was found."""
        return {tool: (self.also_called or {}).get(tool) for tool in TOOLS}
