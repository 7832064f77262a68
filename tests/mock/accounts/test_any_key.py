"""Accounts for an application that brings its own key."""

from __future__ import annotations

from mixtral_contract.mock.accounts.accounts import ACCOUNTS, Account
from mixtral_contract.mock.accounts.any_key import AnyKey


def test_unknown_key__is_valid() -> None:
    """Each with an account of its own, which stays."""
    accounts = AnyKey(ACCOUNTS)
    one, other = accounts.find(["sk-one"], 0), accounts.find(["sk-other"], 0)
    assert one is not None
    assert other is not None
    assert (one.account.name, other.account.name) == ("application-1", "application-2")
    assert accounts.find(["sk-one"], 0) is one
    assert one.affords(10**9)
    assert {"sk-one", "sk-other", "mock-valid"} <= set(accounts.keys)


def test_known_key__is_what_it_is() -> None:
    """Also behind an unknown one, and when it is too old."""
    accounts = AnyKey([Account("old", "old", valid_until_ns=5), Account("poor", "poor", forbidden=True)])
    found = accounts.find(["sk-one", "poor"], 0)
    assert found is not None
    assert found.account.name == "poor"
    expired = accounts.find(["old"], 9)
    assert expired is not None
    assert not expired.account.is_valid(9)


def test_no_key__is_none() -> None:
    """Nor is an empty one."""
    assert AnyKey(ACCOUNTS).find([], 0) is None
    assert AnyKey(ACCOUNTS).find([""], 0) is None
