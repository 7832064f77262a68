"""What holds for every test: a skipped one is named at the end, and fails the run in CI."""

from __future__ import annotations

from tests.support.skipped_tests import pytest_sessionfinish, pytest_terminal_summary

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary"]
