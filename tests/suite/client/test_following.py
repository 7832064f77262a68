from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mixtral_contract.contract.openapi import DOCUMENT, Contract
from mixtral_contract.suite.target.target import choose, running
from tests.support.suite_run import broken, run_suite, verdicts

_ABOUT = "REQ-0 or NEG-0 or ERR-05 or ERR-08 or RSP-02 or SSE-08"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[..., Path]:
    """Writes a copy of the contract: temperature up to 2, no 406, and a required field if asked for."""

    def write(*, required: bool) -> Path:
        document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
        request: Any = document["components"]["schemas"]["NvidiaRequest"]
        request["properties"]["temperature"]["maximum"] = 2
        for url in ("/v1/mixtral-8x22b-instruct", "/v1/mixtral-8x7b-instruct"):
            del document["paths"][url]["post"]["responses"]["406"]
        if required:
            request["properties"]["tenant"] = {"type": "string", "minLength": 1}
            request["required"] = ["messages", "tenant"]
            for example in document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"][
                "application/json"
            ]["examples"].values():
                example["value"]["tenant"] = "acme"
        path = tmp_path / "openapi.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


def test_mock_and_suite__follow_a_changed_contract(changed: Callable[..., Path], tmp_path: Path) -> None:
    """Both read every rule from the file they are given, and agree."""
    done = run_suite("--spec", str(changed(required=True)), "-k", _ABOUT, folder=tmp_path)
    found = verdicts(tmp_path)
    assert done.returncode == 0, done.stdout
    assert ("ERR-05", "segmind") not in found
    assert found["ERR-05", "nvidia"] == "PASS"
    assert found["NEG-01", "nvidia"] == found["REQ-09", "nvidia"] == "PASS"


def test_changed_suite__finds_the_old_mock_broken(changed: Callable[..., Path], tmp_path: Path) -> None:
    """A bound moved out and a field made required are missed by a server that keeps the old contract."""
    with running(choose(Contract.load())) as mock:
        options = ["--target", "mock", "--base-url", mock.base_url or "", "--spec", str(changed(required=True))]
        run_suite(*options, "-k", _ABOUT, folder=tmp_path)
    assert broken(tmp_path) == {"REQ-09", "NEG-01"}


def test_old_suite__finds_the_changed_mock_broken(changed: Callable[..., Path], tmp_path: Path) -> None:
    """A temperature above 1 and a key without credits are let in by a server that keeps the changed contract."""
    with running(choose(Contract.load()), changed(required=False)) as mock:
        options = ["--target", "mock", "--base-url", mock.base_url or ""]
        run_suite(*options, "-k", _ABOUT, folder=tmp_path)
    assert broken(tmp_path) == {"NEG-07", "ERR-05"}
