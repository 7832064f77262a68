"""Whether a tag names the version that is about to be released: `python .github/check_version.py v0.2.0`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(tag: str) -> str | None:
    """None when the tag, pyproject.toml, CITATION.cff and CHANGELOG.md name one version; else what is wrong."""
    version = tag.removeprefix("v")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    if project["version"] != version:
        return f"pyproject.toml: expected version {version}, got {project['version']!r}"
    if cited is None or cited[1] != version:
        return f"CITATION.cff: expected version {version}, got {cited and cited[1]!r}"
    if f"\n## [{version}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        return f"CHANGELOG.md: expected a section [{version}], got none"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
