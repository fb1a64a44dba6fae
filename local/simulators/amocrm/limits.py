"""Seven requests a second per account, then 429, and a ban for who does not stop."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from local.simulators.amocrm.problems import problem

if TYPE_CHECKING:
    from local.simulators.amocrm.settings import AccountSettings

WINDOW = 1.0


class RateLimiter:
    """The request budget of one account. Not thread-safe: the account's lock is held."""

    def __init__(self) -> None:
        self._passed: deque[float] = deque()
        self._refused: deque[float] = deque()
        self.banned_until = 0.0

    def check(self, now: float, settings: AccountSettings) -> None:
        """Count a request. Raises 429 over the budget, and 403 while the account is blocked for repeated 429."""
        if now < self.banned_until:
            raise problem(403, "Account is blocked: the number of requests per second was exceeded repeatedly")
        _forget(self._passed, now - WINDOW)
        _forget(self._refused, now - settings.ban_window)
        if len(self._passed) < settings.requests_per_second:
            self._passed.append(now)
            return
        self._refused.append(now)
        if len(self._refused) >= settings.ban_after:
            self.banned_until = now + settings.ban_seconds
            self._refused.clear()
        raise problem(429, "Too many requests per second")


def _forget(times: deque[float], before: float) -> None:
    while times and times[0] <= before:
        times.popleft()
