"""Options and contract together."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import pytest

from mixtral_contract.contract.openapi import DOCUMENT
from mixtral_contract.load.cli.main import parser
from mixtral_contract.load.requests.encoder import check_fields
from mixtral_contract.load.settings.settings import MOCK_KEY, Settings, UsageError, check_load, read_key, read_settings

LOCAL = "http://127.0.0.1:8000"


def options(folder: Path, **changes: Any) -> argparse.Namespace:
    """The options of a command line without any, but for these changes."""
    chosen = parser().parse_args(["--out", str(folder)])
    for name, value in changes.items():
        setattr(chosen, name, value)
    return chosen


def settings(folder: Path, host: str = LOCAL, **changes: Any) -> Settings:
    """The settings of such a command line."""
    return read_settings(options(folder, **changes), host)


@pytest.mark.parametrize(
    ("host", "dialect", "variable"),
    [
        (LOCAL, "nvidia", None),
        ("https://integrate.api.nvidia.com", "nvidia", "NVIDIA_API_KEY"),
        ("https://api.segmind.com", "segmind", "SEGMIND_API_KEY"),
        ("https://api.segmind.com", "segmind-openai", "SEGMIND_API_KEY"),
    ],
)
def test_key_variable__follows_the_host(tmp_path: Path, host: str, dialect: str, variable: str | None) -> None:
    """A vendor's own host has its usual variable, this machine the mock's key."""
    assert settings(tmp_path, host, dialect=dialect).key_variable == variable


@pytest.mark.parametrize(
    ("host", "said", "paid"),
    [(LOCAL, None, False), ("https://integrate.api.nvidia.com", None, True), (LOCAL, True, True)],
)
def test_paid__is_told_by_the_address_unless_the_user_says(
    tmp_path: Path, *, host: str, said: bool | None, paid: bool
) -> None:
    """Somebody may bill for what a proxy on this machine does."""
    assert settings(tmp_path, host, paid=said).is_paid == paid


@pytest.mark.parametrize(
    ("host", "changes", "said"),
    [
        (None, {}, "--host: expected the target's base URL"),
        ("ftp://x", {}, "--host: expected an http or https URL"),
        (
            LOCAL,
            {"dialect": "azure"},
            "--dialect: expected one of nvidia, openai, segmind, segmind-openai, got 'azure'",
        ),
        (LOCAL, {"dialect": "segmind", "model": "m"}, "--model: expected none"),
        (LOCAL, {"timeout": 0.0}, "--timeout: expected more than 0 s"),
        (LOCAL, {"spec": "/nowhere.yaml"}, "--spec: /nowhere.yaml: expected a readable file"),
        (LOCAL, {"out": f"{__file__}/x"}, "--out: expected a folder to write to"),
        (LOCAL, {"arrivals": "poisson"}, "--arrivals: expected a rate in requests per second"),
        (LOCAL, {"arrivals": "trace:/none"}, "--arrivals: /none: expected a trace, got No such file"),
        (LOCAL, {"prompts": "/none"}, "--prompts: /none: expected a file of prompts, got No such file"),
        (LOCAL, {"arrivals": "constant:1e-320"}, "--arrivals: expected a rate in requests per second"),
        (
            LOCAL,
            {"speed": math.nan, "arrivals": "trace:/none"},
            "--speed: expected a number above 0, with --arrivals trace, got nan",
        ),
        (LOCAL, {"speed": 2.0}, "--speed: expected a number above 0, with --arrivals trace, got 2"),
        (
            LOCAL,
            {"turns": 2, "find": "max-rate", "slo": "ttft<2s@p99"},
            "--turns: expected 1 with --find, or rates in --sweep",
        ),
        (LOCAL, {"arrivals": "trace"}, "--arrivals: trace: expected a FILE behind it, or --prompts with timestamps"),
        (LOCAL, {"prompts_format": "csv"}, "--prompts-format: expected --prompts with it, got none"),
        (LOCAL, {"prompts_column": "q"}, "--prompts-column: expected --prompts with it, got none"),
        ("https://llm.example.com", {}, "--api-key-env: expected the name of the variable with the key for llm"),
    ],
)
def test_nonsense__is_refused_in_one_line(tmp_path: Path, host: str | None, changes: dict[str, Any], said: str) -> None:
    """The message names the option, and what would be right."""
    with pytest.raises(UsageError) as refusal:
        read_settings(options(tmp_path, **changes), host)
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


def test_folder_that_cannot_be_written_to__is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the run, not after it."""

    def refuse(**_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(UsageError, match=r"--out: expected a folder to write to, got .*: Permission denied"):
        settings(tmp_path)


@pytest.mark.parametrize(
    ("users", "run_time_s", "warmup_s", "said"),
    [(0, None, 0, "--users"), (1, 0, 0, "--run-time"), (1, 3, 3, "--warmup"), (1, 3, 5, "--warmup")],
)
def test_load__must_make_sense(users: int, run_time_s: float | None, warmup_s: float, said: str) -> None:
    """A run has users, a length, and something left after its warm-up."""
    with pytest.raises(UsageError, match=said):
        check_load(users, run_time_s, warmup_s)


def test_load__may_be_without_limit() -> None:
    """Locust's own defaults are left to Locust."""
    check_load(None, None, 60)


def test_key__is_read_from_the_named_variable() -> None:
    """White space around it is no part of it; without a variable it is the mock's."""
    assert read_key("A_KEY", {"A_KEY": " secret\n"}) == "secret"
    assert read_key(None, {}) == MOCK_KEY


@pytest.mark.parametrize("value", [None, "", "  "])
def test_missing_key__is_refused_by_name(value: str | None) -> None:
    """Whoever forgot the variable reads which one."""
    with pytest.raises(UsageError, match="A_KEY"):
        read_key("A_KEY", {} if value is None else {"A_KEY": value})


@pytest.mark.parametrize(("variable", "environ"), [("nvapi-sesame", {}), ("A_KEY", {"A_KEY": "sesame\r\nx: y"})])
def test_refused_key__is_never_shown(variable: str, environ: dict[str, str]) -> None:
    """Neither a key given instead of a name, nor one that a header cannot carry."""
    with pytest.raises(UsageError) as refusal:
        read_key(variable, environ)
    assert "sesame" not in str(refusal.value)


def test_request__is_held_to_the_contract(tmp_path: Path) -> None:
    """A bound in the document is a bound on the command line."""
    check_fields(settings(tmp_path))
    spec = tmp_path / "openapi.yaml"
    text = DOCUMENT.read_text(encoding="utf-8")
    spec.write_text(text.replace("default: 1024\n", "default: 1024\n          maximum: 100\n"), encoding="utf-8")
    check_fields(settings(tmp_path, dialect="nvidia", spec=str(spec), output_tokens="100"))
    with pytest.raises(UsageError, match="max_tokens"):
        check_fields(settings(tmp_path, dialect="nvidia", spec=str(spec), output_tokens="101"))
