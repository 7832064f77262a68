"""What others may build on."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mixtral_contract
from mixtral_contract import testing
from mixtral_contract.mock.testing.mocks import MixtralApi


def _run(program: str) -> str:
    """What a program of its own prints: it imports Locust, or must not have imported anything before."""
    ran = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout.strip()


def test_package__has_the_contract() -> None:
    """And nothing that is not listed."""
    assert mixtral_contract.__all__ == ["Clause", "Contract", "ContractError", "load_clauses"]
    assert "nvidia" in mixtral_contract.Contract.load().operations
    assert isinstance(mixtral_contract.load_clauses()["SSE-08"], mixtral_contract.Clause)
    assert issubclass(mixtral_contract.ContractError, ValueError)
    with pytest.raises(AttributeError, match="module 'mixtral_contract' has no attribute 'Contrakt'"):
        mixtral_contract.Contrakt  # noqa: B018  asking is the test


def test_testing__has_the_mocks() -> None:
    """Under a name that stays."""
    parts = ["comment", "cut", "error", "finish", "pause", "raw", "tool_call"]
    assert testing.__all__ == ["MixtralApi", "MixtralServer", "UnmockedError", *parts]
    assert testing.MixtralApi is MixtralApi


def test_load__has_the_locust_user() -> None:
    """As a class of Locust's."""
    program = """
from locust import User
from mixtral_contract.load import ChatUser, register
print(issubclass(ChatUser, User), callable(register))
"""
    assert _run(program) == "True True"


def test_import__is_cheap() -> None:
    """Every run of pytest imports the package: it brings itself and no other package of ours or of others."""
    program = """
import sys
before = set(sys.modules)
import mixtral_contract, mixtral_contract.load
print(sorted(name for name in set(sys.modules) - before if name.partition(".")[0] not in sys.stdlib_module_names))
"""
    assert _run(program) == "['mixtral_contract', 'mixtral_contract.load']"
