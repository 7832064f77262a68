"""`python -m tests.clients`: asks every client everything, and writes down what came of it, in results.json and README.

What `make clients` installs has to be there.
"""

from __future__ import annotations

import json
import sys

from tests.clients.client import CLIENTS, ROOT
from tests.clients.outcome import FILE, kept, outcome_of
from tests.clients.table import table, within


def main(names: list[str]) -> int:
    """Asks the clients of these names, or all, and keeps what is known of the others; 2 when a name is no client's."""
    unknown = set(names) - {client.name for client in CLIENTS}
    if unknown:
        known = ", ".join(repr(client.name) for client in CLIENTS)
        print(f"python -m tests.clients: expected names of {known}, got {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    before = kept() if FILE.exists() else {}
    outcomes = {}
    for client in CLIENTS:
        if names and client.name not in names:
            outcomes[client.name] = before[client.name]
            continue
        print(client.name, file=sys.stderr)
        outcomes[client.name] = outcome_of(client)
    FILE.write_text(json.dumps(outcomes, indent=2) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    readme.write_text(within(readme.read_text(encoding="utf-8"), table(outcomes)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
