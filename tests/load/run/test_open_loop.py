"""An open loop in this process."""

from __future__ import annotations

import time
from pathlib import Path

from mixtral_contract.load.counts.counts import RunCounts
from mixtral_contract.load.run.open_loop import OpenLoop
from mixtral_contract.load.run.run import Run
from mixtral_contract.load.run.sender import Sender
from mixtral_contract.load.workload.arrivals import Arrival, Share
from tests.load.settings.test_settings import settings
from tests.support.load_records import MS, S


def test_request_that_was_due_and_never_left__is_counted(tmp_path: Path) -> None:
    """A process that is behind its schedule offers less than was asked for, and says so."""
    run = Run(settings(tmp_path, arrivals="constant:100"), "sk-sesame", run_id="r1", share=Share())
    sender = Sender(run, lambda _: None)
    # as a process that does not come to send: nothing is written before the pump is asked to end
    pump = OpenLoop(run, sender, iter([Arrival(0), Arrival(10 * MS), Arrival(3600 * S)]))
    time.sleep(0.2)
    run.stop()
    pump.drain(0)
    sender.close()
    run.close()
    assert RunCounts.from_wire(run.drain_counts()).counts["dropped"] == 2
