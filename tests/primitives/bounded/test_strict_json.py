from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.primitives.bounded.strict_json import MOST_VALUES, loads

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.sampled_from(['":', '" :', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(value=JSON, separators=st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :\n")]))
def test_json__is_read_however_it_is_spaced(value: Any, separators: tuple[str, str]) -> None:
    """Spaces and texts that look like names do not matter."""
    assert loads(json.dumps(value, separators=separators).encode()) == value


@given(value=st.dictionaries(st.text(max_size=4), JSON, min_size=1, max_size=3), data=st.data())
def test_repeated_name__is_refused_wherever_it_stands(value: dict[str, Any], data: st.DataObject) -> None:
    """Also deep inside, also with space before the colon."""
    name = data.draw(st.sampled_from(sorted(value)))
    colon = data.draw(st.sampled_from([":", " :", "\t: "]))
    inner = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    repeated = f"{inner[:-1]}, {json.dumps(name)}{colon} 1}}"
    with pytest.raises(ValueError, match="twice"):
        loads(f'{{"a": [{repeated}]}}'.encode())


@pytest.mark.parametrize(
    "received", [b"", b"nul", b"{'a': 1}", b"\xff", b"[1,]", b'"\\ud800"', b"Infinity", b"[" * 5000]
)
def test_other_bytes__are_refused(received: bytes) -> None:
    """With a ValueError, never another error."""
    with pytest.raises(ValueError, match=r"\w"):
        loads(received)


def test_repeated_name_among_many__is_found_soon() -> None:
    """Not by comparing every name with every other."""
    names = ",".join(f'"name{number}":1' for number in range(40_000))
    began = time.process_time()
    with pytest.raises(ValueError, match="'name7' twice"):
        loads(f'{{{names},"name7":2}}'.encode())
    assert time.process_time() - began < 5


@pytest.mark.parametrize("received", [b"[" + b"{}," * MOST_VALUES + b"{}]", b'{"a":' * MOST_VALUES])
def test_too_many_values__are_refused(received: bytes) -> None:
    """Before they are read."""
    with pytest.raises(ValueError, match="at most 100000 values and names"):
        loads(received)
