"""Digests of what a run sends, by which two runs are told to have been asked alike. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.load.prompt_files.own_prompt import OwnPrompt
from mixtral_contract.load.workload.arrivals import Arrival
from mixtral_contract.load.workload.lengths import Lengths

_LENGTH = 12


def contract_digest(operation: Operation) -> str:
    """A digest of what the contract says of the request: method, path and each field."""
    return _digest([operation.method, operation.path, operation.request.raw, operation.request.properties])


def workload_digest(own: Sequence[OwnPrompt], trace: Sequence[Arrival], lengths: Sequence[Lengths]) -> str | None:
    """A digest of what a run read from files: prompts, a trace, lengths; None when it read nothing."""
    read = [own, trace, [each for each in lengths if str(each).startswith("file:")]]
    return _digest([repr(each) for each in read]) if any(read) else None


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
