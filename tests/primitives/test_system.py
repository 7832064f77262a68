"""What is taken for the system's, with and without the switch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mixtral_contract.primitives import system


def test_linux__has_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the switch."""
    monkeypatch.delenv(system.SWITCH, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "fork", lambda: 0, raising=False)
    assert (system.has_fork(), system.has_timerfd(), system.event_loop()) == (True, True, "auto")


def test_switch__leaves_what_every_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """With it Linux is no better than others."""
    monkeypatch.setenv(system.SWITCH, "1")
    assert (system.has_fork(), system.has_timerfd(), system.event_loop()) == (False, False, "asyncio")


def test_several_workers__are_refused_without_fork() -> None:
    """In one line."""
    command = [sys.executable, "-m", "mixtral_contract.mock", "--port", "0", "--workers", "2"]
    environment = {**os.environ, system.SWITCH: "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert "--workers: expected 1 where processes cannot be forked, got 2" in ran.stderr
    assert ran.stderr.count("\n") == 1
