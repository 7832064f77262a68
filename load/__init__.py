"""The load run: Locust scenarios for chat completions, and the instrument that measures their streams.

Locust runs every file here whose name has no leading underscore as a locustfile, so `locustfile.py` is the only one;
all else is imported. What computes knows no Locust: importing it would monkey-patch the process.
"""
