"""The load instrument: what it sends and when, what it measures, and how it says so.

For a locustfile of one's own: `ChatUser`, the user to derive from, and `register(locust.events)`, which makes the run
measure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixtral_contract.load.locust_plugin.chat_user import ChatUser
    from mixtral_contract.load.locust_plugin.register import register

__all__ = ["ChatUser", "register"]

_PLACES = {
    "ChatUser": "mixtral_contract.load.locust_plugin.chat_user",
    "register": "mixtral_contract.load.locust_plugin.register",
}
"""Where a name is defined: importing Locust patches the process, which only who asks for one wants."""


def __getattr__(name: str) -> Any:
    """A public name.

    Raises: AttributeError for any other.
    """
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
