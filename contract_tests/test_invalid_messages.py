"""NEG: messages that must be refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mixtral_contract.suite.generation import strategies
from mixtral_contract.suite.target.endpoint import Endpoint


@pytest.mark.clause("NEG-02")
@given(value=strategies.json_values().filter(lambda value: not isinstance(value, list)))
@example(value="hello")
@example(value={"role": "user", "content": "hello"})
@example(value=None)
def test_messages_that_is_no_array__is_refused(endpoint: Endpoint, value: Any) -> None:
    """A list is a list."""
    endpoint.refuse(endpoint.body(messages=value))


@pytest.mark.clause("NEG-03")
def test_no_messages__is_refused(endpoint: Endpoint) -> None:
    """There is nothing to complete."""
    endpoint.refuse(endpoint.body(messages=[]))


@pytest.mark.clause("NEG-04")
def test_incomplete_message__is_refused(endpoint: Endpoint) -> None:
    """A message has a role and a content."""
    _refuses_message(endpoint, role=...)
    _refuses_message(endpoint, content=...)


@pytest.mark.clause("NEG-05")
@given(role=st.text("abcdefgrstuvxyz-", min_size=1, max_size=9))
@example(role="robot")
@example(role="User")
@example(role="user ")
@example(role="bot")
@example(role="human")
@example(role="model")
@example(role="")
def test_unknown_role__is_refused(endpoint: Endpoint, role: str) -> None:
    """Only documented roles, and those that OpenAI's own format adds, which are not tried."""
    assume(role not in ("system", "user", "assistant", "tool", "function", "developer"))
    _refuses_message(endpoint, role=role)


@pytest.mark.clause("NEG-06")
@given(content=st.integers() | st.booleans() | st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2))
@example(content=42)
@example(content={"text": "hello"})
def test_content_of_another_type__is_refused(endpoint: Endpoint, content: Any) -> None:
    """Content is a string or a list of parts; null is not tried, since OpenAI's format has it beside tool calls."""
    _refuses_message(endpoint, content=content)


@pytest.mark.clause("NEG-20")
@given(value=st.sampled_from(["hello", 7, None, [], True, [{"role": "user", "content": "hello"}]]))
@example(value="hello")
def test_message_that_is_no_object__is_refused(endpoint: Endpoint, value: Any) -> None:
    """Alone, after a good message, and before one."""
    good = {"role": "user", "content": "hello"}
    for messages in ([value], [good, value], [value, good]):
        endpoint.refuse(endpoint.body(messages=messages))


@pytest.mark.clause("NEG-21")
def test_part_that_says_nothing__is_refused(endpoint: Endpoint) -> None:
    """A part has a known type, and what goes with it; no part at all says nothing either."""
    for part in ({"type": "smell", "smell": "tea"}, {"type": "text"}, {"text": "hello"}, "hello", {}):
        endpoint.refuse(_message(endpoint, content=[part]))
    endpoint.refuse(_message(endpoint, content=[]))


@pytest.mark.clause("NEG-22")
def test_image_that_is_no_url__is_refused(endpoint: Endpoint) -> None:
    """Neither an address nor a data URI."""
    for url in ("no address at all", "", 7, None):
        part = {"type": "image_url", "image_url": {"url": url}}
        endpoint.refuse(_message(endpoint, content=[{"type": "text", "text": "What is it?"}, part]))


@pytest.mark.clause("NEG-25")
def test_null_content__is_refused(endpoint: Endpoint) -> None:
    """Null stands beside calls, which users make none of."""
    endpoint.refuse(_message(endpoint, content=None))


def _message(endpoint: Endpoint, **changes: Any) -> dict[str, Any]:
    message = {"role": "user", "content": "hello", **changes}
    return endpoint.body(messages=[{name: value for name, value in message.items() if value is not ...}])


def _refuses_message(endpoint: Endpoint, **changes: Any) -> None:
    """Alone, and first and last in a conversation."""
    body = _message(endpoint, **changes)
    user, assistant = ({"role": role, "content": "hello"} for role in ("user", "assistant"))
    for before, after in (([], []), ([], [assistant, user]), ([user, assistant], [])):
        endpoint.refuse({**body, "messages": [*before, *body["messages"], *after]})
