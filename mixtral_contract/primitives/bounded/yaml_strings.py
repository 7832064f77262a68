"""YAML as the texts that stand in it: mappings, lists and texts, nothing converted and nothing lost.

YAML's own types would make a binary fraction of 0.1, a number of a key and a date of a version, and keep the last of
two values of one name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mixtral_contract.primitives.bounded import safe_yaml


def read(path: Path) -> Any:
    """What a YAML file says; an empty file is an empty text.

    Raises: ValueError when it cannot be read, is no YAML, or gives a name two values; the message has one line and
    repeats nothing of the file.
    """
    return _texts(_composed(path), {})


def _composed(path: Path) -> yaml.Node | None:
    try:
        return safe_yaml.compose(safe_yaml.content(path))
    except OSError as error:
        raise ValueError(f"expected a readable file, got {error.strerror}") from error
    except safe_yaml.YamlError as error:
        if not error.quotes:
            raise
        raise ValueError(f"expected YAML, got something else at {error.place or 'some place'}") from error


def _texts(node: yaml.Node | None, known: dict[int, Any]) -> Any:
    if node is None:
        return ""
    # what an alias repeats is read once, however often it is repeated
    if id(node) not in known:
        if isinstance(node, yaml.MappingNode):
            known[id(node)] = _mapping(node, known)
        elif isinstance(node, yaml.SequenceNode):
            known[id(node)] = [_texts(item, known) for item in node.value]
        else:
            known[id(node)] = node.value
    return known[id(node)]


def _mapping(node: yaml.MappingNode, known: dict[int, Any]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for name, value in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode):
            raise ValueError(f"line {line}: expected a name, got a list or a mapping")  # noqa: TRY004  the file is wrong
        if name.value in mapping:  # of another type, such as 1 beside "1"
            raise ValueError(f"line {line}: expected each name once, got one again")
        mapping[name.value] = _texts(value, known)
    return mapping
