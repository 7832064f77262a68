"""Lets the suite be run by its folder's name: `pytest --pyargs contract_tests --target nvidia`.

pytest reads a conftest's options only from folders that stand on the command line, so it is told the folder of the
clauses where the name stands. Every run of pytest loads this file where the package is installed, and no other run is
touched: options named --target or --budget would get in the way of other projects.
"""

from __future__ import annotations

import pytest

_SUITE = "contract_tests"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Tells pytest where the suite's conftest is, when the suite is asked for by name.

    Raises: UsageError when what the suite needs is not installed.
    """
    chosen = early_config.known_args_namespace
    if not chosen.pyargs or not any(map(_is_ours, chosen.file_or_dir)):
        return
    from mixtral_contract.primitives.extras import missing  # noqa: PLC0415  no other run waits for it

    if (wrong := missing("suite")) is not None:
        raise pytest.UsageError(wrong)
    chosen.file_or_dir = [_path(argument) if _is_ours(argument) else argument for argument in chosen.file_or_dir]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Tells pytest where the clauses are: they are no package that could be found by its name."""
    if config.option.pyargs:
        config.args[:] = [_path(argument) if _is_ours(argument) else argument for argument in config.args]


def _is_ours(argument: str) -> bool:
    return argument.partition("::")[0].split(".")[0] == _SUITE


def _path(argument: str) -> str:
    """`contract_tests`, or `contract_tests.test_auth::test_name`, as pytest names it by its path."""
    from mixtral_contract.primitives.doors import door  # noqa: PLC0415  likewise

    name, *test = argument.split("::")
    module = name.partition(".")[2]
    folder = door(_SUITE)
    return "::".join((str(folder / f"{module}.py" if module else folder), *test))
