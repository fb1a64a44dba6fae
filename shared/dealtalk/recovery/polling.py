"""Polling.

For CRMs that send no webhooks, one invocation reads every account again and again for as long as it lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import ConnectionState
from dealtalk.recovery.reading import LEAST_SECONDS, Read

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from dealtalk.connections import Connection
    from dealtalk.recovery.bookmark import Bookmark
    from dealtalk.recovery.reading import Reading

LEAST_LEASE_SECONDS = 30.0
"""A bookmark whose lease is shorter is given back and taken anew."""

SLICE_SECONDS = 20.0
"""What one account may take of a round at most: a slow CRM must not silence the others."""

OFF = "connection_off"
QUIET = frozenset({"read", "another_reader"})
"""What is not worth a log line in every round."""


@dataclass(frozen=True, slots=True)
class Poller:
    """Reads the accounts of one CRM at an interval. The bookmarks are held from round to round."""

    reading: Reading
    crm: str
    every: timedelta

    def run(self, seconds_left: Callable[[], float]) -> dict[str, int]:
        """Poll until the time is nearly over; return how many messages were stored and how many rounds were made.

        Raises TableBusy. Another poller that holds an account's bookmark is left to it, and asked again each round.
        Where no account is connected there is nothing to wait for: the next invocation looks again.
        """
        clock = self.reading.clock
        held: dict[str, Bookmark] = {}
        last: dict[str, str] = {}
        totals = {"rounds": 0, "stored": 0, "failed": 0}
        try:
            while True:
                began = clock.now()
                connections = self.reading.connections.of_crm(self.crm)
                for connection in connections:
                    if connection.state is ConnectionState.OFF and last.get(connection.id) == OFF:
                        continue
                    read = self._one(connection, held, last.get(connection.id), seconds_left)
                    last[connection.id] = read.why
                    totals["stored"] += read.taken.stored
                    totals["failed"] += read.why not in QUIET
                totals["rounds"] += 1
                pause = max((self.every - (clock.now() - began)).total_seconds(), 0.0)
                if not connections or seconds_left() - pause < LEAST_SECONDS:
                    return totals
                clock.sleep(pause)
        finally:
            for bookmark in held.values():
                self.reading.end(bookmark, Read("read", at_end=True))

    def _one(
        self, connection: Connection, held: dict[str, Bookmark], last: str | None, seconds_left: Callable[[], float]
    ) -> Read:
        """Read one account in this round. A bookmark stays held only while reading goes well.

        What came of it is told where it is news: `last` is the round's before.
        """
        reading = self.reading
        reading.watch.of_account(connection.crm, connection.id)
        bookmark, read = self._hold(connection, held)
        if bookmark is not None:
            began = reading.clock.now()
            read = reading.go_on(connection, bookmark, lambda: min(seconds_left(), self._slice(began)))
            if read.why == "read":
                held[connection.id] = bookmark
            else:
                reading.end(bookmark, read)
        if (read.why not in QUIET and read.why != last) or read.taken.stored:
            reading.told(read)
        return read

    def _hold(self, connection: Connection, held: dict[str, Bookmark]) -> tuple[Bookmark | None, Read]:
        """Return the account's bookmark, held or taken anew; None with the reason where it may not be read."""
        bookmark = held.pop(connection.id, None)
        why = self.reading.rests(connection) if bookmark is not None else None
        if bookmark is not None and why is None and bookmark.seconds_left() >= LEAST_LEASE_SECONDS:
            return bookmark, Read("read")
        if bookmark is not None:
            self.reading.end(bookmark, Read(why or "read", at_end=why is None))
        return (None, Read(why)) if why else self.reading.begin(connection)

    def _slice(self, began: datetime) -> float:
        return SLICE_SECONDS - (self.reading.clock.now() - began).total_seconds()
