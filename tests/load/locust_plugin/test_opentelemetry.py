"""What OpenTelemetry is told of each request."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.load.locust_plugin.opentelemetry import Telemetry, telemetry
from mixtral_contract.load.reading.outcome import Outcome
from mixtral_contract.load.reading.record import Record
from tests.load.settings.test_settings import settings
from tests.load.test_locust_command import run, timed
from tests.support.load_records import failed, record
from tests.support.scripted_stream_server import ScriptedServer

DURATION = "gen_ai.client.operation.duration"
FIRST = "gen_ai.client.operation.time_to_first_chunk"
TOKENS = "gen_ai.client.token.usage"
ABOUT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "mine",
    "server.address": "127.0.0.1",
    "server.port": 8000,
}
PACKAGE = """
import os

class Histogram:
    def __init__(self, name):
        self.name = name

    def record(self, amount, attributes):
        with open(os.environ["TOLD"], "a", encoding="utf-8") as told:
            told.write(self.name + "\\n")

class Meter:
    def create_histogram(self, name, *_, **__):
        return Histogram(name)

def get_meter(name):
    return Meter()
"""
"""As much of opentelemetry.metrics as is used, writing to a file."""

COMPLETION = record([(100.0, 1), (120.0, 1)], sent_ms=2000, end_ms=150, usage_tokens=2)


class Meter:
    """Keeps what is counted: (instrument, value, attributes)."""

    def __init__(self) -> None:
        self.units: dict[str, str] = {}
        self.counted: list[tuple[str, float, dict[str, Any]]] = []

    def create_histogram(
        self, name: str, unit: str, description: str, *, explicit_bucket_boundaries_advisory: Sequence[float]
    ) -> Histogram:
        """An instrument that writes here."""
        assert description
        assert list(explicit_bucket_boundaries_advisory) == sorted(set(explicit_bucket_boundaries_advisory))
        self.units[name] = unit
        return Histogram(self, name)


class Histogram:
    """One instrument."""

    def __init__(self, meter: Meter, name: str) -> None:
        self._meter, self._name = meter, name

    def record(self, amount: float, attributes: Mapping[str, str | int]) -> None:
        """Keeps a value."""
        self._meter.counted.append((self._name, amount, dict(attributes)))


def told(folder: Path, *records: Record, **options: Any) -> list[tuple[str, float, dict[str, Any]]]:
    """What a meter was told of these requests."""
    meter = Meter()
    teller = Telemetry(meter, settings(folder, **options))
    for each in records:
        teller.tell(each)
    assert meter.units == {DURATION: "s", FIRST: "s", TOKENS: "{token}"}
    return meter.counted


def test_completion__is_told_with_its_times_and_tokens(tmp_path: Path) -> None:
    """In seconds, by the conventions' names, and of whom."""
    assert told(tmp_path, COMPLETION, model="mine") == [
        (DURATION, 0.15, ABOUT),
        (FIRST, 0.1, ABOUT),
        (TOKENS, 7, {**ABOUT, "gen_ai.token.type": "input"}),
        (TOKENS, 2, {**ABOUT, "gen_ai.token.type": "output"}),
    ]


def test_tokens__are_told_only_by_usage(tmp_path: Path) -> None:
    """Counted events are an estimate, which the conventions do not want."""
    counted = told(tmp_path, record([(100.0, 1)], prompt_tokens=None))
    assert [name for name, _, _ in counted] == [DURATION, FIRST]


def test_failure__is_told_with_its_kind_alone(tmp_path: Path) -> None:
    """How long it took, but no first content of an answer that was none."""
    lost = record([(100.0, 1)], end_ms=3000, outcome=Outcome.TRUNCATED, usage_tokens=2)
    assert told(tmp_path, lost, model="mine") == [(DURATION, 3.0, {**ABOUT, "error.type": "truncated"})]


def test_request_that_the_run_cut_off__is_not_told(tmp_path: Path) -> None:
    """It did not end: its time would be that of the run."""
    assert told(tmp_path, failed(Outcome.UNFINISHED)) == []


def test_dialect_without_stream__has_no_first_chunk(tmp_path: Path) -> None:
    """And one without a model names none."""
    counted = told(tmp_path, record(streamed=False, usage_tokens=2), dialect="segmind")
    assert [name for name, _, _ in counted] == [DURATION, TOKENS, TOKENS]
    assert all(about["gen_ai.provider.name"] == "segmind" for _, _, about in counted)
    assert not any("gen_ai.request.model" in about for _, _, about in counted)


def test_telemetry__goes_to_the_meter_that_locust_has_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the name of this instrument."""
    meters = {"mixtral-load": Meter()}
    package = types.ModuleType("opentelemetry.metrics")
    package.__dict__["get_meter"] = meters.__getitem__
    monkeypatch.setitem(sys.modules, "opentelemetry", types.ModuleType("opentelemetry"))
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", package)
    teller = telemetry(settings(tmp_path))
    assert teller is not None
    teller.tell(COMPLETION)
    assert meters["mixtral-load"].counted[0][0] == DURATION


def test_telemetry__is_none_without_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are no dependency of ours."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    assert telemetry(settings(tmp_path)) is None


@pytest.mark.parametrize("wanted", [True, False])
def test_run__tells_opentelemetry_if_it_was_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, wanted: bool
) -> None:
    """Of each request once; that the packages are installed is no wish to be told."""
    package, out, log = tmp_path / "opentelemetry", tmp_path / "out", tmp_path / "told"
    package.mkdir()
    log.touch()
    (package / "__init__.py").touch()
    (package / "metrics.py").write_text(PACKAGE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("TOLD", str(log))
    with ScriptedServer(timed) as server:
        ended = run(out, "--host", server.url, "-u", "2", "-t", "1s", *(["--otel"] if wanted else []))
    assert ended.code == 0, ended.stderr
    assert log.read_text(encoding="utf-8").split().count(DURATION) == (len(ended.requests) if wanted else 0)
