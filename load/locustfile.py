"""What `locust -f load/` runs: one kind of user, and the instrument that listens to Locust's events."""

from locust import events

from load._listeners import register
from load._user import ChatUser

__all__ = ["ChatUser"]

register(events)
