"""Who may: accounts by key, what each may call and until when, their rate limits and their credits.

Pure: the time is an argument, money and waiting are counted in whole numbers. Which refusal a condition becomes, and
whether it becomes one, is for the service.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from mixtral_contract.contract.openapi import Operation
from mixtral_contract.mock.accounts.pricing import Money, Price
from mixtral_contract.mock.accounts.rate_limits import Quota
from mixtral_contract.mock.accounts.token_bucket import Limit

PRICE = Decimal("0.0005")
"""What one completion costs where an account has no price of its own."""

UNLIMITED = "1000000000"
"""What an account without a bound on its credits has left: the contract wants a number, and this one never falls."""


_PRICED = Price(per_call=PRICE)
_PLENTY = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Account:
    """One key and what it may; None is no bound everywhere.

    `name` is what logs, journals and pages call it, because they never show a key. `requests` bounds the calls and
    `tokens` the tokens of prompts and completions, `models` has names of models and of dialects.
    """

    key: str = field(repr=False)
    name: str
    purpose: str = ""
    credits: Decimal | None = None
    price: Price = _PRICED
    requests: Limit | None = None
    tokens: Limit | None = None
    models: frozenset[str] | None = None
    forbidden: bool = False
    valid_until_ns: int | None = None

    @property
    def restricted(self) -> bool:
        """Whether there is a model that the key may not use."""
        return self.forbidden or self.models is not None

    def may_use(self, dialect: str, model: str) -> bool:
        """Whether the key may use a model through a dialect."""
        return not self.forbidden and (self.models is None or dialect in self.models or model in self.models)

    def is_valid(self, now_ns: int) -> bool:
        """Whether the key is not too old."""
        return self.valid_until_ns is None or now_ns < self.valid_until_ns


ANONYMOUS = Account("", "anonymous", "calls where the contract asks for no key")

ACCOUNTS = (
    Account("mock-valid", "valid", "may call", credits=_PLENTY),
    Account("mock-exhausted", "exhausted", "has no credits", credits=Decimal(0)),
    Account("mock-forbidden", "forbidden", "may not use the model", credits=_PLENTY, forbidden=True),
    Account(
        "mock-limited",
        "limited",
        "may call twice at once and then once per second",
        credits=_PLENTY,
        requests=Limit(per_minute=60, burst=2),
    ),
)
"""The keys of a server that is given no accounts; any other key is wrong."""


class AccountState:
    """Where one account stands now: the credits left, and how full its buckets are."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._money = Money(account.credits or Decimal(0), account.price)
        self.price = self._money.price
        """What a completion of so many prompt tokens and completion tokens costs, in the account's smallest unit."""
        self.restore()

    def restore(self) -> None:
        """Stands as in the beginning: all credits left, all buckets full."""
        self._left = self._money.units(self.account.credits or Decimal(0))
        self._requests_full_at = self._tokens_full_at = 0

    def next_ns(self, now_ns: int) -> int | None:
        """How long until a call of one token is let in, with nothing taken for it; None when it never is."""
        limits = (self.account.requests, self._requests_full_at), (self.account.tokens, self._tokens_full_at)
        return longest(limit.wait_ns(full_at, now_ns, 1) for limit, full_at in limits if limit is not None)

    def take(self, now_ns: int, tokens: int = 0) -> Quota:
        """Lets one call of so many tokens in and takes it from the limits, or takes nothing and says how long to wait.

        A call that waits as long, with no other before it, is let in; one nanosecond earlier it is not.
        """
        requests, tokens_limit = self.account.requests, self.account.tokens
        wait_ns = longest(
            limit.wait_ns(full_at, now_ns, amount)
            for limit, full_at, amount in (
                (requests, self._requests_full_at, 1),
                (tokens_limit, self._tokens_full_at, tokens),
            )
            if limit is not None
        )
        if requests is not None and wait_ns == 0:
            self._requests_full_at = requests.taken(self._requests_full_at, now_ns, 1)
        if tokens_limit is not None and wait_ns == 0:
            self._tokens_full_at = tokens_limit.taken(self._tokens_full_at, now_ns, tokens)
        return Quota(
            now_ns,
            wait_ns,
            None if requests is None else requests.level(self._requests_full_at, now_ns),
            None if tokens_limit is None else tokens_limit.level(self._tokens_full_at, now_ns),
        )

    @property
    def left(self) -> int:
        """The credits left, in the account's smallest unit of money; 0 where they are unlimited."""
        return self._left

    def affords(self, price: int) -> bool:
        """Whether the credits left pay a price."""
        return self.account.credits is None or price <= self.left

    def charge(self, price: int) -> int | None:
        """Takes a price and returns what is left; takes nothing and returns None when less than that is left."""
        if self.account.credits is None:
            return self._left
        left = self._left - price
        if left < 0:
            return None
        self._left = left
        return left

    def text(self, money: int) -> str:
        """An amount of money as a decimal number of credits."""
        return self._money.text(money)

    def remaining(self, left: int) -> str:
        """What is left as a decimal number of credits."""
        return UNLIMITED if self.account.credits is None else self._money.text(left)


def longest(waits: Iterable[int | None]) -> int | None:
    """The longest of some waits; None, which never ends, is longer than any."""
    found = 0
    for wait in waits:
        if wait is None:
            return None
        found = max(found, wait)
    return found


class Accounts:
    """All accounts of one server; `standing` keeps one of them.

    `require_key`: a key is needed too where the contract leaves it to the server; without it any key will do there,
    and a known one has its account.
    """

    def __init__(
        self,
        accounts: Iterable[Account] = ACCOUNTS,
        standing: Callable[[Account], AccountState] = AccountState,
        *,
        require_key: bool = False,
    ) -> None:
        self.require_key = require_key
        self._standings = {account.key: standing(account) for account in accounts}
        self.anonymous = AccountState(ANONYMOUS)

    @property
    def keys(self) -> Collection[str]:
        """The known keys, so that they can be taken out of what is shown."""
        return self._standings.keys()

    @property
    def standings(self) -> Collection[AccountState]:
        """All accounts that have a key."""
        return self._standings.values()

    def find(self, keys: Iterable[str], now_ns: int) -> AccountState | None:
        """The account of the first key that is known, one that is still valid before all others; None when all are
        wrong.
        """
        expired = None
        for key in keys:
            standing = self._standings.get(key)
            if standing is not None and standing.account.is_valid(now_ns):
                return standing
            expired = expired or standing
        return expired

    def standing_of(self, keys: Iterable[str], operation: Operation, now_ns: int) -> AccountState | None:
        """The account that calls an operation with these keys; nobody's where it asks for no key, None: refused."""
        found = self.find(keys, now_ns)
        return self.anonymous if found is None and operation.is_key_optional and not self.require_key else found
