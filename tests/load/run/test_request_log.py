"""requests.jsonl and the parts that it is made of."""

from __future__ import annotations

import json
from pathlib import Path

from mixtral_contract.load.run import request_log
from mixtral_contract.load.run.request_log import RequestLog
from tests.support.load_records import record


def test_join__leaves_out_half_a_line(tmp_path: Path) -> None:
    """A worker that was killed in the middle of a line spoils neither that of the next one nor the file."""
    for worker in (0, 1):
        part = RequestLog(tmp_path, "r1", worker)
        part.write(record(worker=worker, number=1))
        part.close()
    dead = tmp_path / "requests-r1-0.jsonl"
    whole = dead.read_bytes()
    dead.write_bytes(whole + whole[:40])
    assert request_log.join(tmp_path, "r1") == 2
    lines = (tmp_path / request_log.NAME).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["request"] for line in lines] == ["0-1", "1-1"]
    assert [path.name for path in tmp_path.iterdir()] == [request_log.NAME]
