"""Who may: accounts by key, their rate limits and their credits.

Pure: the time is an argument, money is a Decimal, waiting is counted in whole nanoseconds. Which refusal a condition
becomes, and whether it becomes one, is for the service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

PRICE = Decimal("0.0005")
"""What one completion costs."""

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """One key and what it may; `burst` calls at once and one more every `refill_s`, None for no limit."""

    key: str
    purpose: str
    credits: Decimal = Decimal(1_000_000)
    forbidden: bool = False
    burst: int | None = None
    refill_s: int = 1


ACCOUNTS = (
    Account("mock-valid", "may call"),
    Account("mock-exhausted", "has no credits", credits=Decimal(0)),
    Account("mock-forbidden", "may not use the model", forbidden=True),
    Account("mock-limited", "may call twice at once and then once per second", burst=2),
)
"""The built-in keys; any other key is wrong."""


class Standing:
    """Where one account stands now: the credits left, and when its rate limit lets the next call in."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.credits = account.credits
        self._full_at_ns = 0

    def wait_ns(self, now_ns: int) -> int:
        """0 and one call taken from the limit, or how long until it lets a call in.

        The bucket is kept as the time when it will be full again, which needs no timer and no fraction.
        """
        if self.account.burst is None:
            return 0
        refill_ns = self.account.refill_s * _SECOND_NS
        full_at_ns = max(self._full_at_ns, now_ns) + refill_ns
        wait_ns = full_at_ns - now_ns - self.account.burst * refill_ns
        if wait_ns > 0:
            return wait_ns
        self._full_at_ns = full_at_ns
        return 0

    @property
    def solvent(self) -> bool:
        """Whether the credits pay for one more completion."""
        return self.credits >= PRICE

    def charge(self) -> None:
        """Takes the price of one completion; credits never fall below nothing."""
        self.credits = max(self.credits - PRICE, Decimal(0))


class Admission:
    """All accounts of one server."""

    def __init__(self, accounts: Iterable[Account] = ACCOUNTS) -> None:
        self._standings = {account.key: Standing(account) for account in accounts}
        self.anonymous = Standing(Account("", "calls where the contract asks for no key"))

    def find(self, keys: Iterable[str]) -> Standing | None:
        """The account of the first key that is known; None when all are wrong."""
        return next((self._standings[key] for key in keys if key in self._standings), None)
