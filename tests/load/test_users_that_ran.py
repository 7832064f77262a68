"""`locust -f` with users that come and go: the headline says how many ran."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import pytest

from tests.load.locust_plugin.web.test_pages import page, running, until
from tests.load.test_locust_command import distributed, run, timed
from tests.support.scripted_stream_server import ScriptedServer, answer

FILE = """
from locust import LoadTestShape, User, constant, events, task

from mixtral_contract.load.locust_plugin.chat_user import ChatUser
from mixtral_contract.load.locust_plugin.register import register

register(events)
"""
SHAPE = """
class Waves(LoadTestShape):
    def tick(self):
        now_s = self.get_run_time()
        return None if now_s > 8 else (2 if now_s < 4 else 6, 10)
"""
SHOPPER = """
class Shopper(User):
    wait_time = constant(1)

    @task
    def shop(self):
        pass
"""
KEY = ("--api-key-env", "A_KEY")


@pytest.mark.parametrize("processes", [1, 2])
def test_shape__is_the_load_that_was_asked_for(tmp_path: Path, processes: int) -> None:
    """Its least and its most, and no reason to doubt."""
    file = tmp_path / "shaped.py"
    file.write_text(FILE + SHAPE, encoding="utf-8")
    arguments = ("-f", str(file), *KEY)
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "--host", server.url, *(distributed(*arguments) if processes > 1 else arguments))
    users = ended.summary["users"]
    assert (users["least"], users["most"], users["shape"]) == (2, 6, "Waves")
    assert ended.summary["headline"].startswith("2 to 6 users (")
    assert ", by Waves) at once: " in ended.summary["headline"]
    assert not any("users" in reason["text"] for reason in ended.summary["validity"]["reasons"])


def test_users_of_others__are_none_of_the_load(tmp_path: Path) -> None:
    """Half of the users do something else."""
    file = tmp_path / "mixed.py"
    file.write_text(FILE + SHOPPER, encoding="utf-8")
    with ScriptedServer(timed) as server:
        ended = run(tmp_path, "-f", str(file), "--host", server.url, "-u", "6", "-t", "4s", *KEY)
    assert ended.summary["headline"].startswith("3 users at once: ")
    assert any("Shopper" in note for note in ended.summary["notes"])


def test_users_that_the_page_changes__are_told(tmp_path: Path) -> None:
    """Three more in the middle of the run."""
    refusal = [answer("401 Unauthorized", b"{}")]
    with (
        ScriptedServer(lambda number: refusal if number % 20 == 19 else timed(number)) as server,
        page(tmp_path, "--host", server.url, "-u", "2", "-t", "600s") as address,
    ):
        until(lambda: running(address))
        time.sleep(2)
        httpx.post(f"{address}/swarm", data={"user_count": "5", "spawn_rate": "10"}).raise_for_status()
        until(lambda: (found := running(address)) and found["in_flight"] >= 4)
        time.sleep(1)
        httpx.post(f"{address}/stop", timeout=60).raise_for_status()
        until((tmp_path / "summary.json").exists)
        summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (summary["users"]["least"], summary["users"]["most"]) == (2, 5)
    assert summary["headline"].startswith("2 to 5 users (")
    assert summary["validity"]["verdict"] != "VALID"
    assert any("the number of users was not the same" in reason["text"] for reason in summary["validity"]["reasons"])
