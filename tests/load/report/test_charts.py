"""Charts are valid SVG whose parts lie inside the drawing."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.report.axis import Scale, log_ticks, ticks, top
from mixtral_contract.load.report.charts import (
    HEIGHT,
    WIDTH,
    Curve,
    Point,
    Series,
    curves,
    histogram,
    scatter,
    timeline,
)

SVG = "{http://www.w3.org/2000/svg}"
LATENCIES = st.lists(st.one_of(st.just(0.0), st.floats(0.001, 1e7)), min_size=1, max_size=60)
THOUSANDTHS = st.integers(0, 10**9).map(lambda number: number / 1000)
SAMPLES = st.lists(st.none() | st.floats(0, 1e6), max_size=150)


def parsed(svg: str) -> ET.Element:
    """The drawing; all its numbers are finite and inside."""
    root = ET.fromstring(svg)  # noqa: S314 -- our own text
    assert not re.search(r"nan|inf\b|None", svg)
    for element in root.iter():
        for name, size in (
            ("x", WIDTH),
            ("x1", WIDTH),
            ("x2", WIDTH),
            ("y", HEIGHT),
            ("y1", HEIGHT),
            ("y2", HEIGHT),
            ("cx", WIDTH),
            ("cy", HEIGHT),
        ):
            if name in element.attrib:
                assert -1 <= float(element.attrib[name]) <= size + 1
    for label in root.iter(f"{SVG}text"):
        if label.attrib["text-anchor"] == "middle":
            assert float(label.attrib["x"]) + 3 * len(label.text or "") <= WIDTH + 1
    return root


def texts(root: ET.Element) -> list[str]:
    """What stands in the drawing."""
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@given(LATENCIES)
def test_histogram__is_valid_whatever_the_values(values: list[float]) -> None:
    """From one value to many decades, zeros included."""
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    markers = [(f"p{percent}", sketch.percentile(percent) or 0.0) for percent in (50, 95)]
    root = parsed(histogram("ttft", "ms", sketch.buckets(), sketch.zeros, markers))
    assert {"ms", "% of all"} <= set(texts(root))


def test_histogram__shows_shares() -> None:
    """One of four values in one bar, three in the other: the highest bar ends at its tick."""
    sketch = Sketch()
    sketch.add(10.0)
    sketch.add(1000.0, 3)
    root = parsed(histogram("e2e", "ms", sketch.buckets(), 0, []))
    heights = [float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect")]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.01)


def test_histogram__has_zeros_apart() -> None:
    """A logarithmic axis has no 0; those values have a bar of their own."""
    sketch = Sketch()
    sketch.add(0.0, 5)
    sketch.add(20.0, 5)
    root = parsed(histogram("icl", "ms", sketch.buckets(), sketch.zeros, []))
    assert len(list(root.iter(f"{SVG}rect"))) == 2
    assert texts(root).count("0") == 2


@given(SAMPLES, SAMPLES, st.integers(1, 60), st.floats(0, 100), st.floats(0, 1000))
def test_timeline__is_valid_whatever_the_values(
    first: list[float | None], second: list[float | None], bin_s: int, start_s: float, length_s: float
) -> None:
    """Gaps, empty series, a window beyond the last bin."""
    series = [Series("p50", "first", first), Series("p95", "second", second)]
    root = parsed(timeline("ttft", "ms", bin_s, series, (start_s, start_s + length_s)))
    assert {"ms", "s since the start", "p50", "p95"} <= set(texts(root))


def test_timeline__interrupts_its_line_at_a_gap() -> None:
    """A second without a sample is no 0 and no straight line."""
    root = parsed(timeline("e2e", "ms", 1, [Series("", "first", [1.0, None, 3.0, 4.0])], (0, 4)))
    assert len(list(root.iter(f"{SVG}path"))) == 2


def test_timeline__shades_what_is_not_measured() -> None:
    """Warm-up and end, where there is any."""
    line = [Series("", "first", [1.0] * 10)]

    def shades(window: tuple[float, float]) -> int:
        return len(list(parsed(timeline("x", "ms", 1, line, window)).iter(f"{SVG}rect")))

    assert [shades((0, 10)), shades((3, 10)), shades((3, 6))] == [0, 1, 2]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (98, 106, [98, 100, 102, 104, 106])],
)
def test_ticks__are_round(low: float, high: float, expected: list[float]) -> None:
    """Steps of 1, 2 or 5 times a power of ten."""
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_log_ticks__follow_the_decades() -> None:
    """Fewer per decade where there are many decades; equal steps where there is not even one."""
    assert log_ticks(9, 110) == [10, 20, 50, 100]
    assert log_ticks(0.5, 5e5) == [1, 10, 100, 1000, 10000, 100000]
    assert log_ticks(98, 106) == pytest.approx([98, 100, 102, 104, 106])


@given(st.floats(1e-9, 1e12))
def test_top__holds_the_highest_value(highest: float) -> None:
    """And is not far above it."""
    assert highest <= top(highest) * (1 + 1e-9) <= highest * 2.6


@pytest.mark.parametrize("options", [{}, {"logarithmic": True}])
def test_scale__keeps_values_inside(options: dict[str, Any]) -> None:
    """The ends map to the ends; what lies outside is drawn at the border."""
    scale = Scale(1, 100, 10, 20, **options)
    assert [scale(value) for value in (0.5, 1, 100, 500)] == [10, 10, 20, 20]


@given(
    st.lists(
        st.tuples(THOUSANDTHS, st.none() | THOUSANDTHS, st.sampled_from(["", "passed", "failed", "unresolved"])),
        min_size=1,
        max_size=30,
    )
)
def test_curves__are_valid_whatever_the_points(points: list[tuple[float, float, str]]) -> None:
    """One point, equal points, zeros, many decades."""
    curve = Curve("p50", "first", [Point(*point) for point in points])
    root = parsed(curves("ttft", "requests/s", "ms", [curve, Curve("p95", "second", curve.points)]))
    assert {"ms", "requests/s", "p50", "p95"} <= set(texts(root))


@pytest.mark.parametrize(("limit", "drawn"), [(50.0, 1), (900.0, 1), (2000.0, 0), (0.9, 0)])
def test_curves__have_limits_that_are_not_far(limit: float, drawn: int) -> None:
    """One that is ten times as high as all points would press them flat."""
    points = Curve("p50", "first", [Point(1, 10), Point(2, 100)])
    root = parsed(curves("ttft", "requests/s", "ms", [points], limits=[limit]))
    assert sum(element.attrib.get("class") == "limit" for element in root.iter()) == drawn
    assert (f"slo {limit:g}" in set(texts(root))) == bool(drawn)


def test_curves__mark_verdicts_by_shape() -> None:
    """Whoever sees no colours sees a dot, a cross and a ring."""
    marks = [Point(1, 1, "passed"), Point(2, 2, "failed"), Point(3, None, "unresolved"), Point(4, 4)]
    root = parsed(curves("ttft", "requests/s", "ms", [Curve("p50", "first", marks)]))
    shapes = [
        element.attrib["class"]
        for element in root.iter()
        if element.attrib.get("class", "")[:3] in ("dot", "cro", "rin")
    ]
    assert shapes == ["dot good", "cross bad", "ring", "dot"]


@pytest.mark.parametrize("high", [5e-324, 1e-320, 0.0])
def test_ticks__of_next_to_nothing_are_one(high: float) -> None:
    """A scale so short that its sixth part is no number."""
    assert ticks(0.0, high) == [0.0]


@pytest.mark.parametrize(("limit", "shown"), [(50.0, "slo 50"), (5000.0, "slo 5000 →"), (1.0, "slo 1")])
def test_histogram__shows_limits_even_beyond_its_axis(limit: float, shown: str) -> None:
    """A line inside the drawing, and its value; an arrow says that it is further right."""
    sketch = Sketch()
    sketch.add(10.0)
    sketch.add(100.0)
    root = parsed(histogram("ttft", "ms", sketch.buckets(), 0, [], limits=[limit]))
    assert shown in texts(root)
    assert len([line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "limit"]) == 1


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 1e7)), max_size=50), st.floats(0.001, 1e7))
def test_scatter__is_valid_whatever_the_points(points: list[tuple[float, float]], limit: float) -> None:
    """A dot for each, inside the drawing; a limit far above them is left out."""
    root = parsed(scatter("ttft", "tokens", "ms", points, limits=[limit]))
    assert len(list(root.iter(f"{SVG}circle"))) == len(points)
    lines = [line for line in root.iter(f"{SVG}line") if line.attrib["class"] == "limit"]
    assert bool(lines) == (limit <= 2 * max((y for _, y in points), default=0))


def test_scatter__puts_points_where_they_belong() -> None:
    """Further right with more tokens, further up with more milliseconds."""
    root = parsed(scatter("ttft", "tokens", "ms", [(10, 100.0), (20, 300.0)]))
    first, second = ((float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in root.iter(f"{SVG}circle"))
    assert first[0] < second[0]
    assert first[1] > second[1]
