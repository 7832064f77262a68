from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from decimal import Decimal

from hypothesis import given

from mixtral_contract.mock.accounts.accounts import Account, AccountState
from mixtral_contract.mock.accounts.shared_memory import SharedAccountStates
from mixtral_contract.mock.accounts.token_bucket import Limit
from tests.mock.accounts.test_accounts import CALLS, LIMITS
from tests.support.mock_requests import NOW_NS

LIMIT_S = 60


@given(requests=LIMITS, tokens=LIMITS, calls=CALLS)
def test_shared_standing__decides_as_any_other(
    requests: Limit | None, tokens: Limit | None, calls: list[tuple[int, int]]
) -> None:
    """Beside others in one ledger, none of which touches its slot."""
    account = Account("k", "n", credits=Decimal("999999999999.999999999999"), requests=requests, tokens=tokens)
    with contextlib.closing(SharedAccountStates(3)) as ledger:
        neighbour, shared, other = (ledger.standing(account) for _ in range(3))
        plain = AccountState(account)
        now_ns = NOW_NS
        for gap_ns, amount in calls:
            now_ns += gap_ns
            assert shared.take(now_ns, amount) == plain.take(now_ns, amount)
            assert shared.charge(plain.price(amount, 1)) == plain.charge(plain.price(amount, 1))
            assert shared.left == plain.left
        fresh = AccountState(account).take(NOW_NS, 1)
        assert neighbour.take(NOW_NS, 1) == other.take(NOW_NS, 1) == fresh


def test_ledger__is_exact_between_processes() -> None:
    """Without a server in between, so that they meet as often as can be."""
    command = [sys.executable, "-m", "tests.support.spending_processes", "4", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    result = json.loads(done.stdout)
    assert (sum(result["paid"]), len(result["paid"]), result["left"]) == (20_000, 4, 0)
