"""Starts the emulator with the shims. Runs in the environment `emulator`, which shares nothing with the project's.

With DEALTALK_PARENT_PIPE set, it ends when its standard input ends, so that it never outlives who started it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from importlib.metadata import version

PINNED = "1.5.33"
"""The release whose private functions the shims know."""

AGAIN_SECONDS = 5


def main() -> None:
    """Check the version, close the gaps, serve."""
    found = version("ministack")
    if found != PINNED:
        sys.exit(f"The shims are for ministack {PINNED}, not {found}: read each one again, then change PINNED.")
    from ministack import app  # noqa: PLC0415 (only once the version is known to fit)

    from local.stack.shims import SHIMS  # noqa: PLC0415 (as above)

    for shim in SHIMS:
        shim.apply()
        print(f"shim {shim.__name__.rpartition('.')[2]}", flush=True)
    if os.environ.get("DEALTALK_PARENT_PIPE"):
        threading.Thread(target=end_with_parent, daemon=True).start()
    app.main()


def end_with_parent() -> None:
    """Wait for the end of standard input, then end this process as SIGTERM would.

    The signal is sent again every few seconds: one that comes just before the main thread begins to wait is only noted,
    and Python runs its handler when that thread wakes.
    """
    sys.stdin.read()
    while True:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(AGAIN_SECONDS)


if __name__ == "__main__":
    main()
