"""Which recorded answers name a dated snapshot of the model that was asked for: worth a note, and no break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from mixtral_contract.suite.http.event_stream import Stream
from mixtral_contract.suite.http.exchange import Exchange
from mixtral_contract.suite.recordings.judge import sent_body
from mixtral_contract.suite.verdicts.model_names import is_snapshot


def notes(exchanges: Iterable[Exchange]) -> Iterator[str]:
    """A line for each alias and its snapshot, however many answers name it."""
    pairs = ((sent_body(each.request).get("model"), _model(each)) for each in exchanges if each.status == 200)
    found = Counter((asked, said) for asked, said in pairs if isinstance(asked, str) and is_snapshot(said, asked))
    for (asked, said), count in found.items():
        yield f"note: {asked} was answered by its snapshot {said} ({count} exchange{'s' * (count > 1)})"


def _model(exchange: Exchange) -> object:
    answer = exchange.json if isinstance(exchange.json, dict) else next(iter(Stream(exchange).chunks), {})
    return answer.get("model")
