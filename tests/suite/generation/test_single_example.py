from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtral_contract.suite.generation.single_example import one_example
from mixtral_contract.suite.verdicts.verdict import Violation


def test_property__is_tried_on_one_example_where_that_costs() -> None:
    """And repeats its outcome when it is run again to see whether that can be relied on."""
    asked = []

    @given(number=st.integers())
    def always_broken(number: int) -> None:
        asked.append(number)
        raise Violation("x")

    with one_example(always_broken), pytest.raises(Violation):
        always_broken()
    assert len(asked) == 1
