"""A short run of the simulation, and that it can be relied on: the same seed is the same run."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.faults.running import digest, run_seeds, simulate

SEEDS = range(100)


def test_no_invariant_breaks_in_a_short_run() -> None:
    """Some hundred conversations under faults; `make faults` simulates 20,000."""
    figures = run_seeds(SEEDS)
    assert figures.failures == {}
    assert figures.conversations > 300
    assert figures.faults.total() > 1000


def test_a_seed_replays_exactly_in_another_process() -> None:
    """The order of sets and dictionaries does not leak into a run: another hash seed gives the same timeline."""
    code = "from tests.faults.running import digest, simulate; print(digest(simulate(3)[0]))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert outputs == {digest(simulate(3)[0])}
