"""The suite as pytest sees it; what these hooks and fixtures do stands in `mixtral_contract.suite.session`."""

from __future__ import annotations

from mixtral_contract.suite.session.clause_calls import pytest_pyfunc_call, pytest_runtest_call, pytest_runtest_setup
from mixtral_contract.suite.session.configuration import pytest_addoption, pytest_configure, pytest_sessionstart
from mixtral_contract.suite.session.dry_run import pytest_runtestloop
from mixtral_contract.suite.session.fixtures import endpoint, endpoints, fuzz, oracle, running_target
from mixtral_contract.suite.session.outcomes import pytest_runtest_makereport
from mixtral_contract.suite.session.selection import pytest_collection_modifyitems, pytest_generate_tests

__all__ = [
    "endpoint",
    "endpoints",
    "fuzz",
    "oracle",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_pyfunc_call",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_runtestloop",
    "pytest_sessionstart",
    "running_target",
]
