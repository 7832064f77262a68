"""A recorded request, asked again: what is sent, and what that may cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mixtral_contract.cassettes.exchange import REDACTED
from mixtral_contract.primitives.base_url import BaseUrl
from mixtral_contract.suite.client.budget import may_cost
from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange, Request
from mixtral_contract.suite.recordings.judge import Case
from mixtral_contract.suite.target.shared_answers import WRONG_KEY
from mixtral_contract.suite.target.target import Target

_SAID_ANEW = frozenset(("host", "content-length", "accept-encoding", "expect", "cookie"))


def request(case: Case, asked: Target) -> Request:
    """The recorded request for the target, with its key where a key stood; a wrong one where that was refused."""
    sent = case.recorded.request
    address = BaseUrl.parse(asked.base_url or "")
    key = WRONG_KEY if case.exchange.status == 401 else asked.keys.get("valid", "")
    headers = [(name, value.replace(REDACTED, key)) for name, value in sent.headers if name.lower() not in _SAID_ANEW]
    query = sent.query.replace(REDACTED, key)
    return Request(
        method=sent.method,
        url=address.endpoint(sent.path) + (f"?{query}" if query else ""),
        headers=(*headers, ("Accept-Encoding", "identity")),
        body=sent.body,
        secrets=tuple(asked.keys.values()),
    )


def bill(recorded: Sequence[Case], asked: Target) -> Iterator[str]:
    """The lines that say what asking all of it again may cost, by what it cost when it was recorded."""
    billed = [case for case in recorded if may_cost(case.exchange.request) and case.exchange.status == 200]
    most = sum(may_cost(case.exchange.request) for case in recorded)
    counts = [_tokens(case.exchange) for case in billed]
    known = [count for count in counts if count is not None]
    tokens = f"{sum(known):,} tokens" + (f" in {len(known)} of them" if len(known) < len(counts) else "")
    yield f"bill: {len(recorded)} requests to {asked.base_url or asked.name}"
    yield f"  completions  {len(billed)} as recorded ({tokens}), at most {most} if all are accepted; --budget N caps it"
    if asked.price is not None:
        usd = asked.price.usd_per_completion
        yield f"  price        ${usd * len(billed):.4f} as recorded, at most ${usd * most:.4f} ({asked.price.source})"


def _tokens(exchange: Exchange) -> int | None:
    """What the answer says that it cost; None when it does not say."""
    body = exchange.json if isinstance(exchange.json, dict) else {"usage": Stream(exchange).usage}
    usage = body.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, Mapping) else None
    return total if isinstance(total, int) else None
