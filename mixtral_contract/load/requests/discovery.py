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
from mixtral_contract.load.settings.settings import Settings, read_contract, read_secrets
from mixtral_contract.load.units.usage_error import UsageError

_OF_THE_BODY = ("host", "content-type", "accept")
_COMPLETIONS = "/chat/completions"
"""What stands behind the place of all of an API's operations."""


def fill_in(settings: Settings, options: argparse.Namespace, environ: Mapping[str, str]) -> list[str]:
    """Sets the dialect and the model that the options leave open; returns a line for each that says why this one.

    `settings` are those of these options. The target is asked for its models as it is asked for all else: with their
    key and headers.

    Raises: UsageError when the target names too many models to take the first.
    """
    notes = []
    if not options.dialect:
        options.dialect = settings.operation.dialect
        contract = read_contract(options.spec)
        spoken = spoken_at(settings.target, contract, presets(contract))
        notes += [] if spoken is None else [spoken[1]]
    if options.model or not settings.operation.is_for_any_server:
        return notes
    server = settings.target
    if settings.changes.path is not None:
        server = replace(server, path=settings.changes.path.removesuffix(_COMPLETIONS))
    try:
        options.model, note = model_list.find(server, _headers(settings, environ), settings.operation.models[0].name)
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
