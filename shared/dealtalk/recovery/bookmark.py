"""Where the reading of an account's history stands, and who reads: one item beside the connection.

One reader at a time holds the bookmark under a lease; one that dies loses it when the lease ends. The place moves only
by whoever holds it, so two readers can read the same twice (which the intake makes good), but none can skip anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.state import milliseconds, moment
from dealtalk.conversation.table import Absent, AnyOf, Compare, ConditionFailed, Update, equals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key, Table
    from dealtalk.ports import Clock

LEASE = timedelta(seconds=90)
RENEW_BELOW = LEASE / 2


class LeaseLost(Exception):
    """Another reader holds the bookmark by now."""


def reader_key(connection: Connection) -> Key:
    """Return the key of a connection's bookmark."""
    return (connection.partition, "READER")


@dataclass(frozen=True, slots=True)
class Stand:
    """The bookmark as an item tells it, for who only looks.

    `read_at`: when the record was last read to its end. `failed_why`: what went wrong since, a fixed word.
    """

    read_at: datetime | None
    failed_why: str | None

    @classmethod
    def of(cls, item: Item | None) -> Stand:
        """Return what the item says; of no item, that nothing was read yet."""
        item = item or {}
        read_at = item.get("read_at")
        return cls(None if read_at is None else moment(read_at), item.get("failed_why"))


@dataclass(slots=True)
class Bookmark:
    """The bookmark, held. `cursor` is None at the beginning; `since`: nothing that was said before is ours to read."""

    table: Table
    clock: Clock
    key: Key
    number: int
    until: datetime
    cursor: Mapping[str, Any] | None
    since: datetime

    @classmethod
    def take(cls, table: Table, clock: Clock, connection: Connection) -> Bookmark | None:
        """Take the bookmark under a new lease; None where another reader holds it. Raises TableBusy."""
        now = clock.now()
        free = AnyOf((Absent("lease_until"), Compare("lease_until", "<=", milliseconds(now))))
        took = Update(
            reader_key(connection),
            {"lease_until": milliseconds(now + LEASE)},
            defaults={} if connection.connected_at else {"since": milliseconds(now)},
            increments={"lease": 1},
            where=(free,),
        )
        try:
            item = table.update(took)
        except ConditionFailed:
            return None
        known = [moment(item["since"])] if "since" in item else []
        since = max([*known, *([connection.connected_at] if connection.connected_at else [])])
        return cls(table, clock, reader_key(connection), item["lease"], now + LEASE, item.get("cursor"), since)

    def seconds_left(self) -> float:
        """Return how long the lease still holds."""
        return (self.until - self.clock.now()).total_seconds()

    def move(self, cursor: Mapping[str, Any], *, at_end: bool) -> None:
        """Keep the place up to which everything is stored, and the lease; no write where there is nothing to keep.

        `at_end`: there is nothing more to read now. Raises LeaseLost, TableBusy.
        """
        now = self.clock.now()
        if dict(cursor) == self.cursor and self.until - now > RENEW_BELOW:
            return
        values: dict[str, Any] = {"cursor": dict(cursor), "lease_until": milliseconds(now + LEASE), "failed_why": None}
        if at_end:
            values["read_at"] = milliseconds(now)
        self._write(values)
        self.cursor, self.until = dict(cursor), now + LEASE

    def leave(self, *, read_to_end: bool, failed_why: str | None = None) -> None:
        """Give the bookmark back. Raises LeaseLost, TableBusy: then the lease ends by itself."""
        values: dict[str, Any] = {"lease_until": None, "failed_why": failed_why}
        if read_to_end:
            values["read_at"] = milliseconds(self.clock.now())
        self._write(values)

    def _write(self, values: dict[str, Any]) -> None:
        try:
            self.table.write(Update(self.key, values, where=(equals("lease", self.number),)))
        except ConditionFailed:
            raise LeaseLost from None


def start_anew(table: Table, clock: Clock, connection: Connection) -> None:
    """Forget the place: what is said until now will not be read. Raises TableBusy."""
    values = {"since": milliseconds(clock.now()), "cursor": None}
    table.write(Update(reader_key(connection), values, increments={"lease": 1}, removals=("lease_until",)))
