"""One contract for Mixtral chat completions: a mock server, a conformance suite and a load instrument.

What others may build on: the names in `__all__` here, in `mixtral_contract.testing` (mocks for the tests of an
application) and in `mixtral_contract.load` (the Locust user), the pytest fixtures, the commands with their options, the
formats of files that have a published schema. Everything else may change with any version.

    Contract.load()     the API as data: its operations, rules and answers
    load_clauses()      the clauses that a server is held to, by their ids
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mixtral_contract.contract.clauses import Clause
    from mixtral_contract.contract.clauses import load as load_clauses
    from mixtral_contract.contract.openapi import Contract, ContractError

__all__ = ["Clause", "Contract", "ContractError", "load_clauses"]

_PLACES = {
    "Clause": ("mixtral_contract.contract.clauses", "Clause"),
    "Contract": ("mixtral_contract.contract.openapi", "Contract"),
    "ContractError": ("mixtral_contract.contract.openapi", "ContractError"),
    "load_clauses": ("mixtral_contract.contract.clauses", "load"),
}
"""Where a name is defined: it is imported when it is asked for, since every run of pytest imports this package."""


def __getattr__(name: str) -> Any:
    """A public name.

    Raises: AttributeError for any other.
    """
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, defined = _PLACES[name]
    return getattr(import_module(module), defined)
