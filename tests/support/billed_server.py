"""A plugin of pytest: completions of the chosen target cost money, so that the suite asks as of a live one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mixtral_contract.suite.target import target

_choose = target.choose


def _choose_as_billed(*arguments: Any, **options: Any) -> target.Target:
    return replace(_choose(*arguments, **options), paid=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Before the suite reads its options."""
    target.choose = _choose_as_billed
