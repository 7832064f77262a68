"""Numbers, durations and the window; imports nothing of the load instrument."""
