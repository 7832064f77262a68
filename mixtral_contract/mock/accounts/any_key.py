"""Accounts for an application that brings a key of its own: whatever key it sends is a valid one."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from mixtral_contract.mock.accounts.accounts import Account, Accounts, AccountState

_PLENTY = Decimal(1_000_000)


class AnyKey(Accounts):
    """The accounts that are given, and one more for each key that is none of theirs; no key at all is still none."""

    def find(self, keys: Iterable[str], now_ns: int) -> AccountState | None:
        """The account of the first key that is known, else of the first one; None when there is no key."""
        given = [key for key in keys if key]
        found = super().find(given, now_ns)
        if found is not None or not given:
            return found
        number = sum(state.account.name.startswith("application-") for state in self.standings) + 1
        account = Account(given[0], f"application-{number}", "is one of the application's own", credits=_PLENTY)
        state = self._standings[account.key] = AccountState(account)
        return state
