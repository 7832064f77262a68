"""YAML that cannot be read has one kind of error, in one line with its place, and costs little."""

from __future__ import annotations

import datetime as dt
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.primitives.bounded import safe_yaml, yaml_strings
from mixtral_contract.primitives.bounded.safe_yaml import YamlError
from mixtral_contract.suite.verdicts import baseline
from mixtral_contract.suite.verdicts.baseline import BaselineError

NINE_TIMES_NINE = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{step}: &a{step} [{', '.join([f'*a{step - 1}'] * 9)}]\n" for step in range(1, 10)
)
MERGED = "a0: &a0 {x: 1, y: 2}\n" + "".join(
    f"a{step}: &a{step} {{<<: [{', '.join([f'*a{step - 1}'] * 9)}]}}\n" for step in range(1, 8)
)


@pytest.fixture(params=["libyaml", "python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as it is, and as it is where PyYAML has no libyaml."""
    if request.param == "libyaml":
        yield safe_yaml
        return
    monkeypatch.delattr(yaml, "cyaml")
    spec = importlib.util.spec_from_file_location("plain_yaml", safe_yaml.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "expected YAML, got .* at line 1, column 5"),
        ("a: 2020-13-45", r"a value that is none of its kind \(month must be in 1..12\) at line 1, column 4"),
        ("a: 1" + ":59" * 400 + ".0", "a number of more than 1000 characters at line 1, column 4"),
        ("a: 1" + ":59" * 4000, "a number of more than 1000 characters at line 1, column 4"),
        ("a: 1" + ":59" * 300 + ".0", "none of its kind .* at line 1, column 4"),
        ("a: 0b_", "none of its kind .* at line 1, column 4"),
        ("a: " + "9" * 5_000, "a number of more than 1000 characters at line 1"),
        ("a: 0x" + "f" * 5_000, "a number of more than 1000 characters at line 1"),
        ("a: !!int x", "none of its kind"),
        ("a: !!float x", "none of its kind"),
        ("a: !!bool maybe", "none of its kind"),
        ("a: !!timestamp soon", "none of its kind"),
        ("a: !!python/name:os.system", "python/name:os.system"),
        ("a: !!python/object/apply:os.system [true]", "python/object/apply"),
        ("a: &a [*a]", "expected lists and mappings that end, got one within itself at line 1, column 8"),
        ("a: &a {b: {c: *a}}", "got one within itself at line 1, column 15"),
        ("a: &a {<<: *a}", "got one within itself at line 1, column 12"),
        ("{a: 1, b: 2, a: 3}", "expected each name once, got one again at line 1, column 14"),
        ("a:\n\t- b", "at line 2, column 1"),
        ("a: \x00", "expected YAML"),
        ("? [a]\n: b", "unhashable"),
        ("a: *b", "undefined alias"),
        (NINE_TIMES_NINE, "more than 100000 values by aliases at line 6"),
        (MERGED, "more than 100000 values by aliases at line 6"),
        ("[" * 50_000, "too many lists and mappings within each other, more than 100 at line 1, column 101"),
        ("{a: " * 20_000, "within each other"),
        ("- " * 20_000, "within each other"),
        ("? " * 20_000, "within each other"),
    ],
)
def test_value_that_is_none__is_an_error_in_one_line(text: str, said: str, reader: Any) -> None:
    """Whatever its constructor raises, and before anyone walks through more values than there can be."""
    with pytest.raises(reader.YamlError, match=said) as raised:
        reader.parse(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_bytes__must_be_utf_8_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte order mark is no part of the text."""
    assert safe_yaml.parse(b"\xef\xbb\xbfa: 1") == {"a": 1}
    with pytest.raises(YamlError, match="expected UTF-8, got something else at byte 3"):
        safe_yaml.parse(b"a: \xff")
    with pytest.raises(YamlError, match="expected UTF-8"):
        safe_yaml.parse("a: 1".encode("utf-16"))
    monkeypatch.setattr(safe_yaml, "MOST_BYTES", 100)
    with pytest.raises(YamlError, match="expected at most 100 bytes, got more"):
        safe_yaml.parse(b"a" * 101)


@pytest.mark.skipif(sys.platform == "win32", reason="no such file there")
def test_file_without_end__is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read no further than a text may be long."""
    monkeypatch.setattr(safe_yaml, "MOST_BYTES", 100_000)
    with pytest.raises(YamlError, match="at most 100000 bytes"):
        safe_yaml.read(Path("/dev/zero"))
    with pytest.raises(ValueError, match="at most 100000 bytes"):
        yaml_strings.read(Path("/dev/zero"))


def test_more_values_than_there_may_be__are_refused(monkeypatch: pytest.MonkeyPatch, reader: Any) -> None:
    """Aliases or not."""
    monkeypatch.setattr(reader, "MOST_VALUES", 1000)
    assert len(reader.parse("[" + "a," * 999 + "]")) == 999
    with pytest.raises(reader.YamlError, match="more than 1000 values at line 1"):
        reader.parse("[" + "a," * 1000 + "]")


def test_alias__stands_for_its_value(reader: Any) -> None:
    """As often as it is repeated, within reason, and merged into others, whose own values win."""
    assert reader.parse("a: &a [1, {b: 2}]\nc: [*a, *a]") == {"a": [1, {"b": 2}], "c": [[1, {"b": 2}]] * 2}
    assert reader.parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")["b"] == {"x": 1, "y": 3}


@given(text=st.text("[]{}:,-?*&!|>'\"#%@ \n\tab1.~<=\x00\ud7ff", max_size=60))
def test_any_text__is_a_value_or_the_one_error(text: str) -> None:
    """No other exception, here or where all values stay texts."""
    for read in (safe_yaml.parse, safe_yaml.compose):
        try:
            read(text)
        except YamlError as error:
            assert "\n" not in str(error)  # noqa: PT017  either outcome is good


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("mock_server", "--fixtures"), "--fixtures: "),
        (("mock_server", "--accounts"), "--accounts: "),
        (("mock_server", "--engine"), "--engine: "),
        (("mock_server", "--spec"), "--spec: "),
        (("mock_server", "--replay"), "--replay: "),
    ],
)
@pytest.mark.parametrize("bomb", ["[" * 50_000, MERGED])
def test_command__refuses_a_bomb_in_one_line(option: tuple[str, ...], said: str, bomb: str, tmp_path: Path) -> None:
    """With exit status 2 and the file's name, whatever option names it."""
    path = tmp_path / "bomb.yaml"
    path.write_text(bomb, encoding="utf-8")
    command = [sys.executable, "-m", *option, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr
    assert "bomb.yaml" in done.stderr


@pytest.mark.parametrize("bomb", ["[" * 50_000, MERGED, "a: 1" + ":59" * 4000])
def test_baseline__refuses_a_bomb_in_one_line(bomb: str, tmp_path: Path) -> None:
    """As the suite's own options do, which pytest reads."""
    path = tmp_path / "bomb.yaml"
    path.write_text(bomb, encoding="utf-8")
    with pytest.raises(BaselineError, match=r"bomb.yaml: expected YAML, got .* at line [0-9]+, column [0-9]+$"):
        baseline.load(path, (), dt.date(2026, 1, 1))
