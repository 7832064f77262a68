from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.clients import client
from tests.mock.conftest import running

Needed = Callable[[str], None]


@pytest.fixture(scope="session")
def installed() -> Needed:
    """Skips a test without what `make clients` installs for python or node; with ALL_CLIENTS set it fails, as in CI."""

    def need(language: str) -> None:
        if not client.installed(language):
            reason = f"needs other people's clients for {language}: make clients"
            if os.environ.get("ALL_CLIENTS"):
                pytest.fail(reason)
            pytest.skip(reason)

    return need


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a mock of one's own."""
    with running() as made:
        yield made
