"""How the test of a clause is called: what it sends is logged under its clause, and not sent where it is proven."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

import pytest

from mixtral_contract.suite.generation.single_example import one_example
from mixtral_contract.suite.session.selection import clause_of
from mixtral_contract.suite.session.stash import CLIENT, LAST_EXCHANGE, REQUESTS_BEFORE, USED
from mixtral_contract.suite.target.endpoint import Endpoint
from mixtral_contract.suite.verdicts.verdict import NotRun


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Notes how many requests were sent before; the first one is sent while the first test is set up."""
    client = item.config.stash.get(CLIENT, None)
    item.stash[REQUESTS_BEFORE] = len(client.log.requests) if client else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a test sends stands in the request log under its clause."""
    clause, client = clause_of(item), item.config.stash.get(CLIENT, None)
    if clause is None or client is None:
        return (yield)
    frugal = one_example(getattr(item, "obj", None)) if client.frugal else nullcontext()
    with client.log.judging(clause.id, shares=clause.judged != "stateful"), frugal:
        try:
            return (yield)
        finally:
            item.stash[USED] = client.log.since(item.stash[REQUESTS_BEFORE])
            item.stash[LAST_EXCHANGE] = client.log.last


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A clause that one request proved together with others is not asked for again where that costs money.

    Raises: NotRun for one that follows an account's state while other processes of the run use that account, and for
    one about keys where none is asked for.
    """
    clause, client = clause_of(pyfuncitem), pyfuncitem.config.stash.get(CLIENT, None)
    endpoint = pyfuncitem.funcargs.get("endpoint")
    if clause is None or client is None or not isinstance(endpoint, Endpoint):
        return None
    workers = getattr(pyfuncitem.config, "workerinput", {}).get("workercount", 1)
    if clause.judged == "stateful" and workers > 1:
        raise NotRun("other processes use the same accounts meanwhile: run it without -n")
    if clause.needs_key:
        endpoint.expect_key()
    return True if client.frugal and endpoint.seen.proves(clause.id) else None
