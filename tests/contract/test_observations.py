from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mixtral_contract.contract import observations
from mixtral_contract.contract.openapi import ContractError

ENTRY: dict[str, Any] = {
    "id": "X-01",
    "dialects": ["nvidia"],
    "statement": "It was seen.",
    "seen": "2026-05",
    "evidence": "users",
    "urls": ["https://example.com/1"],
}


def _load(folder: Path, *entries: Any) -> Any:
    path = folder / "observed.yaml"
    path.write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return observations.load(path)


def test_observations__are_dated_and_can_be_looked_up() -> None:
    """Each has a year at least, and an address to read."""
    for observation in observations.load().values():
        assert observation.seen[:2] == "20", observation.id
        assert all(url.startswith("https://") for url in observation.urls), observation.id
        assert observation.urls, observation.id


def test_entry__is_read(tmp_path: Path) -> None:
    """A word alone is a list of one, a date is text, what is absent is None."""
    entry = {**ENTRY, "when": "wrong-key", "answer": {"status": 403}, "departs": ["AUT-02"]}
    read = _load(tmp_path, entry)["X-01"]
    assert (read.when, read.where, read.departs) == (("wrong-key",), None, ("AUT-02",))
    assert (read.answer.status, read.answer.body, read.answer.headers) == (403, None, None)


def test_departures__are_those_of_the_dialect(tmp_path: Path) -> None:
    """By clause, with the observation that says so."""
    other = {**ENTRY, "id": "X-02", "dialects": ["segmind"], "departs": ["ERR-01"]}
    read = _load(tmp_path, {**ENTRY, "departs": ["AUT-02", "ERR-02"]}, other)
    found = observations.departures(read, "nvidia")
    assert {clause: observation.id for clause, observation in found.items()} == {"AUT-02": "X-01", "ERR-02": "X-01"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{**ENTRY, "evidence": "hearsay"}], "X-01: evidence: expected one of vendor, users, summary, got 'hearsay'"),
        ([{**ENTRY, "colour": 1}], "X-01: expected no key but "),
        ([{name: value for name, value in ENTRY.items() if name != "urls"}], "X-01: expected urls, got none"),
        ([{**ENTRY, "when": "wrong-key"}], "X-01: expected when and answer together, got one of them"),
        ([ENTRY, ENTRY], "X-01: expected each id once, got it twice"),
    ],
)
def test_wrong_entry__is_named(tmp_path: Path, entries: list[Any], message: str) -> None:
    """By its id, with what was expected."""
    with pytest.raises(ContractError) as told:
        _load(tmp_path, *entries)
    assert str(told.value).startswith(message)
