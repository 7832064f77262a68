from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import walk

_TIMEOUT_S = 120


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's changes."""
    folder = tmp_path_factory.mktemp("fourth")
    walk.copy_to(folder)
    changed = walk.apply_to(folder)
    assert {Path(file).suffix for file in changed} == {".yaml"}, "no code changes"
    return folder


@pytest.fixture(scope="module")
def address(copied: Path) -> Iterator[str]:
    """The page's mock."""
    command = next(each for each in walk.commands() if "mock_server" in each)
    with subprocess.Popen(
        _argv(command), cwd=copied, env=_environment(copied), stdout=subprocess.PIPE, text=True
    ) as mock:
        assert mock.stdout is not None
        try:
            yield mock.stdout.readline().strip()
        finally:
            mock.terminate()


def test_page_of_the_vendor__prints_every_phrase(copied: Path, tmp_path: Path) -> None:
    """Its documents are looked up in as ours are; only those of the other vendors are missing here."""
    (tmp_path / "acme-chat.txt").write_text(walk.vendor_page(), encoding="utf-8")
    ended = _run("python -m spec check --sources " + str(tmp_path), copied)
    assert "acme-chat" not in ended.stdout
    (tmp_path / "acme-chat.txt").write_text("nothing", encoding="utf-8")
    assert "acme-chat does not print" in _run("python -m spec check --sources " + str(tmp_path), copied).stdout


def test_contract__keeps_its_rules(copied: Path) -> None:
    """With the fourth dialect as with three."""
    ended = _run(_command("spec check"), copied)
    assert ended.returncode == 0, ended.stdout


def test_mock__answers_and_refuses_as_the_page_says(address: str) -> None:
    """The key in its own header, problem details with the status as a number."""
    ask = (
        "import httpx, json, sys; "
        "good = {'messages': [{'role': 'user', 'content': 'hello'}], 'max_tokens': 3}; "
        "post = lambda body, key: httpx.post(sys.argv[1] + '/acme/chat', json=body, headers={'x-acme-key': key}); "
        "answers = [post(good, 'mock-valid'), post(good, 'wrong'), post({}, 'mock-valid')]; "
        "print(json.dumps([[each.status_code, each.json()] for each in answers]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", ask, address], capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
    )
    (status, answer), (wrong, problem), (invalid, other) = json.loads(ended.stdout)
    assert (status, wrong, invalid) == (200, 401, 422)
    assert answer["model"] == "acme-mixtral"
    assert answer["usage"]["completion_tokens"] == 3
    assert (problem["status"], other["status"]) == (401, 422)
    assert "messages" in other["title"]


def test_suite__judges_the_new_dialect(copied: Path, tmp_path: Path) -> None:
    """It passes on the mock, and fails on a mock that breaks a clause there."""
    ended = _run(_command("--dialect acme", "pytest") + f" -q --report {tmp_path}", copied)
    assert ended.returncode == 0, ended.stdout
    verdicts = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]
    assert {verdict["dialect"] for verdict in verdicts} == {"acme"}
    assert len(verdicts) > 100
    assert "REQ-04" in {verdict["clause"] for verdict in verdicts}
    assert not [verdict for verdict in verdicts if verdict["verdict"] in ("FAIL", "NON-STRICT")]


def test_suite__sees_a_break_of_the_new_dialect(copied: Path, tmp_path: Path) -> None:
    """What proves the other dialects proves this one."""
    command = f"{sys.executable} -m mock_server --port 0 --break SSE-08"
    with subprocess.Popen(
        command.split(), cwd=copied, env=_environment(copied), stdout=subprocess.PIPE, text=True
    ) as mock:
        assert mock.stdout is not None
        url = mock.stdout.readline().strip()
        options = f" --target mock --base-url {url} -q --report {tmp_path} -k SSE-08"
        ended = _run(_command("--dialect acme", "pytest") + options, copied)
        mock.terminate()
    assert ended.returncode == 1, ended.stdout
    assert "SSE-08" in ended.stdout


def test_preset__names_its_key(copied: Path) -> None:
    """The bill of a live run; and without the key one line, before anything is sent."""
    command = _command("--dry-run", "pytest")
    ended = _run(command, copied)
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"the bill of a run on acme; nothing was sent", ended.stdout)
    refused = _run(command.replace(" --dry-run", ""), copied)
    assert refused.returncode == 2
    assert "ACME_API_KEY" in refused.stderr


def test_load_run__measures_the_new_dialect(copied: Path, address: str, tmp_path: Path) -> None:
    """Streams and all."""
    command = _command("--dialect acme", "locust").replace("http://127.0.0.1:8000", address)
    ended = _run(f"{command} --out {tmp_path}", copied)
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert summary["outcomes"]["ok"] > 0


def _command(*words: str) -> str:
    (found,) = (each for each in walk.commands() if all(word in each for word in words))
    return found


def _argv(command: str) -> list[str]:
    program, *rest = command.split()
    modules = {"python": [], "pytest": ["-m", "pytest"], "locust": ["-m", "locust"]}
    return [sys.executable, *modules[program], *rest]


def _run(command: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _argv(command),
        cwd=folder,
        env=_environment(folder) | variables,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ACME_"))}
    return {**kept, "PYTHONPATH": str(folder)}
