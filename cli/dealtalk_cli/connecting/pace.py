"""Calling an account no more often than it likes, while the bot needs some of its calls too."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.ports import Clock


class Pace:
    """At most `per_second` calls begin within a second."""

    def __init__(self, clock: Clock, per_second: int) -> None:
        self._clock = clock
        self._begun: deque[datetime] = deque(maxlen=per_second)

    def wait(self) -> None:
        """Wait until the next call may begin."""
        if len(self._begun) == self._begun.maxlen:
            seconds = 1.0 - (self._clock.now() - self._begun[0]).total_seconds()
            if seconds > 0:
                self._clock.sleep(seconds)
        self._begun.append(self._clock.now())
