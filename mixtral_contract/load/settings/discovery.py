"""What is found out before a run because nobody said it: the dialect by the address, the model by asking the target.

This is the one request that is sent before a run, and none of its figures has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from mixtral_contract.contract import model_list
from mixtral_contract.contract.presets import presets, spoken_at
from mixtral_contract.load.settings.settings import read_contract, read_key, read_settings, read_target
from mixtral_contract.load.units.usage_error import UsageError


def fill_in(options: argparse.Namespace, host: str | None, environ: Mapping[str, str]) -> list[str]:
    """Sets the dialect and the model that the options leave open; returns a line for each that says why this one.

    Raises: UsageError when the options make no sense, or the target names too many models to take the first.
    """
    notes = []
    target = read_target(host)
    contract = read_contract(options.spec)
    spoken = None if options.dialect else spoken_at(target, contract, presets(contract))
    if spoken is not None:
        options.dialect = spoken[0].dialect
        notes.append(spoken[1])
    settings = read_settings(options, host)
    if options.model or not settings.operation.is_for_any_server:
        return notes
    credential = settings.operation.credentials[0]
    key = _key(settings.key_variable, environ)
    headers = {} if key is None else {credential.header: credential.value(key)}
    try:
        options.model, note = model_list.find(target, headers, settings.operation.models[0].name)
    except model_list.ModelListError as error:
        raise UsageError(str(error)) from None
    return [*notes, note]


def _key(variable: str | None, environ: Mapping[str, str]) -> str | None:
    """The key, where this process has it: a master need not."""
    try:
        return read_key(variable, environ)
    except UsageError:
        return None
