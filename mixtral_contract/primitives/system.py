"""What the operating system offers beyond what every one does.

With MIXTRAL_CONTRACT_PORTABLE=1 in the environment it is taken for one that offers none of it: so the tests show on
Linux what works on macOS and Windows.
"""

from __future__ import annotations

import os
import sys
from typing import Literal

SWITCH = "MIXTRAL_CONTRACT_PORTABLE"


def has_fork() -> bool:
    """Whether a process can be forked."""
    return hasattr(os, "fork") and not _is_portable()


def has_timerfd() -> bool:
    """Whether there are timers that are file descriptors. Source: timerfd_create(2)."""
    return sys.platform == "linux" and not _is_portable()


def event_loop() -> Literal["auto", "asyncio"]:
    """The event loop of a server, by uvicorn's word: `auto` is uvloop where that is installed."""
    return "asyncio" if _is_portable() else "auto"


def _is_portable() -> bool:
    return os.environ.get(SWITCH) == "1"
