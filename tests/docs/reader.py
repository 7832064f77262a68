"""Somebody who types what a page says: into a shell, in a copy of the repository, against a server of his own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

import httpx

from tests.docs.commands import Ends, Serves

_LIMIT_S = 120
_PRINTED = "http://127.0.0.1:8000"
_MOCK = "python -m mock_server --ttft-ms 50 --itl-ms 5"
_QUESTION = {"messages": [{"role": "user", "content": "tell me a joke on cats"}]}
_NOT_INHERITED = ("_API_KEY", "_BASE_URL", "_PROXY")
# the two plugins come by name: where the project is not installed, pytest does not find them by itself
_PLUGINS = "-p mixtral_contract.pytest_plugin -p mixtral_contract.pytest_suite_plugin -p no:cacheprovider"


class Reader:
    """Types commands in a folder; what they say about the printed address is about the server that he has there.

    That is the last one of the page that stays, and before there is any a plain mock. To be closed by the ExitStack.
    """

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder = folder
        self._closing = closing
        self._own = ""

    @property
    def address(self) -> str:
        """Where his server is."""
        if not self._own:
            self._own = self._closing.enter_context(self._serving(_MOCK))
        return self._own

    def types(self, command: str, how: Ends | Serves) -> None:
        """Types the command, and sees that it does what it should.

        Raises: AssertionError with what it printed when it does not.
        """
        if isinstance(how, Ends):
            self._ends(command, how)
        elif how.stays:
            self._own = self._closing.enter_context(self._serving(command))
            self._asks(self._own, how, command)
        else:
            typed = command.replace(how.upstream, self.address) if how.upstream else command
            with self._serving(typed) as address:
                self._asks(address, how, command)

    def runs(self, code: str) -> str:
        """What a program of the page prints.

        Raises: AssertionError with its errors when it fails.
        """
        (self._folder / "program.py").write_text(code.replace(_PRINTED, self.address), encoding="utf-8")
        return self._done("python program.py", {}, 0)

    def keeps(self, file: str, text: str) -> None:
        """Writes a file that the page shows."""
        (self._folder / file).write_text(text, encoding="utf-8")

    def _ends(self, command: str, how: Ends) -> None:
        typed = f"{command} {how.adding}".strip()
        if _PRINTED in typed:
            typed = typed.replace(_PRINTED, self.address)
        said = self._done(typed, dict(how.keys), how.status)
        assert how.saying in said, f"{typed}: expected {how.saying!r}, got\n{said}"

    def _asks(self, address: str, how: Serves, command: str) -> None:
        got = httpx.post(
            f"{address}/v1/chat/completions",
            headers={"authorization": "Bearer mock-valid"},
            json=_QUESTION,
            timeout=_LIMIT_S,
            trust_env=False,
        )
        assert got.status_code == how.status, f"{command}: {got.status_code} {got.text}"

    def _done(self, typed: str, keys: dict[str, str], status: int) -> str:
        done = subprocess.run(
            ["sh", "-c", typed],
            cwd=self._folder,
            env=self._environment() | keys,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
        )
        assert done.returncode == status, f"{typed}: ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    @contextmanager
    def _serving(self, command: str) -> Iterator[str]:
        """A server's address while it runs, on a free port."""
        with (
            (self._folder / "server.log").open("w+", encoding="utf-8") as log,
            subprocess.Popen(
                ["sh", "-c", f"exec {command} --port 0"],
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as server,
        ):
            assert server.stdout is not None
            late = threading.Timer(_LIMIT_S, server.kill)
            late.start()
            try:
                address = server.stdout.readline().strip()
                late.cancel()
                assert address.startswith("http"), f"{command}: expected an address, got {address!r}\n{_text(log)}"
                yield address
            finally:
                late.cancel()
                server.terminate()
                assert server.wait(timeout=_LIMIT_S) == 0, f"{command}: ended with {server.returncode}"

    def _environment(self) -> dict[str, str]:
        """That of somebody who has activated the virtual environment, and none of his own keys."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "LOCUST_")) and not name.upper().endswith(_NOT_INHERITED)
        }
        return {
            **kept,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "PYTHONPATH": str(self._folder),
            # what was calibrated on this machine is nobody's who reads the page for the first time
            "XDG_STATE_HOME": str(self._folder / "state"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": _PLUGINS,
        }


def _text(log: TextIO) -> str:
    log.seek(0)
    return log.read()
