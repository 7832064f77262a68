"""Ctrl-C among greenlets."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, signal
import gevent
from mixtral_contract.load.locust_plugin.ctrl_c import interrupt_main_only

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


WRITING = """
import os, signal, sys
import gevent
from mixtral_contract.load.locust_plugin.ctrl_c import interrupt_main_only

interrupt_main_only()
try:
    os.kill(os.getpid(), signal.SIGINT)
    gevent.sleep(5)
except KeyboardInterrupt:
    for _ in range(int(sys.argv[1])):
        os.kill(os.getpid(), signal.SIGINT)
    print("the report is written")
"""


ENDED = """
import os, signal
import gevent
from mixtral_contract.load.locust_plugin.ctrl_c import interrupt_main_only, keep_reports

interrupt_main_only()
keep_reports()
os.kill(os.getpid(), signal.SIGINT)
gevent.sleep(0.1)
print("the report is written")
"""


def test_interrupt_after_the_end__leaves_the_report_to_be_written() -> None:
    """A run whose time is over needs nobody to end it."""
    done = subprocess.run([sys.executable, "-c", ENDED], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "the report is written\n")
    assert done.stderr == "the reports are being written; once more ends without them\n"


WRITTEN = """
import os, signal
from mixtral_contract.load.locust_plugin.ctrl_c import all_is_written, interrupt_main_only

class AtTheVeryEnd:
    def __del__(self, kill=os.kill, process=os.getpid()):
        kill(process, 2)

interrupt_main_only()
all_is_written()
os.kill(os.getpid(), signal.SIGINT)
os.late = AtTheVeryEnd()
"""


def test_interrupt_when_all_is_written__does_nothing() -> None:
    """Not even while the interpreter ends, which gives signals their default handlers back."""
    done = subprocess.run([sys.executable, "-c", WRITTEN], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_second_interrupt__leaves_the_report_to_be_written() -> None:
    """And says that it is."""
    done = subprocess.run([sys.executable, "-c", WRITING, "1"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "the report is written\n")
    assert done.stderr == "the reports are being written; once more ends without them\n"


def test_third_interrupt__ends_at_once() -> None:
    """Without a traceback."""
    done = subprocess.run([sys.executable, "-c", WRITING, "2"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def test_interrupt_in_a_greenlet__reaches_the_main_one_only() -> None:
    """Whoever runs when the signal comes is not killed by it, and no traceback is shown."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == ["the greenlet goes on", "the main greenlet is interrupted"]
