"""What `locust -f load/` runs: one kind of user, and the instrument that listens to Locust's events."""

from locust import events

from mixtral_contract.load import ChatUser, register

__all__ = ["ChatUser"]

register(events)
