from __future__ import annotations

import pytest

from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.verdicts.text_limits import require_same
from mixtral_contract.suite.verdicts.verdict import Violation

EXCHANGE = Exchange(Request("POST", "http://x"), 200)


@pytest.mark.parametrize(
    ("got", "at", "said"),
    [("a" * 100 + "xb" + "c" * 100, 101, "xbc"), ("a" * 100, 100, "'" + "a" * 30 + "' there")],
    ids=["another letter", "cut"],
)
def test_texts_that_differ__are_shown_where_they_do(got: str, at: int, said: str) -> None:
    """Not from their beginning, which is the same in both."""
    expected = "a" * 100 + ("xyc" if said == "xbc" else "b") + "c" * 100
    with pytest.raises(Violation) as raised:
        require_same(expected, got, EXCHANGE)
    assert raised.value.expected.endswith(f"at character {at}")
    assert said in raised.value.got
    assert len(raised.value.got) < 200


def test_same_texts__are_no_violation() -> None:
    """Empty ones neither."""
    require_same("a", "a", EXCHANGE)
    require_same("", "", EXCHANGE)
