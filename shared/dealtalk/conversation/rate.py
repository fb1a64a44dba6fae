"""One account's calls per second, shared by all workers: a turn reserves its calls before the first of them.

Five are reserved for every turn. What a turn needs beyond them (a cold schema, changes with their read-back) it
reserves in further fives, and it never makes more than a second's calls in a second, however long ago it reserved
them.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import Condition, ConditionFailed, Item, Key, Table, TableBusy, Update, equals
from dealtalk.errors import Booked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ports import Clock

CALLS_PER_TURN = 5
DEFAULT_CALLS_PER_SECOND = 5
"""Below amoCRM's published 7, since other programs call the account too; the option `calls_per_second` overrides it."""

LONGEST_RATE_WAIT = 20.0
"""Seconds that a turn waits in its midst for further calls."""

SPARE_SHARE = 0.2
"""The part of an account's calls that reading its history may take."""

TRIES = 5
BOOKED = "the account's calls are reserved for a while"


def rate_key(connection: Connection) -> Key:
    """Return the key of the account's reservations."""
    return (connection.partition, "RATE")


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as a part of an update of the account's item, which holds the moment (ms) up to which it is booked.

    It moves that moment by `length` (ms): from the present (then `values`, under the condition `where`) where it lies
    in the past, else from where it stands (`increments`, which every other worker's reservation leaves true).
    """

    values: Mapping[str, int]
    increments: Mapping[str, int]
    where: tuple[Condition, ...]
    length: int
    wait: float
    """Seconds until the reserved calls, as the item was read."""

    @classmethod
    def of(cls, item: Item | None, now: int, calls: int, per_second: float) -> Reservation:
        """Return the reservation of so many calls, given the item as it was read; `now` is in milliseconds."""
        read, length = (item or {}).get("reserved_until"), math.ceil(1000 * calls / per_second)
        if read is None or read < now:
            return cls({"reserved_until": now + length}, {}, (equals("reserved_until", read),), length, 0.0)
        return cls({}, {"reserved_until": length}, (), length, (read - now) / 1000)

    def seconds(self, item: Item, now: int) -> float:
        """Return the seconds until the reserved calls, given the item after the update."""
        return float(max(0, item["reserved_until"] - self.length - now)) / 1000


def reserve(
    table: Table, clock: Clock, connection: Connection, item: Item | None, calls: int = CALLS_PER_TURN
) -> float:
    """Reserve `calls` calls and return the seconds to wait before the first of them.

    `item` is the reservations' item as it was read. One write, two where another worker was quicker. Raises Booked
    where that would be longer than `LONGEST_RATE_WAIT`, with nothing reserved; TableBusy.
    """
    for _ in range(TRIES):
        now = milliseconds(clock.now())
        wished = Reservation.of(item, now, calls, calls_per_second(connection))
        if wished.wait > LONGEST_RATE_WAIT:
            raise Booked(BOOKED, after=wished.wait)
        update = Update(rate_key(connection), wished.values, increments=wished.increments, where=wished.where)
        try:
            after = table.update(update)
        except ConditionFailed as failure:
            item = failure.old
        else:
            return wished.seconds(after, now)
    msg = "the account's reservations are contended"
    raise TableBusy(msg)


def calls_per_second(connection: Connection) -> float:
    """Return how often this account may be called."""
    return float(connection.options.get("calls_per_second", DEFAULT_CALLS_PER_SECOND))


class Spare:
    """Stands before each call of who only looks after an account: at most a fifth of its calls, behind reserved ones.

    The remaining four fifths are the turns' own, however long there is something to read.
    """

    def __init__(self, table: Table, clock: Clock, connection: Connection) -> None:
        self._table = table
        self._clock = clock
        self._connection = connection
        self._pause = 1 / (calls_per_second(connection) * SPARE_SHARE)
        self._last: datetime | None = None

    def wait(self) -> None:
        """Wait until the next call may be made. Raises TableBusy, Booked where that is too long."""
        if self._last is not None:
            gone = (self._clock.now() - self._last).total_seconds()
            if 0 <= gone < self._pause:
                self._clock.sleep(self._pause - gone)
        key = rate_key(self._connection)
        seconds = reserve(self._table, self._clock, self._connection, self._table.read([key]).get(key), calls=1)
        if seconds:
            self._clock.sleep(seconds)
        self._last = self._clock.now()


class Throttle:
    """Stands before each call of one turn, whose first `CALLS_PER_TURN` calls are reserved already."""

    def __init__(self, table: Table, clock: Clock, connection: Connection) -> None:
        self._table = table
        self._clock = clock
        self._connection = connection
        self._reserved = CALLS_PER_TURN
        self._recent: deque[datetime] = deque(maxlen=max(1, math.floor(calls_per_second(connection))))

    def wait(self) -> None:
        """Wait until the next call may be made. Raises TableBusy, Booked where that is too long."""
        if self._reserved == 0:
            self._reserve()
        self._reserved -= 1
        if len(self._recent) == self._recent.maxlen:
            gone = (self._clock.now() - self._recent[0]).total_seconds()
            if 0 <= gone < 1:
                self._clock.sleep(1 - gone)
        self._recent.append(self._clock.now())

    def _reserve(self) -> None:
        key = rate_key(self._connection)
        item = self._table.read([key]).get(key)
        if seconds := reserve(self._table, self._clock, self._connection, item):
            self._clock.sleep(seconds)
        self._reserved = CALLS_PER_TURN
