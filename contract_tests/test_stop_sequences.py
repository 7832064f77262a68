"""RSP: a text that a stop sequence ends."""

from __future__ import annotations

import pytest

from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.target.limited_requests import repeatable
from mixtral_contract.suite.verdicts.completion_fields import choice_of, text_of, usage_of
from mixtral_contract.suite.verdicts.text_limits import (
    LONGEST_TOKEN,
    require_ended,
    require_kept,
    require_same,
    same_again,
    stop_in,
)
from mixtral_contract.suite.verdicts.verdict import Unsupported, Violation, require


@pytest.mark.clause("RSP-14")
def test_whole_text__lacks_the_stop_sequence(endpoint: Endpoint) -> None:
    """A word of the text, asked for again as stop."""
    body = repeatable(endpoint)
    word = stop_in(text_of(endpoint.complete(body)))
    stopped = endpoint.complete({**body, "stop": word})
    text = text_of(stopped)
    require(word not in text, expected=f"a text without {word!r}", got=repr(text), exchange=stopped)


@pytest.mark.clause("RSP-26")
def test_text_ended_by_a_stop_sequence__says_stop(endpoint: Endpoint) -> None:
    """OpenAI's reference: stop if the model hit a natural stop point or a provided stop sequence."""
    body = repeatable(endpoint)
    whole = text_of(endpoint.complete(body))
    stopped = endpoint.complete({**body, "stop": stop_in(whole)})
    require_ended(text_of(stopped), whole, stopped)
    reason = choice_of(stopped).get("finish_reason")
    require(reason == "stop", expected="finish_reason stop", got=reason, exchange=stopped)


@pytest.mark.clause("RSP-27")
def test_each_stop_sequence_of_a_list__counts(endpoint: Endpoint) -> None:
    """Neither the first of the list occurs nor the last; of those between the later one stands first in the list."""
    body = repeatable(endpoint)
    whole = text_of(endpoint.complete(body))
    word, later = stop_in(whole), whole.split()[-1]
    stopped = endpoint.complete({**body, "stop": ["#~#~#", later, word, "~#~#~"]})
    text = text_of(stopped)
    for each in (word, later):
        require(each not in text, expected=f"a text without {each!r}", got=repr(text), exchange=stopped)


@pytest.mark.clause("RSP-30")
def test_text_before_the_stop_sequence__stays(endpoint: Endpoint) -> None:
    """The text of the same request, up to the sequence, and no beginning of the sequence."""
    whole, word, stopped = _stopped(endpoint)
    try:
        require_kept(whole, word, text_of(stopped), stopped)
    except Violation:
        same_again(text_of(endpoint.complete(repeatable(endpoint))), whole, stopped)
        raise


@pytest.mark.clause("RSP-35")
def test_stop_sequence_that_does_not_occur__changes_nothing(endpoint: Endpoint) -> None:
    """The text's own words in the other case, and a pattern that would match every text."""
    body = repeatable(endpoint)
    whole = text_of(endpoint.complete(body))
    absent = [each for each in (stop_in(whole).swapcase(), ".*", "[A-Za-z]+") if each not in whole]
    exchange = endpoint.complete({**body, "stop": absent})
    if text_of(exchange) != whole:
        exchange = endpoint.complete({**body, "stop": absent})
        same_again(text_of(endpoint.complete(body)), whole, exchange)
    require_same(whole, text_of(exchange), exchange)


@pytest.mark.clause("RSP-36")
def test_text_ended_by_a_stop_sequence__counts_fewer_tokens(endpoint: Endpoint) -> None:
    """Nobody pays for what was not made, or not given."""
    whole, word, stopped = _stopped(endpoint)
    more = endpoint.complete(repeatable(endpoint))
    goes_on = len(whole) > whole.index(word) + len(word) + LONGEST_TOKEN // 4
    if not (goes_on and whole.startswith(text_of(stopped)) and text_of(more) == whole):
        raise Unsupported("no text that would have gone on", exchange=stopped)
    found, most = usage_of(stopped)["completion_tokens"], usage_of(more)["completion_tokens"]
    require(found < most, expected=f"fewer than {most} completion tokens", got=f"{found}", exchange=stopped)


def _stopped(endpoint: Endpoint) -> tuple[str, str, Exchange]:
    """A whole text, a piece of it, and the answer to the same request with that for a stop sequence."""
    body = repeatable(endpoint)
    whole = text_of(endpoint.complete(body))
    word = stop_in(whole)
    return whole, word, endpoint.complete({**body, "stop": word})
