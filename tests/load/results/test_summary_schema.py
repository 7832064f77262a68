"""The published schema: it holds every summary, names every figure, and lets nothing through that it does not name."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from mixtral_contract.load.counts.counts import FIGURES
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.results.definitions import DEFINITIONS
from mixtral_contract.load.settings.objectives import parse_slo
from mixtral_contract.load.units.metric import TOOLS
from mixtral_contract.load.units.metrics import METRICS
from tests.load.results.test_summary import completions, summary
from tests.support.load_records import failed
from tests.support.summary_schema import SCHEMA, checked


def written(found: Any) -> Any:
    """The document as a file holds it."""
    return json.loads(json.dumps(found))


def keywords(schema: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every schema below this one, with where it stands."""
    if isinstance(schema, dict):
        yield where, schema
        for key, value in schema.items():
            if key in ("properties", "$defs"):
                for name, inner in value.items():
                    yield from keywords(inner, f"{where}/{name}")
            elif key in ("items", "additionalProperties"):
                yield from keywords(value, f"{where}/{key}")
            elif key == "anyOf":
                for inner in value:
                    yield from keywords(inner, where)


def test_schema__is_one() -> None:
    """By the rules of the draft that it names."""
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("count", [0, 1, 20, 700])
def test_schema__holds_summaries(tmp_path: Path, count: int) -> None:
    """Of nothing, of too few for a percentile, of enough; with failures, and with what was cut off."""
    cut = [failed(Outcome.UNFINISHED, sent_ms=2000)] if count else []
    refused = [failed(Outcome.RATE_LIMITED, 429, sent_ms=3000, detail="slow down")]
    checked(written(summary(tmp_path, *completions(count), *refused, *cut)))
    checked(written(summary(tmp_path, *completions(count), dialect="segmind", end_s=0.5)))


@pytest.mark.parametrize("place", ["", "run", "window", "ttft_ms", "outcomes", "timeline", "instrument", "validity"])
def test_schema__names_every_key(tmp_path: Path, place: str) -> None:
    """A key that it does not name is refused, and so is the lack of one that it does: so it cannot rot."""
    found = written(summary(tmp_path, *completions(20)))
    more, less = copy.deepcopy(found), copy.deepcopy(found)
    (more[place] if place else more)["another"] = 1
    changed = less[place] if place else less
    del changed[next(iter(changed))]
    for document in (more, less):
        with pytest.raises(AssertionError):
            checked(document)


def test_schema__describes_every_figure() -> None:
    """No property without a sentence, but in what is described as a whole."""
    bare = [
        f"{where}/{name}"
        for where, schema in keywords(SCHEMA)
        for name, inner in schema.get("properties", {}).items()
        if not inner.get("description") and "$ref" not in inner
    ]
    assert bare == []
    assert all(SCHEMA["properties"][figure]["description"] for figure in FIGURES)


def test_names_of_others__are_of_figures_and_tools_that_there_are() -> None:
    """Each figure is defined, and each tool is named for it, if only as having no such figure."""
    for metric in METRICS:
        assert metric.key.partition(".")[0] in DEFINITIONS
        assert tuple(metric.other_names) == TOOLS
        assert set(metric.also_called or ()) <= set(TOOLS)


def test_limits_of_a_summary__can_be_read_again() -> None:
    """The report draws the limits that the summary's text names."""
    text = "ttft<2s@p99,tpot<200ms@p99.5"
    assert parse_slo(",".join(map(str, parse_slo(text)))) == parse_slo(text)
