"""Ctrl-C in a process of greenlets: it interrupts the main one, which ends the run and writes the reports.

Python raises KeyboardInterrupt in whichever greenlet runs when the signal comes. In one that starts users or reads a
stream it would kill that one only, with a traceback, and leave the run half stopped.
"""

from __future__ import annotations

import signal

import gevent  # type: ignore[import-untyped]  # its stubs are a package of their own


def interrupt_main_only() -> None:
    """From now on SIGINT is KeyboardInterrupt in the main greenlet; a handler that somebody set stays."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt_main)


def _interrupt_main(*_: object) -> None:
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
