"""The published schema of summary.json, and the check that a summary keeps it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs

from tests.support.repository import ROOT

SCHEMA = json.loads((ROOT / "mixtral_contract/load/results/summary.schema.json").read_text(encoding="utf-8"))
_VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def checked(summary: Any) -> Any:
    """The summary; AssertionError with all that departs from the schema."""
    assert not (departs := [f"{error.instance_path}: {error.message}" for error in _VALIDATOR.iter_errors(summary)]), (
        departs
    )
    return summary
