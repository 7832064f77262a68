"""The table of the figures: each row reaches all that it names, and nothing else."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.compare.comparison import compare
from mixtral_contract.load.compare.figures import FIGURES as COMPARED
from mixtral_contract.load.compare.html_comparison import render_comparison
from mixtral_contract.load.compare.run_folder import read_run_folder
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from mixtral_contract.load.report.files import table
from mixtral_contract.load.report.html_report import render
from mixtral_contract.load.results.definitions import DEFINITIONS
from mixtral_contract.load.results.prometheus import exposition
from mixtral_contract.load.settings.objectives import parse_slo
from mixtral_contract.load.settings.stages import Stage
from mixtral_contract.load.stages.stage_result import StageResult, entry
from mixtral_contract.load.units.metric import Metric, Place, Source
from mixtral_contract.load.units.metrics import METRICS, NUMBERS, SPREADS, streamed_names
from mixtral_contract.load.workload.arrivals import Arrivals
from tests.load.compare.test_comparison import finished
from tests.load.results.test_live import document
from tests.load.results.test_summary import summary
from tests.support.load_records import MS, record, tally
from tests.support.summary_schema import SCHEMA

EACH = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
EACH_SPREAD = pytest.mark.parametrize("metric", SPREADS, ids=lambda metric: metric.key)


def everything(count: int = 700) -> list[Record]:
    """Requests of which each has every figure that a request can have."""
    return [
        record(
            [(100.0 + index % 7, 1), (120.0 + index % 7, 2), (150.0 + index % 7, 1)],
            sent_ms=2000 + index,
            end_ms=160,
            usage_tokens=4,
            totals=(1, 3, 4),
            due_ns=(1995 + index) * MS,
            connect_ns=MS,
            number=index,
            asked_tokens=4,
            asked_prompt_tokens=9,
        )
        for index in range(count)
    ]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The summary of such requests."""
    return summary(tmp_path_factory.mktemp("run"), *everything())


@EACH
def test_metric__is_in_the_summary_with_its_definition(found: Mapping[str, Any], metric: Metric) -> None:
    """Its value, what it means, what others call it, and the schema's word for it."""
    part, _, name = metric.key.partition(".")
    if name:
        assert part in found
    elif metric.source is not Source.RUN:
        assert found[metric.key]["n"] > 0
    assert DEFINITIONS.get(metric.key) == metric.definition
    others = None if metric.also_called is None else metric.other_names
    assert found["also_called"].get(metric.key) == others
    if metric.is_spread:
        assert SCHEMA["properties"][metric.key] == {"description": metric.definition, "$ref": "#/$defs/spread"}
        assert metric.key in SCHEMA["properties"]["distributions"]["required"]
        assert found["distributions"][metric.key]["counts"] or metric.source is Source.RUN


@EACH_SPREAD
def test_metric__is_shown_where_the_row_says(tmp_path: Path, found: Mapping[str, Any], metric: Metric) -> None:
    """In the table of the terminal, in that of the page and on its cards, while the run goes, and to Prometheus."""
    page = render(found)
    assert (f"\n{metric.key:20} " in table(found, tmp_path)) == bool(metric.shown & Place.TERMINAL)
    assert (f'<tr><th scope="row">{metric.key}</th>\n' in page) == bool(metric.shown & Place.TABLE)
    assert (f"<h3>{metric.label}</h3>\n<div" in page) == bool(metric.shown & Place.CARD)
    assert (f"<h3>{metric.label}</h3>\n<svg" in page) == bool(metric.shown & (Place.CARD | Place.LENGTHS))
    assert (f"<h3>{metric.label}, by second of sending</h3>" in page) == bool(metric.shown & Place.TIMELINE)
    seen = document(tmp_path, *everything())
    assert (metric.key in seen["figures"]) == bool(metric.shown & Place.LIVE)
    assert (f"mixtral_load_{metric.name}_seconds_sum" in exposition(seen)) == bool(metric.shown & Place.LIVE)


@EACH_SPREAD
def test_metric__is_in_the_lines_and_stages_that_the_row_names(metric: Metric) -> None:
    """A request's line holds it, and so does a stage's entry, with three percentiles."""
    line = everything(1)[0].line()
    assert (metric.key in line and metric.key != "connect_ms") == bool(metric.shown & Place.REQUESTS)
    stage = Stage(1, Arrivals("constant", 5.0), users=0, warmup_s=0, window_s=5)
    columns = entry(stage, StageResult(0, 5, tally(*everything())), ())
    for percent in (50, 95, 99):
        assert (columns.get(metric.column(percent)) is not None) == bool(metric.shown & Place.STAGES)


@EACH
def test_metric__is_compared_as_the_row_says(tmp_path: Path, metric: Metric) -> None:
    """At those percentiles, with both distributions in a chart where it is so; a number without."""
    names = [figure.name for figure in COMPARED if figure.key == metric.key]
    if metric.is_spread:
        assert names == [f"{metric.name} p{percent}" for percent in metric.compared]
    else:
        assert len(names) == len(metric.compared)
    run = read_run_folder(finished(tmp_path / "a", *everything()))
    made = compare(run, run, tolerance=0.1)
    assert {change.name for change in made.changes if change.ratio} >= set(names)
    chart = f'<h3>{metric.label}</h3>\n<svg viewBox="0 0 420 230"'
    assert (chart in render_comparison(made)) == bool(metric.shown & Place.OVERLAY)


@EACH
def test_metric__is_an_objective_if_the_row_says_so(metric: Metric) -> None:
    """Else a limit on it is refused, with the names of those that can have one."""
    if metric.is_objective:
        assert parse_slo(f"{metric.name}<5ms@p90")[0].figure == metric.name
        return
    with pytest.raises(argparse.ArgumentTypeError):
        parse_slo(f"{metric.name}<5ms@p90")


@EACH_SPREAD
def test_metric__has_a_lower_bound_in_what_was_cut_off_if_the_row_says_so(metric: Metric) -> None:
    """A request without an answer counts with the time that it had taken."""
    counted = tally(record(outcome=Outcome.UNFINISHED, sent_ms=10, due_ns=5 * MS, end_ms=400))
    assert (metric.key in counted.censored) == (metric.bound is not None)
    if metric.bound is not None:
        assert counted.censored[metric.key].count == 1


@EACH_SPREAD
def test_metric__needs_a_stream_if_the_row_says_so(metric: Metric) -> None:
    """An answer in one piece has those that need none, and no other."""
    whole = tally(dataclasses.replace(everything(1)[0], content=((2150 * MS, 1),), streamed=False, totals=()))
    has_it = bool(whole.figures[metric.key].count)
    assert has_it == (not metric.needs_stream and metric.source is not Source.RUN)


def test_table__has_each_key_once() -> None:
    """So that no row hides another, and every number has a card or a column of its own."""
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert all(metric.label and metric.unit for metric in METRICS)
    assert not any(metric.is_spread for metric in NUMBERS)
    assert all(metric.is_spread for metric in SPREADS)


def test_streamed_names__are_a_sentence() -> None:
    """What a dialect without a stream cannot have."""
    assert streamed_names("or") == "ttft, icl or tpot"
