"""Ctrl-C in a process of greenlets: it interrupts the main one, which ends the run and writes the reports.

Python raises KeyboardInterrupt in whichever greenlet runs when the signal comes. In one that starts users or reads a
stream it would kill that one only, with a traceback, and leave the run half stopped.

A second Ctrl-C would interrupt the writing of the reports, and lose what was measured: it only says that they are being
written. The third ends the process at once.
"""

from __future__ import annotations

import os
import signal
import sys

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own

INTERRUPTED = 128 + signal.SIGINT
"""The exit status of a process that a third Ctrl-C ended, as shells have it."""

GRACE_S = 15.0
"""So long a worker waits for its master after Ctrl-C."""


def interrupt_main_only() -> None:
    """From now on SIGINT is KeyboardInterrupt in the main greenlet; a handler that somebody set stays."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt_main)


def was_pressed() -> bool:
    """Whether Ctrl-C is what interrupted this process; to be asked before `keep_reports`."""
    return signal.getsignal(signal.SIGINT) in (_say_second, _note_second, _leave)


def terminate_on_hangup() -> None:
    """From now on SIGHUP is as SIGTERM, so that a run whose terminal is closed writes what there is.

    A process that was told to live on (nohup) does.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _terminate)


def leave_hangup_to_master() -> None:
    """From now on SIGHUP does nothing to a worker of `--processes`: its master gets it too, and ends it."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def keep_reports() -> None:
    """From now on the first Ctrl-C is as the second: the run has ended by itself, and its reports are being written."""
    if signal.getsignal(signal.SIGINT) is _interrupt_main:
        signal.signal(signal.SIGINT, _say_second)


def all_is_written() -> None:
    """From now on Ctrl-C does nothing: the process is about to end, and its exit status is to be the run's."""
    if signal.getsignal(signal.SIGINT) in (_interrupt_main, _say_second, _leave):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def leave_first_to_master() -> None:
    """From now on the first SIGINT of a worker is only noted: its master gets it too, and asks for the last counts.

    For the processes of `--processes`, which a terminal's Ctrl-C reaches all at once. It does interrupt when the master
    has not ended this process in time.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _note_first)


def _note_first(*_: object) -> None:
    signal.signal(signal.SIGINT, _note_second)
    gevent.spawn_later(GRACE_S, _interrupt_main)


def _note_second(*_: object) -> None:
    signal.signal(signal.SIGINT, _leave)


def _say_second(*_: object) -> None:
    _note_second()
    sys.stderr.write("the reports are being written; once more ends without them\n")


def _terminate(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(*_: object) -> None:
    os._exit(INTERRUPTED)


def _interrupt_main(*_: object) -> None:
    signal.signal(signal.SIGINT, _say_second)
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
