"""Where a door is: the folders that people read, edit and run, in a checkout or in an installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def door(name: str) -> Path:
    """The folder `spec`, `mock_server`, `contract_tests` or `load`.

    An installed package carries it below `mixtral_contract/doors`; in a checkout it stands beside the package.
    """
    installed = _PACKAGE / "doors" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
