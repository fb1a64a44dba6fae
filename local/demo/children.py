"""The demo's own child processes: each says when it is ready by writing a JSON file."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from local.stack import processes
from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_SECONDS = 30


class ChildError(RuntimeError):
    """A child process did not start; the text names its log."""


@contextmanager
def child(name: str, module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Run a module until the block ends and yield what it wrote when it was ready.

    `{ready}` among the arguments stands for the file that it is to write. Raises ChildError.
    """
    own = f"{name}-{os.getpid()}"
    processes.sweep(f"{name}-*")
    folder = processes.FILES / own
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    given = [argument.replace("{ready}", str(ready)) for argument in arguments]
    command = [sys.executable, "-m", "local.demo.child", module, *given]
    process = processes.start(own, command, {**os.environ, "PYTHONUNBUFFERED": "1"}, cwd=PROJECT)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while (said := read_json(ready)) is None:
            if process.poll() is not None or time.monotonic() > deadline:
                msg = f"{module} did not start. Its log: {processes.log_file(own)}"
                raise ChildError(msg)
            time.sleep(0.05)
        yield said
    finally:
        processes.stop(own)
        process.wait()
        if process.stdin:
            process.stdin.close()
        shutil.rmtree(folder, ignore_errors=True)


def read_json(file: os.PathLike[str]) -> dict[str, Any] | None:
    """Return what the file holds; None while it is not there or only half written."""
    try:
        with open(file, encoding="utf-8") as opened:  # noqa: PTH123 (any path-like)
            found: dict[str, Any] = json.load(opened)
    except (FileNotFoundError, ValueError):
        return None
    return found
