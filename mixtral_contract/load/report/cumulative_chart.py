"""A chart of two runs or more, one over the other: which share of a quantity's values lies below each value.

Pure: sketches in, SVG out; colours are the page's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.report.axis import Scale, labels, log_ticks

_WIDTH, _HEIGHT = 420, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 402, 28, 190
_STYLES = ("first", "second")
_LEAST_RATIO = 1.1
_FINEST = 0.5
"""Steps closer together than this, in units of the drawing, become one."""


def cumulative(title: str, unit: str, runs: Sequence[tuple[str, Sketch]]) -> str:
    """A step line for each of (name, values); each sketch has a value, and there are at most two of them."""
    x = _values_axis([sketch for _, sketch in runs])
    y = Scale(0, 100, _BOTTOM, _TOP)
    parts = [*_grid(x, y, unit)]
    for place, ((name, sketch), style) in enumerate(zip(runs, _STYLES, strict=False)):
        parts.append(f'<path class="line {style}" d="{_steps(sketch, x, y)}"/>')
        left = _RIGHT - 80 * (len(runs) - place)
        parts.append(f'<line class="line {style}" x1="{left}" x2="{left + 16}" y1="12" y2="12"/>')
        parts.append(_text(left + 20, 16, name, "start"))
    label = escape(f"{title}, share of values up to each, in {unit}")
    head = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
    return f"{head}{''.join(parts)}</svg>"


def _values_axis(sketches: Sequence[Sketch]) -> Scale:
    buckets = [bucket for sketch in sketches for bucket in sketch.buckets()]
    low, high = min((low for low, _, _ in buckets), default=1.0), max((high for _, high, _ in buckets), default=1.0)
    if high / low < _LEAST_RATIO:
        low, high = low / _LEAST_RATIO, high * _LEAST_RATIO
    return Scale(low, high, _LEFT, _RIGHT, logarithmic=True)


def _grid(x: Scale, y: Scale, unit: str) -> Iterator[str]:
    yield _text(4, 16, "% of all", "start")
    for share in (0, 25, 50, 75, 100):
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>'
        yield _text(_LEFT - 5, y(share) + 4, str(share), "end")
    values = log_ticks(x.low, x.high, 5)
    for value, label in zip(values, labels(values), strict=True):
        yield f'<line class="tick" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 4}"/>'
        yield _text(x(value), _BOTTOM + 15, label, "middle")
    yield _text((_LEFT + _RIGHT) / 2, _HEIGHT - 6, unit, "middle")


def _steps(sketch: Sketch, x: Scale, y: Scale) -> str:
    """Up at each bucket's end; zeros, which a logarithmic axis has no place for, stand at its beginning."""
    seen = sketch.zeros
    path = f"M{x.start} {y(100 * seen / sketch.count):.1f}"
    drawn = float(x.start)
    for _, high, count in sketch.buckets():
        seen += count
        at = x(high)
        if at - drawn >= _FINEST or seen == sketch.count:
            path += f"H{at:.1f}V{y(100 * seen / sketch.count):.1f}"
            drawn = at
    return f"{path}H{x.end}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
