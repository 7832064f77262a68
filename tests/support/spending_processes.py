"""Processes that spend one account's credits: `python -m tests.support.spending_processes PROCESSES CREDITS`.

Prints how often each could pay, and what is left, as JSON. A program of its own, because it forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from decimal import Decimal

from mixtral_contract.mock.accounts.accounts import Account
from mixtral_contract.mock.accounts.pricing import Price
from mixtral_contract.mock.accounts.shared_memory import SharedAccountStates


def main(processes: int, credits_: int) -> None:
    """Forks them, and waits for all."""
    account = Account("k", "n", credits=Decimal(credits_), price=Price(Decimal(1)))
    with contextlib.closing(SharedAccountStates(1)) as ledger:
        standing = ledger.standing(account)
        result, told = os.pipe()
        for _ in range(processes):
            if os.fork() == 0:
                paid = 0
                while standing.charge(1) is not None:
                    paid += 1
                os.write(told, b"%d " % paid)
                os._exit(0)
        os.close(told)
        for _ in range(processes):
            os.wait()
        with os.fdopen(result, encoding="ascii") as pipe:
            print(json.dumps({"paid": [int(number) for number in pipe.read().split()], "left": standing.left}))  # noqa: T201  the result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
