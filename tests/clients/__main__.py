"""`python -m tests.clients`: asks every client everything, and writes what came of it.

Into results.json, and as tables into the pages that show them.

What `make clients` installs has to be there.
"""

from __future__ import annotations

import json
import sys

from tests.clients.client import CLIENTS
from tests.clients.outcome import FILE, kept, outcome_of
from tests.clients.table import PAGES, within
from tests.support.repository import ROOT


def main(names: list[str]) -> int:
    """Asks the clients of these names, or all, and keeps what is known of the others; 2 when one is not here."""
    unknown = set(names) - {client.name for client in CLIENTS}
    if unknown:
        there_are = ", ".join(repr(client.name) for client in CLIENTS)
        return _refuse(f"expected names of {there_are}, got {', '.join(sorted(unknown))}")
    known = kept() if FILE.exists() else {}
    wanted = [client for client in CLIENTS if not names or client.name in names or client.name not in known]
    absent = {client.language for client in wanted if not client.installed}
    if absent:
        return _refuse(f"expected clients for {', '.join(sorted(absent))}: make clients")
    for client in wanted:
        print(client.name, file=sys.stderr)
        known[client.name] = outcome_of(client)
    outcomes = {client.name: known[client.name] for client in CLIENTS}
    FILE.write_text(json.dumps(outcomes, indent=2) + "\n", encoding="utf-8")
    for name, written in PAGES.items():
        page = ROOT / name
        page.write_text(within(page.read_text(encoding="utf-8"), written(outcomes)), encoding="utf-8")
    return 0


def _refuse(reason: str) -> int:
    print(f"python -m tests.clients: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
