"""The presets of known live targets: which dialect they speak, where they are, which variable holds their key.

And, in one place, which addresses cost money.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixtral_contract.contract.openapi import Contract, Operation, read_yaml
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.primitives.doors import door

PRESETS = door("spec") / "targets.yaml"


@dataclass(frozen=True, slots=True)
class Price:
    """What one completion cost in the mean, on that day, by that source."""

    usd_per_completion: float
    date: dt.date
    source: str


@dataclass(frozen=True, slots=True)
class Preset:
    """One known endpoint; `api_key_env` names the variable with its key (None: it asks for none), `price` None: none
    is published.

    `paid` is False only where completions cost nobody anything.
    """

    name: str
    dialect: str
    base_url: str
    api_key_env: str | None = None
    paid: bool = True
    price: Price | None = None


def presets(contract: Contract, path: Path = PRESETS) -> Mapping[str, Preset]:
    """The known targets by name; those whose dialect the contract no longer has are left out."""
    return {
        name: _preset(name, entry, contract)
        for name, entry in read_yaml(path).items()
        if entry["dialect"] in contract.operations
    }


def preset_at(target: BaseUrl, known: Mapping[str, Preset], dialect: str | None = None) -> Preset | None:
    """The preset whose host the target has, the one of that dialect first; None for any other server.

    On this machine and in private networks the port tells servers apart.
    """
    there = [preset for preset in known.values() if _is_at(target, BaseUrl.parse(preset.base_url))]
    return next((preset for preset in there if preset.dialect == dialect), there[0] if there else None)


def _is_at(target: BaseUrl, known: BaseUrl) -> bool:
    return target.host == known.host and (not known.is_private or target.port == known.port)


def spoken_at(target: BaseUrl, contract: Contract, known: Mapping[str, Preset]) -> tuple[Operation, str] | None:
    """What an address is taken to speak where nobody says it, and one line that says why; None where nothing tells."""
    preset = preset_at(target, known)
    operation = contract.operations[preset.dialect] if preset else contract.any_server
    if operation is None:
        return None
    if preset is not None and not operation.is_for_any_server:
        return operation, f"dialect: {operation.dialect}, which {target.authority} documents"
    return (
        operation,
        f"dialect: {operation.dialect}, for {target.authority} is no vendor's address; --dialect says another",
    )


def is_paid(target: BaseUrl, known: Mapping[str, Preset]) -> bool:
    """Whether a completion there may cost somebody money.

    A known host's preset says so; a server on this machine or in a private network is free; any other is taken for
    paid, for it cannot be told.
    """
    preset = preset_at(target, known)
    return not target.is_private if preset is None else preset.paid


def _preset(name: str, entry: Mapping[str, Any], contract: Contract) -> Preset:
    return Preset(
        name=name,
        dialect=entry["dialect"],
        base_url=entry.get("base_url", contract.operations[entry["dialect"]].server),
        api_key_env=entry.get("api_key_env"),
        paid=entry.get("paid", True),
        price=Price(**entry["price"]) if "price" in entry else None,
    )
