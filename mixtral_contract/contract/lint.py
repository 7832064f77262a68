"""Holds the contract to its own rules: valid OpenAPI, every rule sourced, every phrase printed, every example valid.

Each check is a function from the contract to the problems it found, one line each; `CHECKS` is the list of all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixtral_contract.contract import clauses, error_template, observations
from mixtral_contract.contract.openapi import Contract, ContractError
from mixtral_contract.contract.schema import Schema, resolve

NARROWING = frozenset(
    {"type", "required", "enum", "const", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"multipleOf", "minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"}
    | {"minProperties", "maxProperties", "additionalProperties"}
)
"""Keywords that say what is admitted; each needs an `x-source` or an `x-inferred`."""

Problems = Iterator[str]
Path_ = tuple[str, ...]
_DATA = frozenset(("example", "examples", "default", "const", "enum"))


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it promises when it finds nothing, and how it looks."""

    promise: str
    find: Callable[[Contract], Problems]


def checks(sources: Path | None) -> list[Check]:
    """All checks; without a folder of documents all but the one that looks phrases up."""
    found = [
        Check("the document is valid OpenAPI", _openapi),
        Check("schemathesis loads it without a warning", _schemathesis),
        Check("every narrowing keyword and every status has a source or a reason", _unsourced),
        Check("every contradiction has two sides, and the contract admits both", _contradictions),
        Check("every example is valid", _examples),
        Check("every error template fills its schema, with placeholders that exist", _templates),
        Check("every clause is well-formed and applies somewhere", _clauses),
        Check("every observation is dated, has its evidence, and names clauses that exist", _observations),
    ]
    if sources is not None:
        found.append(Check(f"every phrase is printed in its document ({sources})", partial(_phrases, sources)))
    return found


def _openapi(contract: Contract) -> Problems:
    from openapi_spec_validator import OpenAPIV32SpecValidator  # noqa: PLC0415  the mock never needs it

    for error in OpenAPIV32SpecValidator(contract.document).iter_errors():
        yield f"{'/'.join(map(str, error.absolute_path)) or 'document'}: {error.message.splitlines()[0][:200]}"


def _schemathesis(contract: Contract) -> Problems:
    import schemathesis  # noqa: PLC0415  the mock never needs it
    from schemathesis.core.result import Ok  # noqa: PLC0415

    labels = set()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = schemathesis.openapi.from_dict(dict(contract.document))
        for result in loaded.get_all_operations():
            if isinstance(result, Ok):
                labels.add(result.ok().label)
            else:
                yield f"schemathesis: {result.err()}"
        own = loaded.iter_schema_warnings()
    yield from (f"schemathesis: {warning.message}" for warning in caught)
    yield from (f"schemathesis: {warning.operation_label}: {warning.kind.value}: {warning.message}" for warning in own)
    for operation in contract.operations.values():
        if f"{operation.method} {operation.template}" not in labels:
            yield f"schemathesis: expected {operation.method} {operation.template}, got {sorted(labels)}"


def _unsourced(contract: Contract) -> Problems:
    for operation in contract.operations.values():
        for status, response in operation.raw["responses"].items():
            if not {"x-source", "x-inferred"} & resolve(contract.document, response).keys():
                yield f"{operation.dialect}: status {status} has neither x-source nor x-inferred"
    for path, schema in _schemas(contract.document):
        for keyword in sorted(NARROWING & schema.keys() - _covered(schema)):
            yield f"{'/'.join(path)}: {keyword} has neither x-source nor x-inferred"


def _covered(node: Mapping[str, Any]) -> set[str]:
    if isinstance(node.get("x-inferred"), str):
        return set(NARROWING)
    covered: set[str] = set()
    for source in _sources(node):
        covered |= set(source.get("keywords", NARROWING))
    return covered


def _contradictions(contract: Contract) -> Problems:
    schemas = {path for path, _ in _schemas(contract.document)}
    for path, node in _nodes(contract.document):
        for contradiction in node.get("x-contradiction", ()):
            where = f"{'/'.join(path)}: {contradiction.get('about', 'contradiction')}"
            sides = contradiction.get("sides", ())
            if len(sides) < 2:
                yield f"{where}: expected two sides, got {len(sides)}"
            for side in sides:
                if not {"document", "phrase", "admits"} <= side.keys():
                    yield f"{where}: expected document, phrase and admits, got {sorted(side)}"
                elif not _admits(contract, node, side["admits"], is_schema=path in schemas):
                    yield f"{where}: the contract does not admit {side['admits']!r} ({side['document']})"


def _admits(contract: Contract, node: Mapping[str, Any], value: Any, *, is_schema: bool) -> bool:
    if is_schema:
        return Schema(contract.document, node).is_valid(value)
    operation = contract.operations[node["x-dialect"]]
    admitted: Mapping[str, Callable[[str], bool]] = {
        "security": lambda name: any(credential.name == name for credential in operation.credentials),
        "status": lambda status: int(status) in operation.responses,
        "path": lambda url: bool(contract.at(url)),
    }
    return isinstance(value, dict) and all(key in admitted and admitted[key](item) for key, item in value.items())


def _examples(contract: Contract) -> Problems:
    for path, node in _nodes(contract.document):
        schema = Schema(contract.document, node.get("schema", True))
        for name, example in node.get("examples", {}).items() if "schema" in node else ():
            for violation in schema.violations(example["value"]):
                yield f"{'/'.join(path)}: example {name}: {violation.field}: {violation.message}"
    for path, node in _schemas(contract.document):
        if "default" in node and not Schema(contract.document, node).is_valid(node["default"]):
            yield f"{'/'.join(path)}: the default {node['default']!r} is not valid"


def _templates(contract: Contract) -> Problems:
    values = dict.fromkeys(error_template.PLACEHOLDERS, "x") | {"{status}": 400}
    for path, node in _schemas(contract.document):
        if "x-error" not in node:
            continue
        where = f"{'/'.join(path)}: x-error"
        for placeholder in error_template.unknown(node["x-error"]):
            yield f"{where}: expected one of {', '.join(error_template.PLACEHOLDERS)}, got {placeholder}"
        for bare in (values, values | dict.fromkeys(("{param}", "{code}"))):
            for violation in Schema(contract.document, node).violations(error_template.fill(node["x-error"], bare)):
                yield f"{where}: {violation.field}: {violation.message}"


def _clauses(contract: Contract) -> Problems:
    try:
        loaded = clauses.load()
    except ContractError as error:
        yield str(error)
        return
    for clause in loaded.values():
        for other in (*clause.falls_with, *clause.moves_with):
            if other not in loaded or loaded[other].violation is None:
                yield f"{clause.id}: falls_with or moves_with names {other}, which is no clause with a break"
        for dialect in clause.dialects or ():
            if dialect not in contract.operations:
                yield f"{clause.id}: names the dialect {dialect}, which the contract lacks"
        if not any(clause.applies(operation) for operation in contract.operations.values()):
            yield f"{clause.id}: applies to no operation of this contract"


def _observations(_contract: Contract) -> Problems:
    known = clauses.load()
    try:
        found = observations.load()
    except ContractError as error:
        yield str(error)
        return
    for observation in found.values():
        for name in observation.departs:
            if name not in known:
                yield f"{observation.id}: expected clauses of clauses.yaml, got {name!r}"


def _phrases(folder: Path, contract: Contract) -> Problems:
    texts: dict[str, str | None] = {}
    for where, source in _all_sources(contract):
        name = source["document"]
        if name not in texts:
            texts[name] = _folded(folder / f"{name}.txt")
            if texts[name] is None:
                yield f"{folder / name}.txt: expected the document, got no readable file"
        text = texts[name]
        if text is not None and _fold(source["phrase"]) not in text:
            yield f"{where}: {name} does not print {source['phrase']!r}"


def _all_sources(contract: Contract) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path, node in _nodes(contract.document):
        for source in _sources(node):
            yield "/".join(path), source
        for contradiction in node.get("x-contradiction", ()):
            for side in contradiction.get("sides", ()):
                if "phrase" in side:
                    yield "/".join(path), side
    for clause in clauses.load().values():
        for source in clause.sources:
            if "document" in source:
                yield clause.id, source


def _sources(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    source = node.get("x-source", [])
    return source if isinstance(source, list) else [source]


def _folded(path: Path) -> str | None:
    try:
        return _fold(path.read_text(encoding="utf-8"))
    except OSError:
        return None


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _nodes(node: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Every object of the document with its path; data such as examples and extensions hold no rules."""
    if isinstance(node, Mapping):
        yield path, node
        for key, value in node.items():
            if key not in _DATA and not str(key).startswith("x-"):
                yield from _nodes(value, (*path, str(key)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _nodes(value, (*path, str(index)))


def _schemas(document: Mapping[str, Any]) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    """Every schema of the document with its path: the components, what stands in place, and all inside them."""
    for path, node in _nodes({"paths": document["paths"]}):
        for key in ("schema", "itemSchema"):
            yield from _subschemas(node.get(key), (*path, key))
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield from _subschemas(schema, ("components", "schemas", name))


def _subschemas(schema: Any, path: Path_) -> Iterator[tuple[Path_, Mapping[str, Any]]]:
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for key in ("items", "contentSchema", "additionalProperties", "not", "if", "then", "else", "contains"):
        yield from _subschemas(schema.get(key), (*path, key))
    for key in ("properties", "patternProperties", "$defs", "dependentSchemas"):
        for name, inner in schema.get(key, {}).items():
            yield from _subschemas(inner, (*path, key, name))
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, inner in enumerate(schema.get(key, [])):
            yield from _subschemas(inner, (*path, key, str(index)))
