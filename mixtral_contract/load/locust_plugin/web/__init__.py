"""Locust's web page with a run of ours: what it shows besides its own, who may use it, and what it may change."""
