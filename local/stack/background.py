"""`make up` and `make down`: one process in the background that holds the whole stack."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from typing import TYPE_CHECKING

from local.stack import processes
from local.stack.paths import PROJECT, STACK_FILE
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "stack"
START_SECONDS = 600


class BackgroundError(RuntimeError):
    """The stack did not come up; the text ends with its log."""


def server() -> list[str]:
    """Return the module that holds the stack: the demo's, with simulators, model and page; else the bare one.

    It takes --model-base-url, --model and --auth, writes .local/stack.json when it is ready, removes it at its end, and
    ends at SIGTERM.
    """
    if importlib.util.find_spec("local.demo") and importlib.util.find_spec("local.demo.serve"):
        return ["-m", "local.demo.serve"]
    return ["-m", "local.stack", "serve"]


def up(options: Sequence[str]) -> int:
    """Start the stack and return when it is ready. Does nothing but say so where it is up already."""
    if processes.running(NAME):
        print(STACK_FILE)
        say("The stack is up already; `make down` stops it.")
        return 0
    STACK_FILE.unlink(missing_ok=True)
    command = [sys.executable, *server(), *options]
    process = processes.start(NAME, command, os.environ, cwd=PROJECT, outlive=True)
    deadline = time.monotonic() + START_SECONDS
    with processes.log_file(NAME).open(encoding="utf-8", errors="replace") as log:
        while not STACK_FILE.exists():
            for line in log:
                say(line.rstrip())
            if process.poll() is not None or time.monotonic() > deadline:
                processes.stop(NAME)
                raise BackgroundError(f"The stack did not come up. Its log: {processes.log_file(NAME)}")
            time.sleep(0.2)
        for line in log:
            say(line.rstrip())
    print(STACK_FILE)
    return 0


def down() -> int:
    """Stop what `up` started."""
    say("Stopped." if processes.stop(NAME) else "Nothing was up.")
    STACK_FILE.unlink(missing_ok=True)
    return 0
