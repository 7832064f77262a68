from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    # the suite's own tests are read here too, to be judged without pytest around them
    config.addinivalue_line("markers", "clause(id): the clause of the contract that the test judges")
