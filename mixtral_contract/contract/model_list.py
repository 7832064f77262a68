"""The models that a server names itself, `GET /v1/models` in OpenAI's form, and which of them is meant.

Source: https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mixtral_contract.primitives.base_url import BaseUrl

PATH = "/v1/models"
_TIMEOUT_S = 5.0
_MOST_BYTES = 16_000_000
_MOST_GUESSED = 8
"""With more models than this the first one is nobody's choice."""
_SHOWN = 5
_LONGEST = 100


class ModelListError(ValueError):
    """The server names no model that could be asked for; the message says why in one line."""


def find(server: BaseUrl, headers: Mapping[str, str], otherwise: str) -> tuple[str, str]:
    """The model to ask for, and one line that says why this one: of the server's list, or `otherwise` without a list.

    Raises: ModelListError when there are too many to take the first.
    """
    try:
        found = ask(server, headers)
    except ModelListError as error:
        return otherwise, f"model: {otherwise}, the contract's own: {error}; --model names another"
    return choose(server, found)


def ask(server: BaseUrl, headers: Mapping[str, str]) -> Sequence[str]:
    """The names of the server's models, asked for once.

    Raises: ModelListError when no list comes, or one that is empty.
    """
    import httpx  # noqa: PLC0415  it takes a tenth of a second, which a start without a question does not need

    url = server.endpoint(PATH)
    try:
        with (
            # as every other request of the suite and the load run: straight to the server
            httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client,
            client.stream("GET", url, headers={"Accept": "application/json", **headers}) as answer,
        ):
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise _error(url, f"more than {_MOST_BYTES} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _error(url, f"no answer ({' '.join(str(error).split())[:_LONGEST] or type(error).__name__})") from None
    if answer.status_code != httpx.codes.OK:
        raise _error(url, f"status {answer.status_code}")
    return names(url, bytes(body))


def names(url: str, body: bytes) -> Sequence[str]:
    """The names in a list of models.

    Raises: ModelListError when it is none, or empty.
    """
    try:
        content: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise _error(url, "no JSON") from None
    entries = content.get("data") if isinstance(content, dict) else None
    found = [entry.get("id") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    named = [name for name in found if isinstance(name, str) and name]
    if not named:
        raise _error(url, "no model in it")
    return list(dict.fromkeys(named))


def choose(server: BaseUrl, found: Sequence[str]) -> tuple[str, str]:
    """The model to ask for, and one line that says why this one.

    Raises: ModelListError when there are too many to take the first.
    """
    url, first = server.endpoint(PATH), found[0]
    shown = ", ".join(name[:_LONGEST] for name in found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
    if len(found) > _MOST_GUESSED:
        raise ModelListError(f"--model: expected one of the {len(found)} models of {url} ({shown}), got none")
    if len(found) == 1:
        return first, f"model: {first[:_LONGEST]}, the only one of {url}"
    return first, f"model: {first[:_LONGEST]}, the first of {len(found)} of {url} ({shown}); --model names another"


def _error(url: str, got: str) -> ModelListError:
    return ModelListError(f"expected a list of models at {url}, got {got}")
