"""What a storm may kill: workers of its own emulator, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.storm.mischief import WORKER, workers

if TYPE_CHECKING:
    from pathlib import Path

FUNCTION = "some-stack-Responder-1"


def test_only_own_workers_of_the_function_are_found(tmp_path: Path) -> None:
    """A process counts if it is a child of that emulator and its command line names that function."""
    script = tmp_path / (WORKER.format(FUNCTION) + "x") / "_worker.py"
    script.parent.mkdir()
    script.write_text("import sys; sys.stdin.read()")
    child = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE)
    try:
        assert workers(os.getpid(), FUNCTION) == [child.pid]
        assert workers(os.getpid(), "some-stack-Sweeper-1") == []
        assert workers(os.getppid(), FUNCTION) == []
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
