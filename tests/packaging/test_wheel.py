"""The wheel, installed in environments of its own, in a folder whose files have the names of ours.

A test for each environment, since making one is what takes the time.
"""

from __future__ import annotations

import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.packaging.environment import SOURCES, Installation, build_wheel, user_folder

MOST_PACKAGES, MOST_MB = 40, 200

TEST_ON_A_SOCKET = """
import json, urllib.request

def test_reply(mixtral_api, mixtral_server):
    mixtral_server.reply("Meow.")
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).encode()
    headers = {"Authorization": f"Bearer {mixtral_server.key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(mixtral_server.urls["nvidia"], body, headers)) as answer:
        assert json.load(answer)["choices"][0]["message"]["content"] == "Meow."
    mixtral_api.assert_not_called()
"""
TEST_IN_PROCESS = """
import httpx

def test_reply(mixtral_api):
    mixtral_api.reply("Meow.")
    body = {"messages": [{"role": "user", "content": "hello"}]}
    answer = httpx.post(mixtral_api.urls["nvidia"], json=body, headers={"Authorization": "Bearer mock-valid"})
    assert answer.json()["choices"][0]["message"]["content"] == "Meow."
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of this checkout."""
    return build_wheel(tmp_path)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's folder."""
    return user_folder(tmp_path / "user")


def test_wheel__has_every_file(wheel: Path) -> None:
    """Every package is in the list of packages, and every file that is no module in that of data."""
    checkout = wheel.parent / "checkout"
    files = (path.relative_to(checkout) for name in SOURCES for path in (checkout / name).rglob("*") if path.is_file())
    expected = {
        path.as_posix() if path.parts[0] == "mixtral_contract" else f"mixtral_contract/doors/{path.as_posix()}"
        for path in files
    }
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected


def test_core__is_small_and_works_beside_files_of_the_same_names(wheel: Path, user: Path, tmp_path: Path) -> None:
    """The mock and the fixtures; what is not there says in one line how to get it."""
    core = Installation.make(tmp_path / "core", wheel, user)
    assert "mixtral-contract" in (names := core.names())
    assert len(names) <= MOST_PACKAGES
    assert core.megabytes() <= MOST_MB
    (user / "test_application.py").write_text(TEST_ON_A_SOCKET, encoding="utf-8")
    _assert_pytest_passes(core)
    _assert_mock_serves(core)
    for name, extra in (
        ("check", "suite"),
        ("prove", "suite"),
        ("spec", "suite"),
        ("load", "load"),
        ("compare", "load"),
    ):
        ran = core.run("mixtral-contract", name)
        assert ran.returncode == 2
        assert ran.stderr.startswith(f"mixtral-contract: {name}: expected the extra '{extra}', got no ")
        assert ran.stderr.endswith(f": pip install 'mixtral-contract[{extra}]'\n")
        assert ran.stderr.count("\n") == 1
    recording = core.run("mixtral-contract", "mock", "--record", "http://127.0.0.1:9", "--cassette", "calls.yaml")
    assert recording.returncode == 2
    assert "pip install 'mixtral-contract[record]'" in recording.stderr
    suite = core.run("pytest", "--pyargs", "contract_tests")
    assert suite.returncode == pytest.ExitCode.USAGE_ERROR
    assert "pip install 'mixtral-contract[suite]'" in suite.stderr


def test_extras__work_beside_files_of_the_same_names(wheel: Path, user: Path, tmp_path: Path) -> None:
    """Every command, and a project whose own options have the names of those of our dependencies."""
    everything = Installation.make(tmp_path / "all", wheel, user, borrowing=True)
    (user / "test_application.py").write_text(TEST_IN_PROCESS, encoding="utf-8")
    _assert_pytest_passes(everything)
    _assert_mock_serves(everything)
    _assert_commands_work(everything)
    option = "def pytest_addoption(parser): parser.addoption('--host'); parser.addoption('--target')"
    (user / "conftest.py").write_text(option, encoding="utf-8")
    (user / "pytest.ini").write_text("[pytest]\naddopts = -p no:locust -p no:schemathesis\n", encoding="utf-8")
    _assert_pytest_passes(everything)
    _assert_check_works(everything)


def _assert_pytest_passes(installed: Installation) -> None:
    for command in (("pytest",), ("python", "-m", "pytest")):
        ran = installed.run(*command, "-q", "test_application.py")
        assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def _assert_mock_serves(installed: Installation) -> None:
    with installed.mock() as address, urllib.request.urlopen(f"{address}/health", timeout=20) as answer:
        assert answer.status == 200


def _assert_check_works(installed: Installation) -> None:
    checked = installed.run("mixtral-contract", "check", "-q", "-k", "SSE-08")
    assert "mock breaks no clause: 2 of 2" in checked.stdout, checked.stdout + checked.stderr
    assert checked.returncode == 0
    assert (installed.current / "reports/contract/index.html").is_file()


def _assert_commands_work(installed: Installation) -> None:
    _assert_check_works(installed)
    with installed.mock() as address:
        loading = ("--headless", "--host", address, "-u", "1", "-t", "2s", "--out", "reports/one")
        loaded = installed.run("mixtral-contract", "load", *loading)
        assert "None of" in loaded.stdout, loaded.stdout + loaded.stderr
    compared = installed.run("mixtral-contract", "compare", "reports/one", "reports/one", "--allow-unclear")
    assert "output tokens/s" in compared.stdout, compared.stdout + compared.stderr
    assert compared.returncode == 0
    assert installed.run("mixtral-contract", "spec", "check").returncode == 0
    by_name = installed.run("pytest", "--pyargs", "contract_tests", "-q", "-k", "SSE-08")
    assert "mock breaks no clause: 2 of 2" in by_name.stdout, by_name.stdout + by_name.stderr
