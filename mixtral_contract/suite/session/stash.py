"""What hooks and fixtures of one run hand to each other through pytest's stash."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.client.client import TargetClient
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.session.settings import Settings

SETTINGS = pytest.StashKey[Settings]()
CLIENT = pytest.StashKey[TargetClient]()
"""Of the configuration: what the run is to do, and the client once it is made."""

REQUESTS_BEFORE = pytest.StashKey[int]()
"""Of a test: how many requests had been sent before it."""

USED = pytest.StashKey[tuple[int, int]]()
"""Of a test: how many requests it sent itself, and how many completions it used up."""

LAST_EXCHANGE = pytest.StashKey[Exchange | None]()
"""Of a test: what it looked at last."""
