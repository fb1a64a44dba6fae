"""What goes wrong in a storm besides the model: the CRM's calls, doubled webhooks, and workers that are killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.storm.control import StormControl

CALLS = "^/api/"
WORKER = "ministack-lambda-{}-"
"""How the emulator names the folder of a function's worker, which stands in its command line."""

DOUBLED = 0.10
CALL_FAULTS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("status", 0.010, {"status": 429}),
    ("status", 0.007, {"status": 500}),
    ("status", 0.005, {"status": 503}),
    ("status_after", 0.010, {"status": 502}),
    ("drop_after", 0.012, {}),
    ("drop_before", 0.006, {}),
)
"""One call in twenty: refused, failed before or after it acted, or cut off before or after it acted."""


def begin(control: StormControl, seed: int) -> None:
    """Switch the CRM's faults on."""
    for number, (kind, probability, options) in enumerate(CALL_FAULTS):
        control.fault(kind, path=CALLS, probability=probability, seed=seed + number, **options)
    control.fault("webhook_duplicate", probability=DOUBLED, seed=seed + len(CALL_FAULTS))


def end(control: StormControl) -> Counter[str]:
    """Switch them off and return how often each struck."""
    struck: Counter[str] = Counter()
    for fault in control.faults():
        status = f" {fault['status']}" if fault["kind"].startswith("status") else ""
        struck[fault["kind"] + status] += fault["struck"]
        control.clear_fault(fault["id"])
    return struck


def workers(emulator: int, function: str) -> list[int]:
    """Return the processes in which the emulator (its process number) runs a function: its own children, no others."""
    command = [shutil.which("ps") or "ps", "-A", "-ww", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    rows = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    return [
        int(row[0]) for row in rows if len(row) == 3 and int(row[1]) == emulator and WORKER.format(function) in row[2]
    ]


@dataclass
class Killer:
    """Kills a worker of one function at random moments, `kills` times within `seconds`."""

    emulator: int
    function: str
    kills: int
    seconds: float
    seed: int
    killed: int = 0
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._run, name="killer", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        random = Random(self.seed)  # noqa: S311 (repeatable, not secret)
        for _ in range(self.kills):
            if self._stop.wait(random.uniform(0, 2 * self.seconds / self.kills)):
                return
            alive = workers(self.emulator, self.function)
            if alive:
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(random.choice(alive), signal.SIGKILL)
                    self.killed += 1
