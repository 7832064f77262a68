"""Many clients at once: `python -m tests.support.many_clients ADDRESS KEY CLIENTS CALLS`; a JSON line per answer."""

from __future__ import annotations

import http.client
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

LIMIT_S = 60


def answers(address: str, key: str, calls: int) -> list[dict[str, Any]]:
    """What one client on one connection gets."""
    url = urlsplit(address)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=LIMIT_S)
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]})
    found = []
    for _ in range(calls):
        headers = {"x-api-key": key, "Content-Type": "application/json"}
        connection.request("POST", "/v1/mixtral-8x22b-instruct", body, headers)
        response = connection.getresponse()
        content = json.load(response)
        found.append(
            {
                "status": response.status,
                "credits": response.getheader("x-remaining-credits"),
                "calls": response.getheader("x-rate-limit-remaining"),
                "id": content.get("id"),
            }
        )
    connection.close()
    return found


def main(address: str, key: str, clients: str, calls: str) -> None:
    """Lets the clients ask at once."""
    with ThreadPoolExecutor(int(clients)) as threads:
        for answered in [threads.submit(answers, address, key, int(calls)) for _ in range(int(clients))]:
            for answer in answered.result():
                print(json.dumps(answer))  # noqa: T201  the result


if __name__ == "__main__":
    main(*sys.argv[1:])
