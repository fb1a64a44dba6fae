"""SIGTERM ends a process as Ctrl-C does: through every `finally`, so that nothing is left running."""

from __future__ import annotations

import signal


def end_at_sigterm() -> None:
    """Raise KeyboardInterrupt in the main thread at SIGTERM and SIGHUP."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def interrupt(*_: object) -> None:
    """Do as Ctrl-C does; further signals are ignored, so that the end is not cut short."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
