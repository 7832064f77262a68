"""A bounded memory of what was computed before: the oldest entry goes when a new one has no room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class BoundedCache(Generic[Key, Value]):
    """At most `size` entries; any thread may use it."""

    def __init__(self, size: int) -> None:
        self._size = size
        # not a dict: looking for its oldest entry passes all that were deleted before it
        self._entries = OrderedDict[Key, Value]()
        self._changing = threading.Lock()
        self.get: Callable[[Key], Value | None] = self._entries.get
        """The value kept for a key; None when there is none."""

    def put(self, key: Key, value: Value) -> None:
        """Keeps a value."""
        with self._changing:
            if len(self._entries) >= self._size:
                self._entries.popitem(last=False)
            self._entries[key] = value
