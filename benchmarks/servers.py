"""The servers under measurement: started on one core, asked until they answer, ended by whoever started them."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import MachineError, pin

ROOT = Path(__file__).parent.parent
_READY_S = 30.0
_POLL_S = 0.002
_NGINX = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 20000; }}
http {{
    access_log off; sendfile on; open_file_cache max=10; keepalive_requests 1000000000; default_type application/json;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {folder};
        error_page 405 =200 /reply.json;  # a static file knows GET only
        location = {path} {{ return 405; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """One server to be: its name in the tables, and the command that serves on a port."""

    name: str
    command: Callable[[int], Sequence[str | Path]]


@dataclass(frozen=True, slots=True)
class Server:
    """One server that answers; `start_s` is the time from its start to its first whole answer, `answer` its bytes."""

    name: str
    pid: int
    port: int
    start_s: float
    answer: bytes


def mock(*options: str) -> Program:
    """The mock of this checkout."""
    return Program("mock", lambda port: [sys.executable, "-m", "mock_server", "--port", str(port), *options])


def native(program: Path, reply: Path, *, ttft_ns: int = 0, itl_ns: int = 0) -> Program:
    """The bound in C, sending the blocks of a file."""
    return Program("C", lambda port: [program, str(port), reply, str(ttft_ns), str(itl_ns)])


def nginx(body: bytes, path: str, folder: Path) -> Program:
    """One static file from nginx as the answer to a POST.

    Raises: MachineError when there is no nginx.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise MachineError("nginx: expected the program on the path, got none")
    (folder / "reply.json").write_bytes(body)
    configuration = folder / "nginx.conf"

    def command(port: int) -> Sequence[str | Path]:
        configuration.write_text(_NGINX.format(folder=folder, path=path, port=port), encoding="utf-8")
        return [program, "-c", configuration]

    return Program("nginx", command)


def peer(given: str) -> Program:
    """The server that `NAME=command with {port}` describes.

    Raises: argparse.ArgumentTypeError when it is written otherwise.
    """
    name, _, command = given.partition("=")
    if not name or "{port}" not in command:
        raise argparse.ArgumentTypeError(f"expected NAME=command with {{port}}, got {given!r}")
    return Program(name, lambda port: shlex.split(command.replace("{port}", str(port))))


@contextmanager
def started(program: Program, request: bytes, core: int | None) -> Iterator[Server]:
    """The server on a core, on any of them for None, once it answered the request.

    Raises: MachineError when it ends or does not answer in time.
    """
    port = _free_port()
    command = program.command(port)
    began_s = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=(lambda: pin(core)) if core is not None else None,  # noqa: PLW1509  no thread of ours runs here
        start_new_session=True,
    )
    try:
        answer = _first_answer(program.name, process, port, request, began_s)
        yield Server(program.name, process.pid, port, time.perf_counter() - began_s, answer)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(port: int, request: bytes) -> bytes:
    """The whole answer to a request, as it came.

    Raises: OSError when there is no server or it breaks off.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_READY_S) as connection:
        connection.sendall(request)
        answer = b""
        while not _is_whole(answer):
            received = connection.recv(1 << 16)
            if not received:
                raise ConnectionError(f"port {port}: expected a whole answer, got {len(answer)} bytes")
            answer += received
        return answer


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    return bool(end) and (len(body) >= int(length[1]) if length else body.endswith(b"0\r\n\r\n"))


def _first_answer(name: str, process: subprocess.Popen[bytes], port: int, request: bytes, began_s: float) -> bytes:
    while time.perf_counter() - began_s < _READY_S:
        if process.poll() is not None:
            raise MachineError(f"{name}: expected a server, got exit status {process.returncode}")
        try:
            answer = ask(port, request)
        except OSError:
            time.sleep(_POLL_S)
            continue
        if answer.startswith(b"HTTP/1.1 200"):
            return answer
        time.sleep(_POLL_S)
    raise MachineError(f"{name}: expected an answer with status 200 within {_READY_S:.0f} s, got none")


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port
