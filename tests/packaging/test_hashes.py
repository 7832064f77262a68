"""What the image installs is named by hash, and by the versions that everything here is tested with."""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.packaging.hashes import requirements, written
from tests.support.repository import ROOT

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


def _locked() -> dict[NormalizedName, str]:
    text = (ROOT / "mock_server" / "requirements.txt").read_text(encoding="utf-8")
    pins = _PIN.findall(text)
    assert sum(len(hashes.splitlines()) for *_, hashes in pins) + 1 == len(text.splitlines())
    return {canonicalize_name(name): version for name, version, _ in pins}


def test_image__installs_the_pinned_versions_by_hash() -> None:
    """`make hashes` brings them together again."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    known = dict(line.split("==") for line in pins if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in known.items()}
    locked = _locked()
    assert {name: version for name, version in pinned.items() if name in locked} == locked
    assert {canonicalize_name(Requirement(each).name) for each in requirements()} <= locked.keys()


def test_hashes__of_all_machines_stand_together() -> None:
    """Each once, by name."""

    def report(**hashes: str) -> dict[str, object]:
        return {
            "install": [
                {
                    "metadata": {"name": name, "version": "1"},
                    "download_info": {"archive_info": {"hashes": {"sha256": own}}},
                }
                for name, own in hashes.items()
            ]
        }

    text = written([report(b="2", A="1"), report(b="3", A="1")])
    assert text.splitlines()[1:] == [
        "A==1 \\",
        "    --hash=sha256:1",
        "b==1 \\",
        "    --hash=sha256:2 \\",
        "    --hash=sha256:3",
    ]


def test_dockerfile__names_its_base_by_digest_and_installs_by_hash() -> None:
    """And fetches nothing else."""
    text = (ROOT / "mock_server" / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.12-slim@sha256:[0-9a-f]{64}", bases[0])
    fetches = [line for line in text.replace("\\\n", " ").splitlines() if "pip install" in line]
    assert [("--require-hashes" in line, "--no-deps" in line) for line in fetches] == [(True, True), (False, True)]
    assert "--no-build-isolation" in fetches[1]
