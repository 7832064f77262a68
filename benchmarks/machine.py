"""The machine under the measurement: which core runs what, and what a process costs. Linux only."""

from __future__ import annotations

import os
import resource
from pathlib import Path


class MachineError(RuntimeError):
    """The machine cannot do what a measurement needs; the message says what in one line."""


def cores() -> tuple[int, int]:
    """The core of the server and the core of the client.

    Raises: MachineError when there is only one.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise MachineError("cores: expected one for the server and one for the client, got 1")
    return allowed[0], allowed[-1]


def pin(core: int) -> None:
    """Keeps this process, and what it starts from now on, on one core."""
    os.sched_setaffinity(0, {core})


def allow_connections(wanted: int) -> None:
    """Raises the limit of open files.

    Raises: MachineError when it cannot be raised that far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if wanted <= soft:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError) as error:
        raise MachineError(f"open files: expected a limit of {wanted}, got {hard}") from error


def cpu_s(pid: int) -> float:
    """Processor time of a process and of its descendants so far, in user and in system mode, in steps of 10 ms."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:  # it ended meanwhile
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    members = [pid]
    for member in members:
        members += children.get(member, [])
    return members


def rss_mb(pid: int) -> float:
    """Resident memory of a process, in 10^6 bytes."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def describe() -> dict[str, str | int]:
    """What a table of results has to say about where it was measured."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"processor": model, "cores": len(os.sched_getaffinity(0)), "kernel": os.uname().release}
