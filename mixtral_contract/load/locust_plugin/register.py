"""Where the instrument meets Locust: its options, and the part that each kind of runner plays.

A run in one process measures and reports. In a distributed run workers measure, and the master reports.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.event import Events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from mixtral_contract.load.locust_plugin import consent
from mixtral_contract.load.locust_plugin.ctrl_c import (
    interrupt_main_only,
    leave_first_to_master,
    leave_hangup_to_master,
    terminate_on_hangup,
)
from mixtral_contract.load.locust_plugin.local_role import LocalRole
from mixtral_contract.load.locust_plugin.master_role import MasterRole
from mixtral_contract.load.locust_plugin.reporting_role import ReportingRole, listen
from mixtral_contract.load.locust_plugin.web import ports
from mixtral_contract.load.locust_plugin.web.guard import LOOPBACK
from mixtral_contract.load.locust_plugin.web.pages import add_pages
from mixtral_contract.load.locust_plugin.worker_role import WorkerRole
from mixtral_contract.load.requests.discovery import fill_in
from mixtral_contract.load.requests.encoder import check_fields
from mixtral_contract.load.results.calibration import CalibrationError, read_calibration
from mixtral_contract.load.settings.options import OPTIONS
from mixtral_contract.load.settings.settings import UsageError, check_load, read_secrets, read_settings

_MOST_USERS_PER_S = 100.0
"""Locust warns of problems above."""


def register(events: Events) -> None:
    """Makes the instrument listen; to be called once, by the locustfile."""
    listen(events, init_command_line_parser=_on_parser, init=_on_init)


def _on_parser(parser: LocustArgumentParser, **_: Any) -> None:
    for option in OPTIONS:
        parser.add_argument(option.flag, include_in_web_ui=option.in_web_ui, **option.keywords)
    # Locust's own defaults listen on all interfaces, and know no login
    parser.set_defaults(web_host=LOOPBACK, master_bind_host=LOOPBACK, master_bind_port=ports.USUAL)
    # Locust's own default is 0, which somebody may mean
    parser.set_defaults(stop_timeout=None)
    parse_args = parser.parse_args

    def parse_and_check(*args: Any, **kwargs: Any) -> argparse.Namespace:
        options: argparse.Namespace = parse_args(*args, **kwargs)
        options.is_stop_timeout_given = options.stop_timeout is not None
        options.stop_timeout = options.stop_timeout or 0
        try:
            ports.choose(options)
            _check(options)
        except UsageError as error:
            parser.error(str(error))  # type: ignore[no-untyped-call]
        return options

    # no event of Locust's comes between this and the fork of --processes, after which each process would complain
    parser.parse_args = parse_and_check


def _check(options: argparse.Namespace) -> None:
    """Checks a run that starts by itself; one from the web page is checked when it starts.

    Raises: UsageError.
    """
    if options.worker or options.list_commands or not (options.headless or options.autostart):
        return
    check_load(options.num_users, options.run_time, options.warmup)
    settings = read_settings(options, options.host)
    check_fields(settings)
    _check_calibration(options.calibration)
    if not options.master:
        # a master sends no request; its workers look for the key where they are
        read_secrets(settings, os.environ)
    if consent.is_needed(settings, options):
        consent.ask(settings, options)
    elif settings.is_paid or settings.cost.budget is not None:
        sys.stderr.write(f"{consent.question(settings, options)}\n")
    # last, for it asks the target
    for note in fill_in(settings, options, os.environ):
        sys.stderr.write(f"{note}\n")
    if options.spawn_rate is None:
        # Locust's one user a second would spend most of a run on getting started
        options.spawn_rate = min(float(options.num_users or 1), _MOST_USERS_PER_S)


def _check_calibration(path: str | None) -> None:
    """Reads the calibration that somebody named, for at the end of the run it is too late to name another."""
    try:
        if path:
            read_calibration(Path(path))
    except CalibrationError as error:
        raise UsageError(f"--calibration: {error}") from None


def _on_init(environment: Environment, **_: Any) -> None:
    runner = environment.runner
    # the event loop's clock has stood still since the imports began, and Locust is about to set the run time by it
    time.sleep(0)
    if not isinstance(runner, WorkerRunner):
        interrupt_main_only()
        terminate_on_hangup()
    elif getattr(environment.parsed_options, "processes", None):
        leave_first_to_master()
        leave_hangup_to_master()
    if isinstance(runner, WorkerRunner):
        WorkerRole(environment, runner).listen()
    elif isinstance(runner, MasterRunner):
        _report(environment, MasterRole(environment, runner))
    elif isinstance(runner, LocalRunner):
        _report(environment, LocalRole(environment, runner))


def _report(environment: Environment, role: ReportingRole) -> None:
    role.listen()
    if environment.web_ui is not None:
        add_pages(environment.web_ui, role.look)
