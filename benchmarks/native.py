"""The two C programs of this folder: compiled when they are needed, with what they read and what they print."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import MachineError

_FOLDER = Path(__file__).parent
_FLAGS = ("-O2", "-march=native")


def compiled(name: str, folder: Path) -> Path:
    """The program `name.c`, compiled into a folder.

    Raises: MachineError when there is no C compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise MachineError("cc: expected a C compiler on the path, got none")
    program = folder / name
    subprocess.run([compiler, *_FLAGS, "-o", program, _FOLDER / f"{name}.c"], check=True)
    return program


def write_blocks(path: Path, blocks: Iterable[bytes]) -> Path:
    """Writes blocks as both programs read them: a 32-bit length in the machine's order, and the bytes."""
    path.write_bytes(b"".join(struct.pack("=I", len(block)) + block for block in blocks))
    return path


@dataclass(frozen=True, slots=True)
class Plan:
    """How the client calls: `requests` is a file of blocks; the pace is that of the streams it is to expect.

    The connections begin within `spread_ms`, and the `seconds` that are counted begin after it.
    """

    requests: Path
    connections: int
    seconds: float
    spread_ms: int = 0
    ttft_ns: int = 0
    itl_ns: int = 0
    tokens: int = 0


@contextmanager
def calling(client: Path, port: int, plan: Plan) -> Iterator[Callable[[], dict[str, Any]]]:
    """Calls a server; the body runs while it does, and gets what the client saw from the function that waits for it.

    What the client saw are counts, seconds, and microseconds: `client.c` says which. The function raises MachineError
    when the client ended early.
    """
    settings = (plan.connections, plan.seconds, plan.spread_ms, plan.ttft_ns, plan.itl_ns, plan.tokens)
    command: list[str | Path] = [client, str(port), plan.requests, *map(str, settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:

        def seen() -> dict[str, Any]:
            printed, error = running.communicate()
            if running.returncode:
                raise MachineError(f"client: expected a run of {plan.seconds} s, got {error.strip()!r}")
            figures: dict[str, Any] = json.loads(printed)
            return figures

        try:
            yield seen
        finally:
            running.kill()  # it is over, unless this process is ended before it
