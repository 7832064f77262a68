"""How a request can end, and what each end means."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Outcome(enum.StrEnum):
    """The end of one request; a request has exactly one."""

    OK = "ok"
    EMPTY = "empty"
    RATE_LIMITED = "rate_limited"
    HTTP_ERROR = "http_error"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    ERROR_EVENT = "error_event"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    CONNECTION_ERROR = "connection_error"
    UNANSWERED = "unanswered"
    UNFINISHED = "unfinished"

    @property
    def failed(self) -> bool:
        """Whether the request ended without a completion; an unfinished one did not end."""
        return self not in (Outcome.OK, Outcome.UNFINISHED)

    @property
    def is_answer(self) -> bool:
        """Whether the server answered as it should, so that it bills what its usage says."""
        return self in (Outcome.OK, Outcome.EMPTY)


OUTCOMES: Mapping[Outcome, str] = {
    Outcome.OK: (
        "status 200 and a whole completion; as a stream: with a finish_reason, and data: [DONE] (also without its "
        "blank line) or else usage and a clean end, which break SSE-08"
    ),
    Outcome.EMPTY: "status 200 and a whole completion without content, reasoning, call or refusal: nothing was said",
    Outcome.RATE_LIMITED: "status 429",
    Outcome.HTTP_ERROR: "another status than 200 and 429",
    Outcome.WRONG_CONTENT_TYPE: "status 200, but not text/event-stream for a stream, or not application/json otherwise",
    Outcome.ERROR_EVENT: "status 200, then an error inside the answer",
    Outcome.MALFORMED: "status 200, then an event or an answer that is no completion's JSON",
    Outcome.TRUNCATED: (
        "status 200, then an end before the finish_reason or the announced length, or before both [DONE] and usage"
    ),
    Outcome.TIMEOUT: "no end within --timeout: a lower bound in the percentiles",
    Outcome.CONNECTION_ERROR: "no connection, or no HTTP answer on it",
    Outcome.UNANSWERED: "the server closed a kept connection without an answer; not sent again, for it may be billed",
    Outcome.UNFINISHED: "still running when the run was over and cut off: a lower bound in the percentiles",
}
"""Each outcome's meaning, in the order in which reports list them."""
