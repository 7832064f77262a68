from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from mixtral_contract.mock.timing.batching import Profile
from mixtral_contract.mock.timing.engine import Pace
from mixtral_contract.mock.timing.profile_file import FIELDS, FOLDER, ProfileError, load, names, parse

TEXT = (FOLDER / "mixtral-8x7b.yaml").read_text(encoding="utf-8")


def _with(name: str, value: Any) -> str:
    """The shipped profile with another value; without it when that is None."""
    document = yaml.safe_load(TEXT)
    section, _, key = name.rpartition(".")
    fields = document[section] if section else document
    fields[key] = value
    if value is None:
        del fields[key]
    return yaml.safe_dump(document)


@pytest.mark.parametrize("name", FIELDS)
def test_field_left_out__is_named(name: str) -> None:
    """Nothing is assumed about a node."""
    with pytest.raises(ProfileError, match=rf"^{name}: expected .*, got nothing$"):
        parse(_with(name, None))


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("prefill.tokens_per_s", 0, "prefill.tokens_per_s: expected a positive number, got 0"),
        ("prefill.tokens_per_s", "fast", "prefill.tokens_per_s: expected a positive number, got 'fast'"),
        ("prefill.tokens_per_s", float("inf"), "prefill.tokens_per_s: expected a positive number, got inf"),
        ("queue.wait_s", float("nan"), "queue.wait_s: expected a positive number, got nan"),
        ("slots", 1.5, "slots: expected a positive whole number, got 1.5"),
        ("slots", True, "slots: expected a positive whole number, got True"),
        ("queue.length", -1, "queue.length: expected a whole number, not negative, got -1"),
        ("step.overhead_ms", -0.1, "step.overhead_ms: expected a number, not negative, got -0.1"),
        ("queue.full_status", 500, "queue.full_status: expected 429 or 503, got 500"),
        ("queue.late_status", 429, "queue.late_status: expected 503 or 504, got 429"),
        ("basis", "guessed", "basis: expected modelled or measured, got 'guessed'"),
        ("name", " ", "name: expected a text, got ' '"),
        ("queue", 3, "queue: expected fields, got 3"),
        (
            "step.weights_ms",
            {1: 5, 2: 4},
            f"step.weights_ms: expected {FIELDS['step.weights_ms'].words}, got {{1: 5, 2: 4}}",
        ),
        (
            "step.weights_ms",
            {0: 5},
            f"step.weights_ms: expected {FIELDS['step.weights_ms'].words}, got {{0: 5}}",
        ),
        (
            "step.tokens",
            256,
            "step.tokens: expected more than the 256 slots, or no prompt is read while all decode, got 256",
        ),
    ],
)
def test_wrong_field__is_named_with_what_was_expected(name: str, value: Any, line: str) -> None:
    """In one line."""
    with pytest.raises(ProfileError) as raised:
        parse(_with(name, value))
    assert str(raised.value) == line


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (_with("slot", 3), "slot: expected one of name, "),
        (_with("queue.wait_ms", 3), "queue.wait_ms: expected one of name, "),
        ("- 1", "expected fields such as slots"),
        ("", "expected fields such as slots"),
        ("slots: [", "line 1: expected YAML"),
        ("!!python/object:os.system {}", "expected YAML"),
        ("a: 2020-99-99", "expected YAML"),
        ("a: !!bool maybe", "expected YAML"),
        ("[" * 500, "expected YAML"),
    ],
)
def test_no_profile__is_told_in_one_line(text: str, part: str) -> None:
    """Whatever the file holds."""
    with pytest.raises(ProfileError) as raised:
        parse(text)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("source", ["mixtral", "", "/no/such/file.yaml", str(FOLDER)])
def test_unknown_source__names_those_there_are(source: str) -> None:
    """Shipped profiles and files."""
    with pytest.raises(ProfileError) as raised:
        load(source)
    assert "expected instant, mixtral-8x22b, mixtral-8x7b or a YAML file" in str(raised.value)
    assert repr(source) in str(raised.value)


def test_file__is_read_and_named_when_wrong(tmp_path: Path) -> None:
    """By its path."""
    path = tmp_path / "own.yaml"
    path.write_text(_with("slots", 7), encoding="utf-8")
    profile = load(str(path))
    assert isinstance(profile, Profile)
    assert profile.slots == 7
    path.write_text(_with("slots", 0), encoding="utf-8")
    with pytest.raises(ProfileError) as raised:
        load(str(path))
    assert str(raised.value) == f"{path}: slots: expected a positive whole number, got 0"


def test_instant__is_a_pace_of_zero() -> None:
    """The default by its name."""
    assert load("instant") == Pace()


def test_points__are_joined_by_straight_lines() -> None:
    """Constant below the first and above the last; the slower of reading weights and computing counts."""
    profile = parse(_with("step.weights_ms", {2: 4, 4: 8}).replace("34500", "100"))
    costs = [(profile.step_ns(tokens, 0) - profile.overhead_ns) / 1e6 for tokens in (0, 1, 2, 3, 4)]
    assert costs == [4, 10, 20, 30, 40]
    profile = parse(_with("step.weights_ms", {2: 4, 4: 8}))
    costs = [(profile.step_ns(tokens, 0) - profile.overhead_ns) / 1e6 for tokens in (0, 1, 2, 3, 3.5, 4, 9)]
    assert costs == [4, 4, 4, 6, 7, 8, 8]
    assert profile.step_ns(1, 1000) - profile.step_ns(1, 0) == pytest.approx(0.028e6)


class _Paper(NamedTuple):
    """The shape of a model, and what is assumed of its node of H100 SXM."""

    name: str
    layers: int
    hidden: int
    width: int
    vocabulary: int
    gpus: int
    bandwidth_share: float
    flop_share: float
    spare_gb: float


@pytest.mark.parametrize(
    "paper",
    [
        _Paper("mixtral-8x7b", 32, 4096, 14336, 32000, 2, 0.70, 0.45, 4),
        _Paper("mixtral-8x22b", 56, 6144, 16384, 32768, 8, 0.60, 0.40, 8),
    ],
    ids=lambda paper: paper.name,
)
def test_shipped_profile__is_what_its_comments_derive(paper: _Paper) -> None:
    """The paper arithmetic, done again: bfloat16, even routing to 2 of 8 experts."""
    expert = 3 * paper.hidden * paper.width * paper.layers
    shared = paper.layers * (2 * paper.hidden**2 + 2 * paper.hidden * 1024) + 2 * paper.vocabulary * paper.hidden
    bandwidth = paper.gpus * 3.35e12 * paper.bandwidth_share
    flops = paper.gpus * 989e12 * paper.flop_share
    kv_bytes = 2 * paper.layers * 8 * 128 * 2
    profile = load(paper.name)
    assert isinstance(profile, Profile)
    assert profile.basis == "modelled"
    for tokens, weights_ns in profile.weights_ns:
        touched = 8 * (1 - (1 - 2 / 8) ** tokens)
        assert weights_ns / 1e9 == pytest.approx(2 * (shared + touched * expert) / bandwidth, rel=2e-3)
    assert 1e9 / profile.token_ns == pytest.approx(flops / (2 * (shared + 2 * expert)), rel=5e-3)
    assert profile.kv_token_ns / 1e9 == pytest.approx(kv_bytes / bandwidth, rel=5e-3)
    room = paper.gpus * 80e9 * 0.9 - 2 * (shared + 8 * expert) - paper.spare_gb * 1e9
    assert profile.kv_tokens == pytest.approx(room / kv_bytes, rel=5e-3)


def test_names__are_the_shipped_files() -> None:
    """Both models of the contract."""
    assert names() == ["mixtral-8x22b", "mixtral-8x7b"]
