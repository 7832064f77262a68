"""The suite and the load run on llama.cpp's own HTTP server, which nobody here wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixtral_contract.suite.target.target import MOCK_KEYS
from tests.real.llama_cpp import llama_server
from tests.support.repository import ROOT
from tests.support.suite_run import run_suite

DEVIATIONS = {
    # a path that has a handler for POST only is unknown for every other method: no 405, no Allow
    "HTTP-02": ("FAIL", "404"),
    # any Content-Type is read as JSON
    "HTTP-07": ("NON-STRICT", "200"),
    # no answer has a Date, though RFC 9110 section 6.6.1 wants it of every server with a clock
    "HTTP-10": ("FAIL", "401 without"),
    # a stream is chunked for a client that speaks HTTP/1.0, against RFC 9112 section 6.1
    "HTTP-20": ("FAIL", "chunked"),
    # and its connection is closed behind it, which no header says
    "SSE-22": ("NON-STRICT", "closed without a word"),
    # a 401 without WWW-Authenticate, against RFC 9110 section 15.5.2
    "AUT-03": ("NON-STRICT", "none"),
    # the scheme is compared letter by letter, against RFC 9110 section 11.1
    "AUT-07": ("FAIL", "Invalid API Key"),
    # a bare key is as good as one behind Bearer
    "AUT-13": ("NON-STRICT", "200"),
    # the chat template makes a prompt of no messages
    "NEG-03": ("NON-STRICT", "200"),
    # a message without role is told from a good one only while it is parsed, which is answered as a failure
    "NEG-04": ("FAIL", "500"),
    "NEG-16": ("FAIL", "500"),
    # sampling parameters have no bounds: what is out of range is clamped or taken as it is
    "NEG-07": ("FAIL", "200"),
    "NEG-08": ("FAIL", "200"),
    "NEG-09": ("FAIL", "200"),
    # 0 and fractions are taken for 1, -1 for the server's own limit
    "NEG-10": ("FAIL", "200"),
    # true is 1
    "NEG-19": ("FAIL", "200"),
    # a part without its text is told from a good one only while it is parsed
    "NEG-21": ("NON-STRICT", "500"),
    # and a content of null is an empty one
    "NEG-25": ("NON-STRICT", "200"),
    "REQ-23": ("NON-STRICT", "exceeds the available context size"),  # it is started with one of 2,048 tokens
    # a stop of another type is ignored
    "NEG-12": ("FAIL", "200"),
    # one model is served, whatever name is asked for
    "NEG-13": ("FAIL", "200"),
    "NEG-26": ("NON-STRICT", "200"),
    # without a template for tools they are ignored, tool_choice required included
    "TOOL-01": ("NON-STRICT", "200"),
    # any number of alternatives is computed
    "LOGP-07": ("NON-STRICT", "200"),
    # usage counts the first of two choices; each has four tokens
    "CHC-03": ("NON-STRICT", "4"),
    # 1.5 is taken for 1
    "CHC-04": ("NON-STRICT", "200"),
}
"""Where llama.cpp truly departs from the documents and the standards: verdict, and what stands in the evidence."""

NOTHING_TO_JUDGE = {
    # no 405 that could carry Allow, no Date to compare created with
    "HTTP-03": "UNSUPPORTED",
    "RSP-03": "UNSUPPORTED",
    "STR-21": "UNSUPPORTED",
    "HTTP-31": "UNSUPPORTED",
    # one and the same 404 for another method and for another URL
    "HTTP-23": "UNSUPPORTED",
    # accounts without credits, without permission or with a limit are not llama.cpp's business
    "ERR-05": "NOT-RUN",
    "ERR-06": "NOT-RUN",
    "ERR-07": "NOT-RUN",
    "ERR-14": "NOT-RUN",
    # no call is ever made
    **dict.fromkeys((f"TOOL-{number:02}" for number in (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)), "UNSUPPORTED"),
    # noise in the form of JSON does not end within the limit
    "FMT-01": "UNSUPPORTED",
    "ERR-17": "NOT-RUN",
    "ERR-18": "NOT-RUN",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A llama.cpp server that takes the key which the suite sends to local servers."""
    with llama_server(MOCK_KEYS["valid"]) as found:
        yield found


def test_suite__finds_its_true_deviations_and_no_other(address: str, tmp_path: Path) -> None:
    """Every other clause passes: none fails because the suite is wrong."""
    done = run_suite("--base-url", address, "--dialect", "nvidia", "--free", folder=tmp_path)
    run = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    judged = {entry["clause"]: entry for entry in run["verdicts"] if entry["level"] != "info"}
    # every chunk has the time of its own writing, which only a stream across a second shows
    assert judged.pop("STR-16")["verdict"] in ("PASS", "NON-STRICT")
    found = {clause: entry["verdict"] for clause, entry in judged.items() if entry["verdict"] != "PASS"}
    assert found == {clause: verdict for clause, (verdict, _) in DEVIATIONS.items()} | NOTHING_TO_JUDGE, done.stdout
    for clause, (_, evidence) in DEVIATIONS.items():
        assert evidence in judged[clause]["got"], judged[clause]
        assert judged[clause]["exchange"]["answer"]
    assert sum(entry["verdict"] == "PASS" for entry in judged.values()) > 60
    assert done.returncode == 1


def test_load_run__measures_it(address: str, tmp_path: Path) -> None:
    """Whole streams with real tokens, each counted once, and figures in the order that time has."""
    command = [str(Path(sys.executable).with_name("locust")), "-f", "load/", "--headless", "--only-summary"]
    command += ["--host", address, "--dialect", "nvidia", "-u", "3", "-r", "3", "-t", "4s", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert done.returncode == 0, done.stderr
    assert summary["outcomes"]["ok"] > 0
    assert sum(summary["outcomes"].values()) == summary["outcomes"]["ok"] + summary["outcomes"]["unfinished"]
    assert summary["tokens_are"] == "usage"
    assert 0 < summary["ttft_ms"]["p50"] < summary["e2e_ms"]["p50"]
    assert summary["output_tokens"] >= summary["outcomes"]["ok"]
