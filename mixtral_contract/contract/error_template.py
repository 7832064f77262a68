"""The bodies of refusals as the contract writes them: the `x-error` template of a response's schema.

A value that is nothing but a placeholder becomes what it stands for, with its type (None becomes null); inside a longer
text a placeholder becomes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDERS: Mapping[str, str] = {
    "{message}": "what was wrong, in words",
    "{type}": "the kind of fault, in the words that OpenAI's clients look for",
    "{param}": "the field at fault, or null",
    "{code}": "the code of the fault, or null",
    "{status}": "the status of the answer, a number",
}

_ANY = re.compile(r"\{\w+\}")


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """The body that a template makes of values, one for each of `PLACEHOLDERS`."""
    if isinstance(template, Mapping):
        return {name: fill(item, values) for name, item in template.items()}
    if isinstance(template, list):
        return [fill(item, values) for item in template]
    if not isinstance(template, str):
        return template
    if template in values:
        return values[template]
    for placeholder, value in values.items():
        template = template.replace(placeholder, "" if value is None else str(value))
    return template


def unknown(template: Any) -> Iterator[str]:
    """What looks like a placeholder in a template and is none."""
    if isinstance(template, Mapping | list):
        for item in template.values() if isinstance(template, Mapping) else template:
            yield from unknown(item)
    elif isinstance(template, str):
        yield from (found for found in _ANY.findall(template) if found not in PLACEHOLDERS)
