"""Ctrl-C among greenlets."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal
import gevent
from load._interrupt import interrupt_main_only

interrupt_main_only()

def work():
    os.kill(os.getpid(), signal.SIGINT)
    print("the greenlet goes on")

working = gevent.spawn(work)
try:
    gevent.sleep(5)
except KeyboardInterrupt:
    print("the main greenlet is interrupted")
working.join()
"""


def test_interrupt_in_a_greenlet__reaches_the_main_one_only() -> None:
    """Whoever runs when the signal comes is not killed by it, and no traceback is shown."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["the greenlet goes on", "the main greenlet is interrupted"]
