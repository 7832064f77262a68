from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.clients.client import ENVIRONMENT
from tests.mock.conftest import running

Needed = Callable[[], None]


@pytest.fixture(scope="session")
def installed() -> Needed:
    """Says that the test needs what `make clients` installs: without it the test is skipped, and fails in CI."""

    def need() -> None:
        if not (ENVIRONMENT / ".ready").exists():
            reason = "other people's clients are not installed: make clients"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)

    return need


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a mock of one's own."""
    with running() as made:
        yield made
