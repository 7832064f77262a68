"""YAML that cannot be read has one kind of error."""

from __future__ import annotations

import pytest
import yaml

from mixtral_contract.primitives import safe_yaml

NINE_TIMES_NINE = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{step}: &a{step} [{', '.join([f'*a{step - 1}'] * 9)}]\n" for step in range(1, 10)
)


@pytest.mark.parametrize("loader", [safe_yaml.FAST, yaml.SafeLoader])
@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 2020-13-45",
        "a: 1" + ":59" * 400 + ".0",
        "a: 0b_",
        "a: " + "9" * 5_000,
        "a: !!int x",
        "a: !!float x",
        "a: !!bool maybe",
        "a: !!timestamp soon",
        "a: !!python/name:os.system",
        "a: &a [*a]",
        "a: &a {b: {c: *a}}",
        NINE_TIMES_NINE,
    ],
)
def test_value_that_is_none__is_a_yaml_error(text: str, loader: type[yaml.SafeLoader]) -> None:
    """Whatever its constructor raises, and before anyone walks through more values than there can be."""
    with pytest.raises(yaml.YAMLError):
        safe_yaml.parse(text, loader)


def test_depth_without_end__is_a_yaml_error() -> None:
    """As far as the reader in Python goes."""
    with pytest.raises(yaml.YAMLError, match="within each other"):
        safe_yaml.parse("[" * 20_000, yaml.SafeLoader)


def test_alias__stands_for_its_value() -> None:
    """As often as it is repeated, within reason."""
    assert safe_yaml.parse("a: &a [1, {b: 2}]\nc: [*a, *a]") == {"a": [1, {"b": 2}], "c": [[1, {"b": 2}]] * 2}
