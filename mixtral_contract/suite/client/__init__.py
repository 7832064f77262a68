"""Every request of a run: its budget, its rate limit, and the log of which clause sent it."""
