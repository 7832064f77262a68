"""A plugin of pytest: a mock at an address is not known as one, so that the suite asks as of a server that bills."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.target import target


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Before the suite looks what answers there."""
    target.is_mock = lambda base_url: False  # noqa: ARG005
