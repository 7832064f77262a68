"""Four kinds of charts as SVG text: how a quantity is spread, how it went over time, one against another, and how it
follows the load.

Pure: numbers in, SVG out. Colours are the page's (CSS classes), so that a chart follows its light or dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mixtral_contract.load.report.axis import Scale, labels, log_ticks, ticks, top

WIDTH, HEIGHT = 420, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 408, 38, 190
_MOST_BARS = 48
_LEAST_RATIO = 1.1
_DIGIT = 7.2
"""The width of a digit, in units of the drawing."""
_FAR = 10.0
_LABEL_ROOM = 58
"""Room that the label of a marker takes, in units of the drawing."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a timeline; None is a gap. `style` is the CSS class that colours it."""

    name: str
    style: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve; `mark` is passed, failed, unresolved or nothing, `y` None stands above all others."""

    x: float
    y: float | None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points that belong together; `style` is the CSS class that colours the line."""

    name: str
    style: str
    points: Sequence[Point]


def histogram(
    title: str,
    unit: str,
    buckets: Sequence[tuple[float, float, int]],
    zeros: int,
    markers: Sequence[tuple[str, float]],
    *,
    limits: Sequence[float] = (),
) -> str:
    """Shares of values on a logarithmic axis: (low, high, count) in order; `markers` are (name, value).

    `limits` are those that the values should stay below; one beyond the axis stands at its end, with an arrow.
    """
    total = zeros + sum(count for _, _, count in buckets)
    bars = _bars(buckets)
    low, high = _ends(bars)
    x = Scale(low, high, _LEFT + (26 if zeros else 0), _RIGHT, logarithmic=True)
    shares = [100 * count / total for _, _, count in bars] + ([100 * zeros / total] if zeros else [])
    y = Scale(0, top(max(shares)), _BOTTOM, _TOP)
    parts = [*_y_axis(y, "% of all"), *_x_axis(x, log_ticks(low, high), unit)]
    parts += [_bar(x(left), x(right), y, 100 * count / total) for left, right, count in bars]
    if zeros:
        parts += [_bar(_LEFT + 4, _LEFT + 14, y, 100 * zeros / total), _text(_LEFT + 9, _BOTTOM + 15, "0", "middle")]
    parts += _markers([(name, value) for name, value in markers if value > 0], x)
    parts += [part for limit in limits for part in _limit(limit, x)]
    return _svg(f"{title}, distribution in {unit}", parts)


def scatter(
    title: str, x_unit: str, y_unit: str, points: Sequence[tuple[float, float]], *, limits: Sequence[float] = ()
) -> str:
    """A dot for each point, on axes from 0; `limits` are those that the second numbers should stay below.

    A limit far above all points is not drawn: it would press them flat.
    """
    highest = max((y for _, y in points), default=0)
    near = [limit for limit in limits if limit <= 2 * highest]
    x = Scale(0, top(max((each for each, _ in points), default=0)), _LEFT, _RIGHT)
    y = Scale(0, top(max([highest, *near])), _BOTTOM, _TOP)
    parts = [*_y_axis(y, y_unit), *_x_axis(x, ticks(0, x.high), x_unit)]
    parts += [f'<circle class="sample" cx="{x(left):.1f}" cy="{y(up):.1f}" r="2.2"/>' for left, up in points]
    parts += [part for limit in near for part in _level(limit, y, _RIGHT, "end")]
    return _svg(f"{title}, {y_unit} against {x_unit}", parts)


def timeline(title: str, unit: str, bin_s: float, series: Sequence[Series], window: tuple[float, float]) -> str:
    """Values over the seconds of a run, one per bin; what is outside the window is shaded."""
    end_s = max([window[1], *(len(each.values) * bin_s for each in series)])
    x = Scale(0, end_s or 1, _LEFT, _RIGHT)
    known = [value for each in series for value in each.values if value is not None]
    y = Scale(0, top(max(known, default=0)), _BOTTOM, _TOP)
    parts = [*_shades(x, window, end_s), *_y_axis(y, unit), *_x_axis(x, ticks(0, end_s), "s since the start")]
    for index, each in enumerate(series):
        parts += [f'<path class="line {each.style}" d="{path}"/>' for path in _paths(each.values, bin_s, x, y)]
        if len(series) > 1:
            parts += _legend(each, len(series) - index)
    return _svg(f"{title} over the run in {unit}", parts)


def curves(title: str, x_unit: str, y_unit: str, found: Sequence[Curve], *, limits: Sequence[float] = ()) -> str:
    """Latency against load: curves through points in the order of their x, on a logarithmic y axis.

    `limits` are those that the values should stay below; one far from all points is not drawn.
    """
    points = [point for curve in found for point in curve.points]
    values = [point.y for point in points if point.y]
    near = [limit for limit in limits if values and min(values) / _FAR <= limit <= max(values) * _FAR]
    low, high = _apart([*values, *near])
    x = Scale(0, top(max(point.x for point in points)), _LEFT, _RIGHT)
    y = Scale(low, high, _BOTTOM, _TOP, logarithmic=True)
    parts = [*_y_axis(y, y_unit, log_ticks(low, high, 5)), *_x_axis(x, ticks(0, x.high), x_unit)]
    for index, curve in enumerate(found):
        placed = [
            (x(point.x), _TOP if point.y is None else y(max(point.y, low)), point.mark)
            for point in sorted(curve.points, key=lambda p: p.x)
        ]
        path = "L".join(f"{left:.1f} {at:.1f}" for left, at, _ in placed)
        parts.append(f'<path class="line {curve.style}" d="M{path}"/>')
        parts += [_mark(left, at, mark) for left, at, mark in placed]
        if len(found) > 1:
            parts += _legend(Series(curve.name, curve.style, ()), len(found) - index)
    parts += [part for limit in near for part in _level(limit, y, _LEFT + 3, "start")]
    return _svg(f"{title} in {y_unit} against {x_unit}", parts)


def _apart(values: Sequence[float]) -> tuple[float, float]:
    """Ends for a logarithmic axis that holds the values with some room."""
    if not values:
        return 0.1, 1.0
    return min(values) / 1.25, max(values) * 1.25


_MARKS = {
    "": '<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>',
    "passed": '<circle class="dot good" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
    "failed": '<path class="cross bad" d="M{left:.1f} {above:.1f}L{right:.1f} {below:.1f}M{left:.1f} {below:.1f}'
    'L{right:.1f} {above:.1f}"/>',
    "unresolved": '<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
}
"""How a point is drawn; told apart by shape, not by colour alone."""


def _mark(x: float, y: float, mark: str) -> str:
    return _MARKS[mark].format(x=x, y=y, left=x - 4, right=x + 4, above=y - 4, below=y + 4)


def _svg(label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _bars(buckets: Sequence[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """The buckets in at most `_MOST_BARS` bars of equal width on the logarithmic axis."""
    if not buckets:
        return []
    low, high = buckets[0][0], buckets[-1][1]
    width = math.log(buckets[0][1] / low)
    wide = max(1, math.ceil(round(math.log(high / low) / width) / _MOST_BARS))
    counts: dict[int, int] = {}
    for left, _, count in buckets:
        index = round(math.log(left / low) / width) // wide
        counts[index] = counts.get(index, 0) + count
    return [
        (low * math.exp(index * wide * width), low * math.exp((index + 1) * wide * width), count)
        for index, count in sorted(counts.items())
    ]


def _ends(bars: Sequence[tuple[float, float, int]]) -> tuple[float, float]:
    """Ends for an axis that holds the bars and is wide enough to be read."""
    if not bars:
        return 0.1, 1.0
    low, high = bars[0][0], bars[-1][1]
    if high / low >= _LEAST_RATIO:
        return low, high
    middle = math.sqrt(low * high)
    return middle / math.sqrt(_LEAST_RATIO), middle * math.sqrt(_LEAST_RATIO)


def _bar(left: float, right: float, y: Scale, share: float) -> str:
    at = y(share)
    width = max(right - left - 0.6, 1)
    return f'<rect class="bar" x="{left:.1f}" y="{at:.1f}" width="{width:.1f}" height="{_BOTTOM - at:.1f}"/>'


def _markers(markers: Sequence[tuple[str, float]], x: Scale) -> Iterator[str]:
    """A line for each, in order; the first one's label stands before its line, so that no two meet."""
    for index, (name, value) in enumerate(markers):
        at = x(value)
        before = at > _LEFT + _LABEL_ROOM if index == 0 else at > _RIGHT - _LABEL_ROOM
        # a label that could not stand on its own side goes one row up
        row = 12 if before == bool(index) else 0
        yield f'<line class="marker" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 4 - row}" y2="{_BOTTOM}"/>'
        yield _text(at + (-3 if before else 3), _TOP - 4 - row, f"{name} {value:.4g}", "end" if before else "start")


def _limit(limit: float, x: Scale) -> Iterator[str]:
    at = x(limit)
    arrow = " →" if limit > x.high else ""
    before = at > (_LEFT + _RIGHT) / 2
    yield f'<line class="limit" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_BOTTOM}"/>'
    yield _text(at + (-4 if before else 4), _TOP + 11, f"slo {limit:.4g}{arrow}", "end" if before else "start")


def _level(limit: float, y: Scale, text_at: float, anchor: str) -> Iterator[str]:
    at = y(limit)
    yield f'<line class="limit" x1="{_LEFT}" x2="{_RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
    yield _text(text_at, at - 4, f"slo {limit:.4g}", anchor)


def _paths(values: Sequence[float | None], bin_s: float, x: Scale, y: Scale) -> Iterator[str]:
    """A step for each bin; a gap starts a new path."""
    steps: list[str] = []
    for index, value in enumerate([*values, None]):
        if value is None:
            if steps:
                yield "M" + "L".join(steps)
            steps = []
            continue
        at = f"{y(value):.1f}"
        steps += [f"{x(index * bin_s):.1f} {at}", f"{x((index + 1) * bin_s):.1f} {at}"]


def _shades(x: Scale, window: tuple[float, float], end_s: float) -> Iterator[str]:
    for name, start, end in (("warm-up", 0.0, window[0]), ("end", window[1], end_s)):
        left, right = x(start), x(end)
        if right - left < 1:
            continue
        yield f'<rect class="shade" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{_BOTTOM - _TOP}"/>'
        if right - left > 50:
            yield _text((left + right) / 2, _TOP + 12, name, "middle")


def _legend(series: Series, place: int) -> Iterator[str]:
    at = _RIGHT - 54 * place
    yield f'<line class="line {series.style}" x1="{at}" x2="{at + 16}" y1="12" y2="12"/>'
    yield _text(at + 20, 16, series.name, "start")


def _y_axis(y: Scale, unit: str, values: Sequence[float] | None = None) -> Iterator[str]:
    yield _text(4, 16, unit, "start")
    values = ticks(y.low, y.high, 5) if values is None else values
    for value, label in zip(values, labels(values), strict=True):
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield _text(_LEFT - 5, y(value) + 4, label, "end")


def _x_axis(x: Scale, values: Sequence[float], unit: str) -> Iterator[str]:
    for value, label in zip(values, labels(values), strict=True):
        yield f'<line class="tick" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 4}"/>'
        yield _text(min(x(value), WIDTH - _DIGIT / 2 * len(label)), _BOTTOM + 15, label, "middle")
    yield _text((_LEFT + _RIGHT) / 2, HEIGHT - 6, unit, "middle")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
