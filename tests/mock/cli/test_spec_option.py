from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from mixtral_contract.contract.openapi import DOCUMENT
from tests.mock.conftest import Start

NVIDIA = "/v1/chat/completions"
BODY = {"messages": [{"role": "user", "content": "hello"}]}


def _post(address: str, path: str = NVIDIA, key: str = "mock-valid", **fields: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.post(f"{address}{path}", json={**BODY, **fields}, headers=headers, timeout=20)


def _changed(folder: Path, old: str, new: str) -> list[str]:
    """The options for a copy of the contract in which one text is another."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert old in text
    path = folder / "own.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return ["--spec", str(path)]


@pytest.fixture
def temperature(tmp_path: Path) -> list[str]:
    """A contract whose temperature goes up to 2."""
    return _changed(
        tmp_path, "minimum: 0\n          maximum: 1\n          default: 0.5", "minimum: 0\n          maximum: 2"
    )


def test_maximum__is_read_from_the_contract(start: Start, temperature: list[str]) -> None:
    """Temperature 2 is accepted where the contract says so, and 2.1 is not."""
    address = start(*temperature)
    assert _post(address, temperature=2).status_code == 200
    assert _post(address, temperature=2.1).status_code == 400


def test_dropped_status__is_not_sent(start: Start, tmp_path: Path) -> None:
    """Without a documented 406 an empty account is served."""
    options = _changed(tmp_path, "x-condition: [no-credits]", "x-condition: []")
    assert _post(start(*options), key="mock-exhausted").status_code == 200


def test_moved_status__is_sent_where_it_went(start: Start, tmp_path: Path) -> None:
    """The condition decides, not a number in the code."""
    options = _changed(tmp_path, '        "406":\n', '        "418":\n')
    assert _post(start(*options), key="mock-exhausted").status_code == 418


def test_required_field__is_required(start: Start, tmp_path: Path) -> None:
    """A new one is missed by its name, and any value that the contract admits will do."""
    options = _changed(
        tmp_path,
        "    NvidiaRequest:\n      type: object\n      required: [messages]",
        "    NvidiaRequest:\n      type: object\n      required: [messages, model]",
    )
    address = start(*options)
    refused = _post(address)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "model"
    assert _post(address, model="mistralai/mixtral-8x22b-instruct-v0.1").status_code == 200


def test_closed_request__refuses_unknown_fields(start: Start, tmp_path: Path) -> None:
    """They are ignored only where the schema does not forbid them."""
    options = _changed(
        tmp_path,
        "    NvidiaRequest:\n      type: object\n",
        "    NvidiaRequest:\n      type: object\n      additionalProperties: false\n",
    )
    assert _post(start(*options), user="me").status_code == 400


def test_moved_path__is_served_where_it_went(start: Start, tmp_path: Path) -> None:
    """And no longer where it was."""
    address = start(*_changed(tmp_path, "  /v1/mixtral-8x22b-instruct:\n", "  /api/chat:\n"))
    assert _post(address, "/api/chat").status_code == 200
    assert _post(address, "/v1/mixtral-8x22b-instruct").status_code == 404
