"""Which way of sending a reply is known not to work at the moment, so that not every reply pays for the failed call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.ports import Clock

    OnFallback = Callable[[str, str], None]
    """Called with the way that was left and the reason, both words of a closed set, once while it is remembered."""

REMEMBERED = timedelta(minutes=10)
MAX_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a way is closed, until when, and whether the whole connection is meant (or one talk only)."""

    reason: str
    until: datetime
    for_all: bool


class ReplyWays:
    """The process's memory of closed ways, per connection and, where only a talk is concerned, per talk."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closed: dict[tuple[str, str, str], Closed] = {}

    def closed(self, connection: str, way: str, talk: str) -> Closed | None:
        """Return why this way is not to be tried for this talk now; None where it may be."""
        now = self._clock.now()
        for key in ((connection, way, ""), (connection, way, talk)):
            found = self._closed.get(key)
            if found and now < found.until:
                return found
        return None

    def close(self, connection: str, way: str, reason: str, *, talk: str = "") -> Closed:
        """Remember for ten minutes that the way does not work: for one talk, or without `talk` for the connection."""
        now = self._clock.now()
        if len(self._closed) >= MAX_ENTRIES:
            self._closed = {key: each for key, each in self._closed.items() if now < each.until}
        found = Closed(reason, now + REMEMBERED, for_all=not talk)
        self._closed[connection, way, talk] = found
        return found
