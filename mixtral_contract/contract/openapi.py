"""The OpenAPI document as objects: operations, models, credentials, documented responses, defaults.

Knows the document and its extensions (explained at the head of `openapi.yaml`); knows no server, no client and no
clock. Everything that a rule of the contract decides is read from here, so that a changed document changes the mock
and the suite without a change in code.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs

from mixtral_contract.contract.schema import Schema, resolve
from mixtral_contract.primitives.bounded import safe_yaml
from mixtral_contract.primitives.doors import door

DOCUMENT = door("spec") / "openapi.yaml"
"""The contract as shipped."""

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class ContractError(ValueError):
    """The document cannot be read as a contract; the message says where and why in one line."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model behind an operation, from `x-models`.

    `tokenizer` is a version that `spec.tokens` knows, `context_window` is in tokens (None: no document states one),
    `image_tokens` is what one image part adds to the prompt.
    """

    name: str
    tokenizer: str
    context_window: int | None
    image_tokens: int


@dataclass(frozen=True, slots=True)
class Credential:
    """One way to send the key: a header, with or without a scheme before the key."""

    name: str
    header: str
    scheme: str | None

    def value(self, key: str) -> str:
        """The header's value that carries the key."""
        return key if self.scheme is None else f"{self.scheme.capitalize()} {key}"

    def key(self, value: str) -> str | None:
        """The key in a header's value; None when another scheme or no key stands there.

        Source: RFC 9110 section 11.1, a scheme is a case-insensitive token.
        """
        if self.scheme is None:
            return value.strip() or None
        scheme, _, key = value.strip().partition(" ")
        return key.strip() or None if scheme.lower() == self.scheme else None


@dataclass(frozen=True, slots=True)
class Response:
    """One documented status of an operation.

    `conditions` are the reasons for which it is sent (`x-condition`), `headers` maps lower-case names to whether the
    contract requires them, `media_types` maps each type to the schema of its body (for a stream: of one event).
    """

    status: int
    description: str
    conditions: tuple[str, ...]
    headers: Mapping[str, bool]
    media_types: Mapping[str, Schema]


class Operation:
    """One dialect: a method on a path with its request, its credentials and its responses.

    `template` is the document's path, where a server of all dialects has it; `path` is it without the prefix that
    stands for any.
    """

    def __init__(self, document: Mapping[str, Any], template: str, method: str) -> None:
        self.template = template
        self.method = method.upper()
        item = document["paths"][template]
        self.raw: Mapping[str, Any] = item[method]
        self.dialect: str = self.raw["x-dialect"]
        servers = self.raw.get("servers") or item.get("servers") or document["servers"]
        self.server: str = servers[0]["url"].rstrip("/")
        self.path: str = template.removeprefix(self.raw.get("x-any-server", ""))
        body = resolve(document, self.raw["requestBody"])["content"][JSON]
        self.request = Schema(document, body["schema"])
        self.examples: Mapping[str, Any] = {
            name: example["value"] for name, example in body.get("examples", {}).items()
        }
        self.models = tuple(_model(entry) for entry in self.raw["x-models"])
        self.credentials = tuple(_credentials(document, self.raw.get("security", document.get("security", []))))
        self.responses = {
            int(status): _response(document, int(status), resolve(document, response))
            for status, response in self.raw["responses"].items()
        }
        self._by_condition = {
            condition: response for response in self.responses.values() for condition in response.conditions
        }

    @property
    def is_key_optional(self) -> bool:
        """Whether a server may ask for no key: an empty requirement stands among the alternatives.

        Source: OpenAPI 3.1, Operation Object, `security`.
        """
        return {} in self.raw.get("security", ())

    @property
    def is_for_any_server(self) -> bool:
        """Whether it is no vendor's: it is below any prefix, and what an address speaks that is none of theirs."""
        return "x-any-server" in self.raw

    def is_at(self, path: str) -> bool:
        """Whether it is what a path means, where no other operation has just this one."""
        return path == self.template or (self.is_for_any_server and path.endswith(self.path))

    @property
    def success(self) -> Response:
        """The response that carries a completion."""
        return self.responses[200]

    @property
    def streams(self) -> bool:
        """Whether the contract documents an event stream and the field that asks for it."""
        return EVENT_STREAM in self.success.media_types and "stream" in self.request.properties

    @functools.cached_property
    def defaults(self) -> Mapping[str, Any]:
        """The documented default of each request field that has one."""
        return {name: field["default"] for name, field in self.request.properties.items() if "default" in field}

    @functools.cached_property
    def minimal_request(self) -> Mapping[str, Any]:
        """The shortest valid body: one user message, and a value for each further required field."""
        return self.request.minimal({"messages": [{"role": "user", "content": "Say hello in one word."}]})

    def response_for(self, condition: str) -> Response | None:
        """The documented response to a condition (`no-credits`, ...); None when the contract has none."""
        return self._by_condition.get(condition)

    def model(self, name: str | None) -> Model | None:
        """The model of that name, the first one for None (a body that names no model); None when not served."""
        if name is None:
            return self.models[0]
        return next((model for model in self.models if model.name == name), None)


class Contract:
    """All operations of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.operations = {
            operation.dialect: operation
            for path, item in document["paths"].items()
            for method in METHODS
            if method in item
            for operation in (Operation(document, path, method),)
        }
        self._paths: dict[str, dict[str, Operation]] = {}
        for operation in self.operations.values():
            self._paths.setdefault(operation.template, {})[operation.method] = operation

    def only(self, dialect: str) -> Contract:
        """The contract of one dialect.

        Raises: ContractError when there is no such dialect.
        """
        if dialect not in self.operations:
            raise ContractError(f"expected one of {', '.join(self.operations)}, got {dialect!r}")
        paths = {
            path: {name: value for name, value in item.items() if name not in METHODS or value["x-dialect"] == dialect}
            for path, item in self.document["paths"].items()
        }
        return Contract(
            {**self.document, "paths": {path: item for path, item in paths.items() if {*METHODS} & {*item}}}
        )

    @property
    def any_server(self) -> Operation | None:
        """What an address speaks that is none of the vendors'; None where the document has no such operation."""
        return next((each for each in self.operations.values() if each.is_for_any_server), None)

    @classmethod
    def load(cls, path: Path = DOCUMENT) -> Contract:
        """The contract in a YAML file.

        Raises: ContractError when the file cannot be read, is not YAML or lacks what an operation needs.
        """
        try:
            document = read_yaml(path)
        except OSError as error:
            raise ContractError(f"{path}: expected a readable file, got {error.strerror}") from error
        except safe_yaml.YamlError as error:
            raise ContractError(f"{path}: {error}") from error
        if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
            raise ContractError(f"{path}: expected an OpenAPI document with paths, got {type(document).__name__}")
        try:
            contract = cls(document)
            contract.compile()
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
            raise ContractError(f"{path}: expected valid schemas, got {' '.join(str(error).split())[:200]}") from error
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            detail = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ContractError(f"{path}: expected a complete contract, got {detail}") from error
        return contract

    def compile(self) -> None:
        """Compiles every request's and response's schema now, so that a bad one is found before it is needed.

        Raises: jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError
        """
        for operation in self.operations.values():
            _ = operation.request.validator
            for response in operation.responses.values():
                for schema in response.media_types.values():
                    _ = schema.validator

    def at(self, path: str) -> Mapping[str, Operation]:
        """The operations at a path by method, those for any server below any prefix; empty for another path."""
        found = self._paths.get(path)
        if found is not None:
            return found
        return {operation.method: operation for operation in self.operations.values() if operation.is_at(path)}


def read_yaml(path: Path) -> Any:
    """What the YAML file says.

    Raises: OSError, safe_yaml.YamlError
    """
    return safe_yaml.read(path)


def _model(entry: Mapping[str, Any]) -> Model:
    return Model(entry["name"], entry["tokenizer"], entry.get("context_window"), entry.get("image_tokens", 0))


def _credentials(document: Mapping[str, Any], security: list[Mapping[str, Any]]) -> Iterator[Credential]:
    schemes = document.get("components", {}).get("securitySchemes", {})
    for alternative in security:
        for name in alternative:
            scheme = schemes[name]
            if scheme["type"] == "apiKey":
                yield Credential(name, scheme["name"].lower(), None)
            else:
                yield Credential(name, "authorization", scheme["scheme"].lower())


def _response(document: Mapping[str, Any], status: int, raw: Mapping[str, Any]) -> Response:
    return Response(
        status=status,
        description=raw["description"],
        conditions=tuple(raw.get("x-condition", ())),
        headers={name.lower(): bool(header.get("required")) for name, header in raw.get("headers", {}).items()},
        media_types={
            media_type: Schema(document, content.get("itemSchema", content.get("schema", True)))
            for media_type, content in raw.get("content", {}).items()
        },
    )
