"""The licences of what is installed, by what each distribution says of itself: `python -m tests.packaging.licences`.

What users install must have one of a list; what only develops and tests this project may have a few more.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = "mixtral-contract"
ALLOWED = frozenset(
    (
        *("Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "ISC", "MIT", "MIT-0", "MIT-CMU"),
        *("MPL-2.0", "PSF-2.0", "ZPL-2.1"),
    )
)
FOR_TOOLS = frozenset(("LGPL-2.1-only",))
"""Used here and given to nobody."""

_EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+")
_OPERATORS = frozenset(("AND", "OR", "WITH"))
_CLASSIFIERS: Mapping[str, str] = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.1-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_TEXTS: Mapping[str, str] = {"Apache 2.0": "Apache-2.0", "MIT License": "MIT", "MIT license": "MIT"}
"""What older metadata says in its own words, in its first line."""


@dataclass(frozen=True, slots=True)
class Licensed:
    """An installed distribution; `licences` are all that its metadata names, none where it names none."""

    name: str
    version: str
    licences: frozenset[str]
    is_for_users: bool

    @property
    def is_allowed(self) -> bool:
        """Whether every licence that it names is on the list for such as it."""
        return bool(self.licences) and self.licences <= (ALLOWED if self.is_for_users else ALLOWED | FOR_TOOLS)


def installed() -> list[Licensed]:
    """All distributions of this environment, by name, this project's own left out."""
    users = set(_closure(OWN, {"all"}))
    found = {canonicalize_name(each.name): each for each in distributions()}
    return [
        Licensed(each.name, each.version, licences_of(each), name in users)
        for name, each in sorted(found.items())
        if name != OWN
    ]


def licences_of(found: Distribution) -> frozenset[str]:
    """The identifiers that the metadata names: an expression of SPDX, a known text, or classifiers."""
    metadata = found.metadata
    # all of a name, for one that is not there is none
    expression, text = ("".join(metadata.get_all(name, [])) for name in ("License-Expression", "License"))
    lines = (expression or text).strip().splitlines()
    said = _TEXTS.get(lines[0].strip(), lines[0].strip()) if lines else ""
    if expression or (len(lines) == 1 and said in ALLOWED | FOR_TOOLS) or " AND " in said:
        return frozenset(_EXPRESSION.findall(said)) - _OPERATORS
    if lines and said in _TEXTS.values():
        return frozenset((said,))
    classifiers = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier", []) if "License ::" in each]
    return frozenset(_CLASSIFIERS.get(each, each) for each in classifiers)


def _closure(name: str, extras: set[str]) -> Iterator[str]:
    """The distribution and all that it asks for here, with these extras."""
    waiting, seen = [(canonicalize_name(name), frozenset(extras))], set()
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        yield asked[0]
        for line in distribution(asked[0]).requires or ():
            wanted = Requirement(line)
            markers = [{"extra": extra} for extra in ("", *asked[1])]
            if wanted.marker is None or any(map(wanted.marker.evaluate, markers)):
                waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))


def main() -> int:
    """Prints a line for each; exit status 1 when one is not allowed."""
    found = installed()
    lines = []
    for each in found:
        mark = "" if each.is_allowed else "  (not on the list)"
        users = "users" if each.is_for_users else "tools"
        named = ", ".join(sorted(each.licences)) or "none named"
        lines.append(f"{each.name:32} {each.version:18} {users:6} {named}{mark}\n")
    sys.stdout.writelines(lines)
    return 0 if all(each.is_allowed for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
