"""The figures of a run for Prometheus."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from mixtral_contract.load.results.live import idle
from mixtral_contract.load.results.prometheus import exposition
from tests.load.results.test_live import NOW, document
from tests.load.results.test_summary import completions

LINE = re.compile(r'[a-z0-9_]+(?:\{[a-z_]+="(?:[^"\\\n]|\\.)*"(?:,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [0-9.e+-]+')


def test_exposition__of_a_run(tmp_path: Path) -> None:
    """Counts, and latencies in seconds with their sum and count; nothing for a percentile without samples."""
    lines = exposition(document(tmp_path, *completions(20), arrivals="poisson:7.5")).splitlines()
    assert 'mixtral_load_requests_total{outcome="ok"} 20.0' in lines
    assert "mixtral_load_up 1.0" in lines
    assert "mixtral_load_in_flight 3.0" in lines
    assert "mixtral_load_offered_per_second 7.5" in lines
    assert 'mixtral_load_verdict{verdict="VALID"} 1.0' in lines
    assert "mixtral_load_ttft_seconds_sum 2.0" in lines
    assert "mixtral_load_ttft_seconds_count 20.0" in lines
    assert not any(line.startswith('mixtral_load_ttft_seconds{quantile="0.99"}') for line in lines)


def test_exposition__keeps_the_format(tmp_path: Path) -> None:
    """Every sample is one, follows the head of its family, and a label's text is escaped."""
    text = exposition(document(tmp_path, *completions(20), model='a"b\\c\nd'))
    assert text.endswith("\n")
    assert r'model="a\"b\\c\nd"' in text
    family = ""
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            family = line.split()[2]
        elif not line.startswith("# HELP "):
            assert LINE.fullmatch(line), line
            assert line.startswith(family)


def test_exposition__does_not_round_counts(tmp_path: Path) -> None:
    """A counter that stands still because its digits ran out would look like a run that hangs."""
    found = document(tmp_path)
    found["outcomes"]["ok"] = 12_345_678
    line = next(line for line in exposition(found).splitlines() if 'outcome="ok"' in line)
    assert float(line.split()[-1]) == 12_345_678


def test_exposition__says_whether_a_run_goes(tmp_path: Path) -> None:
    """Before the first one and after its end: 0."""
    assert exposition(idle("ready")).splitlines()[-1] == "mixtral_load_up 0.0"
    over = dataclasses.replace(NOW, is_over=True)
    assert "mixtral_load_up 0.0" in exposition(document(tmp_path, moment=over))
