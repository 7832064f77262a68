"""Requests that nobody wrote down: strategies, near misses, fuzzing, with schemathesis as oracle."""
