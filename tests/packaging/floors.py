"""The lowest versions that the package says it works with, as exact ones: `python -m tests.packaging.floors`.

pip takes what this prints as constraints; `make floors` installs exactly these and runs the tests that matter.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator

from tests.support.repository import ROOT

_FLOOR = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)>=(?P<version>[0-9][0-9.]*)(?:,[^;]*)?(?P<marker>;.*)?")


def floors(requirements: Iterable[str]) -> Iterator[str]:
    """Each requirement that states a lowest version, with that version as the only one."""
    for requirement in requirements:
        if (found := _FLOOR.fullmatch(requirement)) is not None:
            yield f"{found['name']}=={found['version']}{found['marker'] or ''}"


def main() -> int:
    """Prints those of the core and of the extras for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    stated = [*project["dependencies"], *extras["suite"], *extras["load"], *extras["record"]]
    sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(floors(stated)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
