"""How much longer an empty run of pytest takes where the package is installed: `python -m benchmarks.pytest_start`.

Runs with and without our plugins alternate, in the environment of this interpreter or of --python. Shown are the
medians of the time that passed and of the processor time, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_KINDS = {"with": (), "without": ("-p", "no:mixtral", "-p", "no:mixtral-suite")}


def main() -> int:
    """Measures and prints, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, metavar="FILE", help="the environment's interpreter")
    parser.add_argument("--rounds", type=int, default=20, metavar="N", help="runs of each kind (default: %(default)s)")
    options = parser.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {kind: [] for kind in _KINDS}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing(): ...\n", encoding="utf-8")
        for _ in range(options.rounds):
            for kind, plugins in _KINDS.items():
                command = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins]
                measured[kind].append(_ms(command, folder))
    for column, name in enumerate(("passed", "processor")):
        medians = {kind: statistics.median(run[column] for run in runs) for kind, runs in measured.items()}
        more = medians["with"] - medians["without"]
        print(f"{name:>9}  with {medians['with']:.0f} ms, without {medians['without']:.0f} ms, {more:+.0f} ms")
    return 0


def _ms(command: list[str], folder: str) -> tuple[float, float]:
    """The time and the processor time of a command."""
    before, since = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    passed, after = time.perf_counter() - since, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed * 1e3, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


if __name__ == "__main__":
    sys.exit(main())
