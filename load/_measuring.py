"""Starts a run in the process that will do it, and ends it there."""

from __future__ import annotations

import os

from locust.env import Environment

from load._arrivals import Share, schedule
from load._garbage import QuietCollector
from load._health import Health
from load._pump import Pump
from load._run import Run
from load._sender import Sender
from load._settings import Settings, read_key
from load._user import ChatUser


class Measuring:
    """A run under way in this process: its users send, or in an open loop its pump.

    Raises: UsageError when this process has no key.
    """

    def __init__(self, environment: Environment, settings: Settings, *, run_id: str, share: Share) -> None:
        self._environment = environment
        self._collector = QuietCollector()
        self.run = Run(settings, read_key(settings.key_variable, os.environ), run_id=run_id, share=share)
        self._sender = Sender(environment, self.run)
        for user_class in environment.user_classes:
            if issubclass(user_class, ChatUser):
                user_class.load_run, user_class.sender = self.run, self._sender
        self._health = Health(self.run)
        self._pump: Pump | None = None
        if settings.arrivals.is_open:
            arrivals = schedule(settings.arrivals, share, settings.seed, settings.trace)
            self._pump = Pump(self.run, self._sender, arrivals)

    def close(self) -> None:
        """Ends the run; Locust has waited for the users, the pump waits here as long as they were given."""
        self.run.stop()
        if self._pump is not None:
            self._pump.drain(float(self._environment.stop_timeout or 0))
        self._health.close()
        self._sender.close()
        self.run.close()
        self._collector.restore()
