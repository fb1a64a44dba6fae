"""Processor time by who used it: the emulator, the workers by function, the simulator, and the storm itself."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.storm.mischief import workers

if TYPE_CHECKING:
    from collections.abc import Mapping

OWN_TIMES, CHILDREN_TIMES = slice(11, 13), slice(13, 15)
"""Where /proc/<pid>/stat has them, counted behind the command's name."""


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds of processor time by user; all 0 where the system does not tell."""

    seconds: Mapping[str, float]


def measure(emulator: int, simulator: int, functions: Mapping[str, str]) -> CpuTimes:
    """Return what was used so far; `functions` maps names to the emulator's."""
    found = {"emulator": used(emulator, OWN_TIMES), "workers that ended": used(emulator, CHILDREN_TIMES)}
    for name, function in functions.items():
        found[f"workers of {name}"] = sum(used(pid, OWN_TIMES) for pid in workers(emulator, function))
    found["simulator"] = used(simulator, OWN_TIMES)
    found["the storm itself, with its model"] = time.process_time()
    return CpuTimes(found)


def used(pid: int, which: slice) -> float:
    """Return the processor time of a process; 0 where it is gone or the system has no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[which])) / os.sysconf("SC_CLK_TCK")
