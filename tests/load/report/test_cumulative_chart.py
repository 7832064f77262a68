"""Two distributions in one chart: valid SVG whatever the values, and lines where the values are."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.load.estimators.ddsketch import Sketch
from mixtral_contract.load.report.cumulative_chart import cumulative

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=40)


def sketch(values: Sequence[float]) -> Sketch:
    """The sketch of these values."""
    made = Sketch()
    for value in values:
        made.add(value)
    return made


def lines(svg: str) -> list[list[tuple[float, float]]]:
    """The corners of each curve."""
    root = ET.fromstring(svg)  # noqa: S314 -- our own text
    found = []
    for path in root.iter(f"{SVG}path"):
        corners: list[tuple[float, float]] = []
        for command, numbers in re.findall(r"([MHV])([-0-9. ]+)", path.attrib["d"]):
            first, *rest = map(float, numbers.split())
            if command == "M":
                corners.append((first, *rest))  # type: ignore[arg-type]
            else:
                corners.append((first, corners[-1][1]) if command == "H" else (corners[-1][0], first))
        found.append(corners)
    return found


@given(VALUES, VALUES)
def test_cumulative__is_valid_whatever_the_values(first: list[float], second: list[float]) -> None:
    """Each line goes to the right and up, and ends at the top, inside the drawing."""
    svg = cumulative("ttft", "ms", [("first", sketch(first)), ("second", sketch(second))])
    assert not re.search(r"nan|inf\b|None", svg)
    for corners in lines(svg):
        assert all(0 <= x <= 420 and 0 <= y <= 230 for x, y in corners)
        assert all(a[0] <= b[0] and a[1] >= b[1] for a, b in itertools.pairwise(corners))
    assert len({corners[-1] for corners in lines(svg)}) == 1


def test_cumulative__of_the_slower_run_lies_further_right() -> None:
    """The same shape at twice the time; half of the values on half of the height."""
    fast, slow = lines(cumulative("ttft", "ms", [("a", sketch([10, 20, 30, 40])), ("b", sketch([20, 40, 60, 80]))]))
    middle = (28 + 190) / 2
    assert next(x for x, y in fast if y == middle) < next(x for x, y in slow if y == middle)


def test_cumulative__starts_with_the_share_of_zeros() -> None:
    """A logarithmic axis has no place for them."""
    (only,) = lines(cumulative("gaps", "ms", [("a", sketch([0, 0, 0, 5]))]))
    assert only[0][1] == 190 - 0.75 * (190 - 28)


def test_cumulative__names_its_lines() -> None:
    """As text, not as markup."""
    svg = cumulative("ttft", "ms", [("<a>", sketch([1])), ("b", sketch([2]))])
    assert [text for text in re.findall(r">([^<]+)</text>", svg) if text in ("&lt;a&gt;", "b")] == ["&lt;a&gt;", "b"]
