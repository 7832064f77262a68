"""The extras of the package: what each command needs beyond the light core, and what to type when it is missing."""

from __future__ import annotations

from importlib.util import find_spec

_MODULES = {
    "record": ("httpx",),
    "suite": ("hypothesis", "schemathesis", "openapi_spec_validator", "jinja2"),
    "load": ("locust", "jinja2"),
}
"""By which modules an extra is known to be installed."""


def missing(extra: str) -> str | None:
    """What is wrong, in one line, where the extra `suite`, `load` or `record` is not installed; None where it is."""
    absent = [module for module in _MODULES[extra] if find_spec(module) is None]
    if not absent:
        return None
    return f"expected the extra {extra!r}, got no {absent[0]}: pip install 'mixtral-contract[{extra}]'"
