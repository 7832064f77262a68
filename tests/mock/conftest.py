"""The contract, and mocks that run as processes and end with the test that asked for them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from mixtral_contract.contract.openapi import Contract

Start = Callable[..., str]


@contextlib.contextmanager
def running(*options: str) -> Iterator[str]:
    """The address of a mock with these options."""
    command = [sys.executable, "-m", "mock_server", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith(("http://", "https://")), "the mock did not start"
            yield address
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The contract as shipped."""
    return Contract.load()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of one mock that answers at once, for tests that leave no trace in it."""
    with running() as address:
        yield address


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mocks of one's own: their options in, their address out."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(running(*options))
