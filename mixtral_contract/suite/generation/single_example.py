"""A property that is tried on one example, for targets whose completions cost money."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mixtral_contract.suite.verdicts.verdict import Outcome


@contextmanager
def one_example(function: Any) -> Iterator[None]:
    """A property asks on its first example only meanwhile, and repeats its outcome after that; others are left alone.

    Hypothesis tries every example that is written down, and a falsified one a second time, to see whether it can be
    relied on; here each would be billed.
    """
    handle = getattr(function, "hypothesis", None)
    if handle is None:
        yield
        return
    inner = handle.inner_test
    met: list[Outcome | None] = []

    @functools.wraps(inner)
    def asked_once(*args: Any, **kwargs: Any) -> None:
        if not met:
            try:
                inner(*args, **kwargs)
                met.append(None)
            except Outcome as outcome:
                met.append(outcome)
        if met[0] is not None:
            raise met[0]

    handle.inner_test = asked_once
    try:
        yield
    finally:
        handle.inner_test = inner
