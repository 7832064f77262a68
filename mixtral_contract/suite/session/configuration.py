"""How a run is configured: its options are declared and read, and what cannot be run ends with one line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings

from mixtral_contract.contract.openapi import ContractError
from mixtral_contract.suite.reporting import report
from mixtral_contract.suite.session import options
from mixtral_contract.suite.session.settings import Settings
from mixtral_contract.suite.session.stash import SETTINGS
from mixtral_contract.suite.session.verdict_collector import VerdictCollector
from mixtral_contract.suite.target import target
from mixtral_contract.suite.verdicts.baseline import BaselineError


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options."""
    options.add_to(parser.getgroup("contract", "contract: which server to hold to the contract, and how"))


def pytest_configure(config: pytest.Config) -> None:
    """Reads the options; where they are no good, or nothing listens at the address, the run ends with status 2."""
    config.addinivalue_line("markers", "clause(id): the clause of the contract that the test judges")
    try:
        chosen = config.stash[SETTINGS] = Settings.read(config)
        if not chosen.dry_run:
            report.writable(chosen.report, "--report")
            if chosen.target.base_url is not None:
                target.reach(chosen.target.base_url)
                chosen = chosen.where_it_is_free()
                asked = target.with_model(chosen.target, chosen.contract)
                chosen = config.stash[SETTINGS] = replace(chosen, target=asked)
    except (ContractError, target.TargetError, BaselineError, report.ReportError) as error:
        # pytest's own usage errors end with 4; ours end with 2 and one line, as every command of the project
        pytest.exit(str(error), returncode=2)
    if not hasattr(config, "workerinput") and not chosen.dry_run:
        # under xdist only the controller sees every report
        config.pluginmanager.register(VerdictCollector(chosen), "contract-verdicts")
    _load_profile(paid=chosen.target.paid)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Says what was taken because nobody said it."""
    if not hasattr(session.config, "workerinput"):
        for note in session.config.stash[SETTINGS].target.notes:
            session.config.get_terminal_writer().line(note)


def _load_profile(*, paid: bool) -> None:
    """One example per property where completions cost money; the same examples in every run."""
    generating = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "contract",
        max_examples=1 if paid else 12,
        phases=generating if paid else (*generating, Phase.shrink),
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("contract")
