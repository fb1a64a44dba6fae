"""Reconciliation: for CRMs that send webhooks, what none of them brought is looked up in the account's own record."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.table import MAX_READS
from dealtalk.recovery.bookmark import Stand, reader_key
from dealtalk.recovery.reading import LEAST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key
    from dealtalk.recovery.reading import Reading

SLICE_SECONDS = 40.0
"""What one account may take of a run; the rest of what it has to read is read by the next run."""


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reads each account of the given CRMs once per run, those first that were read longest ago."""

    reading: Reading
    crms: Sequence[str]

    def run(self, seconds_left: Callable[[], float]) -> Counter[str]:
        """Return how many accounts came to what, and under `stored` how many messages were found. Raises TableBusy."""
        counts: Counter[str] = Counter()
        for connection in self._in_turn():
            if seconds_left() < LEAST_SECONDS:
                counts["not_reached"] += 1
                continue
            read = self.reading.catch_up(connection, self._slice(seconds_left, self.reading.clock.now()))
            counts[read.why] += 1
            counts["stored"] += read.taken.stored
        return counts

    def _slice(self, seconds_left: Callable[[], float], began: datetime) -> Callable[[], float]:
        now = self.reading.clock.now
        return lambda: min(seconds_left(), SLICE_SECONDS - (now() - began).total_seconds())

    def _in_turn(self) -> list[Connection]:
        connections = [each for crm in self.crms for each in self.reading.connections.of_crm(crm)]
        items: dict[Key, Item] = {}
        for start in range(0, len(connections), MAX_READS):
            keys = [reader_key(each) for each in connections[start : start + MAX_READS]]
            items |= self.reading.table.read(list(dict.fromkeys(keys)))
        read_at = {each.id: Stand.of(items.get(reader_key(each))).read_at for each in connections}
        return sorted(connections, key=lambda each: at.timestamp() if (at := read_at[each.id]) else 0.0)
