"""Starts a run in the process whose users will do it."""

from __future__ import annotations

import os

from locust.env import Environment

from load._run import Run
from load._settings import Settings, read_key
from load._user import ChatUser


def start_measuring(environment: Environment, settings: Settings, *, run_id: str, worker: int) -> Run:
    """A run that the users of this process are part of from now on.

    Raises: UsageError when this process has no key.
    """
    key = read_key(settings.key_variable, os.environ)
    run = Run(settings, key, run_id=run_id, worker=worker)
    for user_class in environment.user_classes:
        if issubclass(user_class, ChatUser):
            user_class.load_run = run
    return run
