"""A strict reader of Prometheus' text format.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL},)*{_LABEL})\}})? (\S+)")

Labels = tuple[tuple[str, str], ...]


class Series(dict[tuple[str, Labels], float]):
    """The samples by name and labels, whose order says nothing: any order finds them."""

    def __missing__(self, key: tuple[str, Labels]) -> float:
        name, labels = key
        for (other, its_labels), value in self.items():
            if other == name and sorted(its_labels) == sorted(labels):
                return value
        raise KeyError(key)


def parse(text: str) -> tuple[Mapping[str, str], Series]:
    """The type of each metric, and the samples; AssertionError when the format is not kept."""
    assert text.endswith("\n")
    types: dict[str, str] = {}
    helped: set[str] = set()
    samples = Series()
    family = ""
    for line in text.splitlines():
        if line.startswith("# "):
            _, keyword, name, rest = line.split(" ", 3)
            assert re.fullmatch(_NAME, name)
            if keyword == "HELP":
                assert name not in helped, f"{name}: a second HELP"
                helped.add(name)
            else:
                assert keyword == "TYPE"
                assert name not in types, f"{name}: samples of one metric stand together"
                assert rest in ("counter", "gauge", "histogram")
                types[name] = rest
                family = name
            continue
        found = _SAMPLE.fullmatch(line)
        assert found is not None, line
        labels = tuple(re.findall(_LABEL, found[2] or ""))
        assert len({name for name, _ in labels}) == len(labels), f"{line}: a label twice"
        suffixes = ("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)
        assert found[1] in {family + suffix for suffix in suffixes}, f"{line}: not of {family}"
        assert (found[1], labels) not in samples, f"{line}: a second time"
        samples[found[1], labels] = float(found[len(found.groups())])
    for name, kind in types.items():
        if kind == "histogram":
            _check_histogram(name, samples)
    return types, samples


def _check_histogram(name: str, samples: Series) -> None:
    buckets: dict[Labels, list[tuple[float, float]]] = {}
    for (sample, labels), value in samples.items():
        if sample == f"{name}_bucket":
            rest = tuple(label for label in labels if label[0] != "le")
            buckets.setdefault(rest, []).append((float(dict(labels)["le"]), value))
    for labels, found in buckets.items():
        assert found == sorted(found), f"{name}: buckets in the order of their bounds, and cumulative"
        assert [value for _, value in found] == sorted(value for _, value in found)
        assert found[-1] == (float("inf"), samples[f"{name}_count", labels])
        assert (f"{name}_sum", labels) in samples
