"""The Dockerfile and the compose file, as far as they can be run without Docker: their commands, on this machine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.mock.conftest import running
from tests.support.repository import ROOT

COMPOSE = ROOT / "mock_server" / "compose.yaml"
DOCKERFILE = ROOT / "mock_server" / "Dockerfile"
BIN = Path(sys.executable).parent

_SHORTER = {"USERS": "2", "SECONDS_OF_LOAD": "5", "SECONDS_OF_WARMUP": "1", "WORKERS": "2"}


def _services() -> dict[str, Any]:
    text = COMPOSE.read_text(encoding="utf-8")
    services: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+):-\w+\}", lambda name: _SHORTER[name[1]], text))[
        "services"
    ]
    return services


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _instructions() -> dict[str, str]:
    """What each instruction of the image itself says last; a line that goes on on the next is one."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))


def test_compose__measures_the_mock_with_two_workers(tmp_path: Path) -> None:
    """Its names of hosts are this machine's here, its ports others: nothing else of its commands is changed."""
    services = _services()
    port = str(_free_port())
    with ExitStack() as stack:
        mock = stack.enter_context(running(*_options(services["mock"]["command"])))
        here = {"http://mock:8000": mock, "master": "127.0.0.1", "reports/load": str(tmp_path)}
        environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path),
            **services["master"]["environment"],
        }

        def start(service: str, *more: str) -> subprocess.Popen[str]:
            command = [here.get(word, word) for word in shlex.split(services[service]["command"])]
            log = stack.enter_context((tmp_path / f"{service}.log").open("a", encoding="utf-8"))
            process = subprocess.Popen([*command, *more], cwd=ROOT, env=environment, stdout=log, stderr=log, text=True)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        master = start("master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port)
        for _ in range(int(services["worker"]["scale"])):
            start("worker", "--master-port", port)
        assert master.wait(timeout=120) == 0, (tmp_path / "master.log").read_text(encoding="utf-8")
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["run"]["workers"] == 2
    assert summary["outcomes"]["ok"] > 0


def _options(command: str) -> list[str]:
    """What the command tells the mock, beside where it listens."""
    program, options = shlex.split(command)[:3], shlex.split(command)[3:]
    assert program == ["python", "-m", "mock_server"]
    told = dict(zip(options[::2], options[1::2], strict=True))
    assert (told.pop("--host"), told.pop("--port")) == ("0.0.0.0", "8000")  # noqa: S104  the network of the containers
    return [word for option in told.items() for word in option]


def test_compose__gives_out_nothing_but_the_mock_and_to_this_machine_only() -> None:
    """Locust's port between its processes stays inside."""
    ports = {name: service["ports"] for name, service in _services().items() if "ports" in service}
    assert ports == {"mock": ["127.0.0.1:8000:8000"]}


def test_compose__builds_the_image_of_the_dockerfile() -> None:
    """From the root of the repository, which has what it copies."""
    for service in _services().values():
        context = (COMPOSE.parent / service["build"]["context"]).resolve()
        assert context == ROOT
        assert context / service["build"]["dockerfile"] == DOCKERFILE


def test_image__is_nobodys_root_and_starts_the_mock() -> None:
    """On the port that it says."""
    image = _instructions()
    assert image["USER"] == "10001"
    assert _options(shlex.join(json.loads(image["CMD"]))) == []
    assert image["EXPOSE"] == "8000"


def test_health_check_of_the_image__tells_a_mock_from_nothing() -> None:
    """It asks at the port where the mock listens in the image."""
    command = json.loads(_instructions()["HEALTHCHECK"].partition("CMD")[2])
    assert command[0] == "python"
    with running() as address:
        healthy = _check(command, address)
    assert (healthy, _check(command, f"http://127.0.0.1:{_free_port()}")) == (0, 1)


def _check(command: list[str], address: str) -> int:
    asked = [word.replace("http://127.0.0.1:8000", address) for word in command]
    return subprocess.run([sys.executable, *asked[1:]], check=False, capture_output=True, env={}, timeout=30).returncode


def _has_docker() -> bool:
    """Whether there is a Docker that builds."""
    program = shutil.which("docker")
    return program is not None and subprocess.run([program, "info"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(
    not _has_docker(), reason="optional: needs docker: apt-get install docker.io, and its service started"
)
def test_image__is_built_and_keeps_the_contract() -> None:
    """From the base by its digest and the packages by their hashes, as `make image` does."""
    made = subprocess.run(["make", "image"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=900)
    assert made.returncode == 0, made.stdout + made.stderr


def test_build__gets_every_file_that_it_copies() -> None:
    """What .dockerignore lets through is what the Dockerfile names; and it installs extras that there are."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", text, re.MULTILINE) for word in line.split()}
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    }
    assert copied == let_through
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"mixtral_contract", project["readme"], *project["license-files"]} <= copied
    (extras,) = re.findall(r'-e "\.\[(\w+)\]"', text)
    assert extras in project["optional-dependencies"]
    assert all((ROOT / name).exists() for name in copied)
