"""The presets of known live targets: which dialect they speak, where they are, which variable holds their key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec.contract import Contract, read_yaml

PRESETS = Path(__file__).with_name("targets.yaml")


@dataclass(frozen=True, slots=True)
class Price:
    """What one completion cost in the mean, on that day, by that source."""

    usd_per_completion: float
    date: dt.date
    source: str


@dataclass(frozen=True, slots=True)
class Preset:
    """One known live endpoint; `api_key_env` names the variable that holds its key, `price` None: none is published."""

    name: str
    dialect: str
    base_url: str
    api_key_env: str
    price: Price | None = None


def presets(contract: Contract, path: Path = PRESETS) -> Mapping[str, Preset]:
    """The known targets by name; those whose dialect the contract no longer has are left out."""
    return {
        name: _preset(name, entry, contract)
        for name, entry in read_yaml(path).items()
        if entry["dialect"] in contract.operations
    }


def _preset(name: str, entry: Mapping[str, Any], contract: Contract) -> Preset:
    return Preset(
        name=name,
        dialect=entry["dialect"],
        base_url=contract.operations[entry["dialect"]].server,
        api_key_env=entry["api_key_env"],
        price=Price(**entry["price"]) if "price" in entry else None,
    )
