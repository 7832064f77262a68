"""Servers and clients that nobody here wrote, for tests against the world."""
