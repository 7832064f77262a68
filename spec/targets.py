"""The presets of known live targets: which dialect they speak, where they are, which variable holds their key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spec.contract import Contract, read_yaml

PRESETS = Path(__file__).with_name("targets.yaml")


@dataclass(frozen=True, slots=True)
class Preset:
    """One known live endpoint; `api_key_env` is the name of the variable that holds its key."""

    name: str
    dialect: str
    base_url: str
    api_key_env: str


def presets(contract: Contract, path: Path = PRESETS) -> Mapping[str, Preset]:
    """The known targets by name; those whose dialect the contract no longer has are left out."""
    raw = read_yaml(path)
    return {
        name: Preset(name, entry["dialect"], contract.operations[entry["dialect"]].server, entry["api_key_env"])
        for name, entry in raw.items()
        if entry["dialect"] in contract.operations
    }
