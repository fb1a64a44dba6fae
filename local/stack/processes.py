"""Processes that the local stack starts, and nothing but those: a number is used only with its start time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from local.stack.paths import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LOGS = STATE / "logs"
PIDS = STATE / "pids"
FILES = STATE / "tmp"
"""Each process's own temporary files, in a folder of its name."""

GRACE_SECONDS = 10
KEPT_LOGS = 5


@dataclass(frozen=True, slots=True)
class Started:
    """A process that leads its own group; `since` tells it from a later one that got the same number."""

    pid: int
    since: str


def start_time(pid: int) -> str | None:
    """Return when the process began, as `ps` prints it; None where there is none (or only a zombie)."""
    command = ["ps", "-o", "stat=", "-o", "lstart=", "-p", str(pid)]
    found = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split(maxsplit=1)
    return None if len(found) < 2 or found[0].startswith("Z") else found[1].strip()  # noqa: PLR2004 (two columns)


def log_file(name: str) -> Path:
    """Return the file that a process of this name writes."""
    LOGS.mkdir(parents=True, exist_ok=True)
    return LOGS / f"{name}.log"


def sweep(pattern: str) -> None:
    """Remove what processes left that were killed; the newest few logs stay, for a look."""
    for file in PIDS.glob(f"{pattern}.json"):
        if running(file.stem) is None:
            shutil.rmtree(FILES / file.stem, ignore_errors=True)
            file.unlink(missing_ok=True)
    old = sorted(LOGS.glob(f"{pattern}.log"), key=lambda log: log.stat().st_mtime)[:-KEPT_LOGS]
    for log in old:
        if running(log.stem) is None:
            log.unlink(missing_ok=True)


def start(
    name: str, command: Sequence[str | Path], env: Mapping[str, str], *, cwd: Path, outlive: bool = False
) -> subprocess.Popen[bytes]:
    """Start a process in its own group, its output in a log file.

    Unless it shall outlive this one, its standard input is a pipe that ends with this process.
    """
    with log_file(name).open("wb") as log:
        stdin = subprocess.DEVNULL if outlive else subprocess.PIPE
        process = subprocess.Popen(
            command, stdin=stdin, stdout=log, stderr=log, env=dict(env), cwd=cwd, start_new_session=True
        )
    remember(name, process.pid)
    return process


def remember(name: str, pid: int) -> None:
    """Write a process's number and start time to its file."""
    PIDS.mkdir(parents=True, exist_ok=True)
    started = Started(pid, start_time(pid) or "")
    (PIDS / f"{name}.json").write_text(json.dumps(asdict(started)), encoding="utf-8")


def running(name: str) -> Started | None:
    """Return the remembered process, if it still is that one."""
    file = PIDS / f"{name}.json"
    if not file.exists():
        return None
    started = Started(**json.loads(file.read_text(encoding="utf-8")))
    return started if started.since and start_time(started.pid) == started.since else None


def stop(name: str) -> bool:
    """End the remembered process and its group, kindly first; return whether it ran."""
    started = running(name)
    file = PIDS / f"{name}.json"
    if started is None:
        file.unlink(missing_ok=True)
        return False
    signal_group(started.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while running(name) and time.monotonic() < deadline:
        reap(started.pid)
        time.sleep(0.05)
    signal_group(started.pid, signal.SIGKILL)
    reap(started.pid)
    file.unlink(missing_ok=True)
    return True


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the group that the process leads; a group that is gone needs none."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def reap(pid: int) -> None:
    """Collect the process if it is a child of ours that has ended."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
