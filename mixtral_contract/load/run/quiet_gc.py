"""Keeps Python's collector of cycles from stopping the process while it measures.

A full collection looks at every object there is: with Locust and a tokenizer in memory it takes a tenth of a second, in
which no stamp is taken. What lives when a run starts lives until its end, so it need not be looked at; what a request
leaves behind is freed without the collector.
"""

from __future__ import annotations

import gc

_THRESHOLDS = (20_000, 20, 50)
"""Objects until the youngest generation is looked at, and how many such looks until the next older one is."""


class QuietCollector:
    """From now on collections are short and rare, until `restore`."""

    def __init__(self) -> None:
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)

    def restore(self) -> None:
        """Puts things back as they were."""
        gc.set_threshold(*self._before)
        gc.unfreeze()
