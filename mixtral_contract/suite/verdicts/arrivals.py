"""When the contents of a stream arrived, and whether something held them back on their way.

A proxy that buffers holds the first content of a long answer until its buffer is full or its time is over, and sends
many events at once then. A server that makes several tokens in one step sends the first one when it has it; several
tokens in one event, an answer that takes no time and a short one say nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.verdicts.verdict import Inconclusive, Unsupported, Violation

_AT_ONCE_NS = 200_000
"""Contents less than this apart arrived at one time: a write of the server may take two reads."""
_FEW = 5
"""Contents of a stream that is too short to tell, and contents at one time that are no bunch."""
_TELLING_NS = 20_000_000
"""A shorter stream cannot show whether it was held back, and a shorter hold is a machine that was busy elsewhere."""
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Arrival:
    """Contents that arrived at one time, and how long after those before them."""

    contents: int
    gap_ns: int

    @property
    def is_bunch(self) -> bool:
        """Whether the first of them waited for the last."""
        return self.contents >= _FEW and self.gap_ns >= _TELLING_NS


def arrivals(times_ns: Sequence[int], expected_ns: int) -> list[Arrival]:
    """The arrivals of contents at those times; the first one's gap is counted from when it was expected."""
    groups: list[list[int]] = []
    for at_ns in times_ns:
        if groups and at_ns - groups[-1][-1] < _AT_ONCE_NS:
            groups[-1].append(at_ns)
        else:
            groups.append([at_ns])
    before = [expected_ns, *(group[-1] for group in groups)]
    return [Arrival(len(group), group[0] - start) for group, start in zip(groups, before, strict=False)]


def generation_ns(long: Stream, short: Stream) -> int:
    """How long the long answer's contents took after the time at which the short one's first had come.

    Raises: Unsupported when either has too few contents.
    """
    times, first = long.content_times_ns(), short.content_times_ns()
    if len(times) < _FEW or not first:
        raise Unsupported(f"{len(times)} contents are too few to tell", exchange=long.exchange)
    return times[-1] - _expected_ns(long, first[0] - short.exchange.sent_ns)


def require_not_held_back(long: Stream, short: Stream) -> None:
    """Nothing when the contents of the long answer came when they were made, as far as that of a short one says.

    Raises: Violation when most of the time nothing came, and then many at once, the first ones among them; Unsupported
    for too few contents, Inconclusive for an answer that was made too fast, or where only later contents came so.
    """
    took_ns = generation_ns(long, short)
    if took_ns < _TELLING_NS:
        raise Inconclusive(f"{took_ns / 1e6:.0f} ms are too short to tell", exchange=long.exchange)
    times = long.content_times_ns()
    expected_ns = _expected_ns(long, short.content_times_ns()[0] - short.exchange.sent_ns)
    found = arrivals(times, expected_ns)
    bunches = [each for each in found if each.is_bunch]
    if sum(each.gap_ns for each in bunches) < _MOST * took_ns:
        return
    got = f"{len(times)} contents of {took_ns / 1e6:.0f} ms in {len(found)} arrivals"
    if not found[0].is_bunch:
        raise Inconclusive(
            f"{got}, the first alone: a gateway that holds them back, or a server that makes several at once",
            expected="contents one by one",
            exchange=long.exchange,
        )
    late = f"the first {found[0].contents} together, {found[0].gap_ns / 1e6:.0f} ms later than in a short answer"
    raise Violation(f"{got}, {late}", expected="each content when it is made", exchange=long.exchange)


def _expected_ns(long: Stream, first_ns: int) -> int:
    return long.exchange.sent_ns + first_ns
