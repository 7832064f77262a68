from __future__ import annotations

import json

from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.http.split_keys import without_split

KEY = "nv-5ecret-key"


def _events(*contents: str) -> str:
    return "".join(
        f"data: {json.dumps({'id': 'a', 'choices': [{'delta': {'content': content}, 'index': 0}]})}\n\n"
        for content in contents
    )


def test_key_in_several_deltas__is_taken_out_of_all_of_them() -> None:
    """In two halves, and token by token; what stands around it stays."""
    assert without_split(_events("it is nv-5e", "cret-key."), [KEY], "***") == _events("it is ***", ".")
    assert without_split(_events(*"<", *KEY, *">"), [KEY], "***") == _events("<", "***", *[""] * 12, ">")


def test_texts_without_a_key__stay_as_they_are() -> None:
    """Also where half of one stands."""
    text = _events("nv-5e", "cret", "-kez")
    assert without_split(text, [KEY, ""], "***") == text
    assert without_split(text, [], "***") == text


def test_report_and_verdict__hold_no_half_of_a_split_key() -> None:
    """The answer as shown, and a list of contents as a clause quotes it."""
    request = Request("POST", "http://x", secrets=(KEY,))
    body = _events("your key is nv-5ecr", "et-key")
    shown = Exchange(request, 200, received=((1, body.encode()),)).shown()["answer"]
    assert "5ecr" not in shown
    assert "et-key" not in shown
    assert request.redacted(repr(["nv-5ecr", "et-key", "x"])) == "['***', '', 'x']"
