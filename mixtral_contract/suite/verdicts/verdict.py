"""What a clause can get on a target, and the exceptions by which a clause says so."""

from __future__ import annotations

import enum

from mixtral_contract.suite.http.exchange import Exchange


class Verdict(enum.StrEnum):
    """What a clause got on a target; only FAIL fails a run."""

    PASS = "PASS"  # noqa: S105  a verdict, no password
    NON_STRICT = "NON-STRICT"
    FAIL = "FAIL"
    KNOWN = "KNOWN"
    INFO = "INFO"
    UNSUPPORTED = "UNSUPPORTED"
    RETIRED = "RETIRED"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_RUN = "NOT-RUN"


MEANINGS = {
    Verdict.PASS: "the target keeps the clause",
    Verdict.NON_STRICT: "the target departs from a should, or from a must in a way that clients are used to",
    Verdict.FAIL: "the target breaks a must",
    Verdict.KNOWN: "broken, and accepted by the baseline until a date",
    Verdict.INFO: "recorded, not judged",
    Verdict.UNSUPPORTED: "the target gave nothing to judge",
    Verdict.RETIRED: "the model is gone (404 or 410)",
    Verdict.INCONCLUSIVE: "the target was busy, failing or silent (401, 402, 403, 406, 429, 5xx, time-out)",
    Verdict.NOT_RUN: "not asked: budget spent, or no key given for it",
}


class Outcome(Exception):  # noqa: N818  an outcome is no error
    """A clause's end other than PASS, with what was expected, what was got and the exchange that shows it."""

    verdict = Verdict.FAIL

    def __init__(self, got: str, *, expected: str = "", exchange: Exchange | None = None) -> None:
        super().__init__(f"expected {expected}, got {got}" if expected else got)
        self.got = got
        self.expected = expected
        self.exchange = exchange


class Violation(Outcome):
    """The clause is broken: FAIL for a must, NON-STRICT for a should (FAIL under --strict)."""


class Tolerable(Outcome):
    """A departure that clients are used to, whatever the clause's level."""

    verdict = Verdict.NON_STRICT


class Info(Outcome):
    """What an info clause recorded."""

    verdict = Verdict.INFO


class Unsupported(Outcome):
    """There is nothing to judge."""

    verdict = Verdict.UNSUPPORTED


class Retired(Outcome):
    """The model is gone."""

    verdict = Verdict.RETIRED


class Inconclusive(Outcome):
    """The target's state, not its conformance, decided the answer."""

    verdict = Verdict.INCONCLUSIVE


class NotRun(Outcome):
    """The question was not asked."""

    verdict = Verdict.NOT_RUN


def require(condition: object, *, expected: object, got: object, exchange: Exchange | None = None) -> None:
    """Nothing when the condition holds.

    Raises: Violation with what was expected and got when it does not.
    """
    if not condition:
        raise Violation(got if isinstance(got, str) else repr(got), expected=str(expected), exchange=exchange)
