"""A run in one process: what it sends, and what becomes of it."""
