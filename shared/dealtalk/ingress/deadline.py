"""A deadline for a webhook's work: the CRM hangs up after its own, so an honest failure must come before."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from collections.abc import Iterator


class DeadlinePassed(Retryable):
    """The time for this webhook is over; the CRM is to send it again."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise DeadlinePassed in the block after `seconds`, even while it waits for a socket.

    It uses the process's real-time timer, as only the main thread can: Lambda calls handlers there. In another thread
    (a test's server) the block runs without it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(_signal: int, _frame: object) -> NoReturn:
        msg = f"not done within {seconds:g} s"
        raise DeadlinePassed(msg)

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
