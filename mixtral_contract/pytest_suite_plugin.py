"""Lets the suite be run by its package's name: `pytest --pyargs contract_tests --target nvidia`.

pytest reads a conftest's options only from folders that stand on the command line, so it is told the folder of this
package where the name stands. Every run of pytest loads this file where the package is installed, and no other run is
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
    if chosen.pyargs and any(map(_is_ours, chosen.file_or_dir)):
        from mixtral_contract.primitives.doors import door  # noqa: PLC0415  no other run waits for it
        from mixtral_contract.primitives.extras import missing  # noqa: PLC0415  likewise

        if (wrong := missing("suite")) is not None:
            raise pytest.UsageError(wrong)
        folder = str(door(_SUITE))
        chosen.file_or_dir = [folder if _is_ours(argument) else argument for argument in chosen.file_or_dir]


def _is_ours(argument: str) -> bool:
    return argument.partition("::")[0].split(".")[0] == _SUITE
