"""YAML as the texts that stand in it: mappings, lists and texts, nothing converted and nothing lost.

YAML's own types would make a binary fraction of 0.1, a number of a key and a date of a version, and keep the last of
two values of one name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read(path: Path) -> Any:
    """What a YAML file says; an empty file is an empty text.

    Raises: ValueError when it cannot be read, is no YAML, or gives a name two values; the message has one line and
    repeats nothing of the file.
    """
    try:
        return _texts(_composed(path), {})
    except RecursionError as error:
        raise ValueError("expected lists and mappings that end, got one within itself or too many within") from error


def _composed(path: Path) -> yaml.Node | None:
    try:
        # the reader in Python, because libyaml overflows the stack of the process where this one is told to stop
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ValueError(f"expected a readable file, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"expected UTF-8, got something else at byte {error.start}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
        raise ValueError(f"expected YAML, got something else{where}") from error


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
        if name.value in mapping:
            raise ValueError(f"line {line}: expected each name once, got one again")
        mapping[name.value] = _texts(value, known)
    return mapping
