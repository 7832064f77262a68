"""What is found out before a run because nobody said it: the dialect by the address, the model by asking the target.

This is the one request that is sent before a run, and none of its figures has it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace

from mixtral_contract.contract import model_list
from mixtral_contract.contract.presets import presets, spoken_at
from mixtral_contract.load.requests.encoder import request_headers
from mixtral_contract.load.settings.settings import Settings, read_address, read_contract, read_secrets, read_settings
from mixtral_contract.load.units.usage_error import UsageError

_OF_THE_BODY = ("host", "content-type", "accept")
_COMPLETIONS = "/chat/completions"
"""What stands behind the place of all of an API's operations."""


def fill_in(
    options: argparse.Namespace, host: str | None, environ: Mapping[str, str], *, with_secrets: bool = True
) -> list[str]:
    """Sets the dialect and the model that the options leave open; returns a line for each that says why this one.

    The target is asked for its models with the key and the headers of every request; `with_secrets` False: with none.

    Raises: UsageError when the options make no sense, or the target names too many models to take the first.
    """
    notes = []
    target, path = read_address(options, host)
    contract = read_contract(options.spec)
    spoken = None if options.dialect else spoken_at(target, contract, presets(contract))
    if spoken is not None:
        options.dialect = spoken[0].dialect
        notes.append(spoken[1])
    settings = read_settings(options, host)
    if options.model or not settings.operation.is_for_any_server:
        return notes
    if path is not None:
        target = replace(target, path=path.removesuffix(_COMPLETIONS))
    headers = _headers(settings, environ) if with_secrets else {}
    try:
        options.model, note = model_list.find(target, headers, settings.operation.models[0].name)
    except model_list.ModelListError as error:
        raise UsageError(str(error)) from None
    return [*notes, note]


def _headers(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Those of every request, where this process has what they hold: a master need not."""
    try:
        key, *_ = read_secrets(settings, environ)
        headers = request_headers(settings, key, environ)
        return {name: value for name, value in headers.items() if name.lower() not in _OF_THE_BODY}
    except UsageError:
        return {}
