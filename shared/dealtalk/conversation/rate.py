"""One account's calls per second, shared by all workers: a turn reserves its calls before the first of them.

Five are reserved for every turn. What a turn needs beyond them (a cold schema, changes with their read-back) it
reserves in further fives, and it never makes more than a second's calls in a second, however long ago it reserved
them.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import ConditionFailed, Item, Key, Table, Update, equals
from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ports import Clock

CALLS_PER_TURN = 5
DEFAULT_CALLS_PER_SECOND = 5
"""Below amoCRM's published 7, since other programs call the account too; the option `calls_per_second` overrides it."""

LONGEST_RATE_WAIT = 10.0
SPARE_SHARE = 0.2
"""The part of an account's calls that reading its history may take."""


def rate_key(connection: Connection) -> Key:
    """Return the key of the account's reservations."""
    return (connection.partition, "RATE")


def reserve(
    table: Table, clock: Clock, connection: Connection, item: Item | None, calls: int = CALLS_PER_TURN
) -> float:
    """Reserve `calls` calls and return the seconds to wait before the first of them.

    `item` is the reservations' item as it was read. It holds one number, the moment (ms) up to which calls are
    reserved: a reservation moves it, from the present where it lies in the past. One write, two where another worker
    was quicker. Raises TableBusy.
    """
    per_second = calls_per_second(connection)
    now, length = milliseconds(clock.now()), math.ceil(1000 * calls / per_second)
    read = (item or {}).get("reserved_until")
    key = rate_key(connection)
    if read is None or read < now:
        try:
            table.write(Update(key, {"reserved_until": now + length}, where=(equals("reserved_until", read),)))
        except ConditionFailed:
            pass
        else:
            return 0.0
    reserved = table.update(Update(key, increments={"reserved_until": length}))["reserved_until"]
    return float(max(0, reserved - length - now)) / 1000


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
        """Wait until the next call may be made. Raises TableBusy, Retryable where that is too long."""
        if self._last is not None:
            gone = (self._clock.now() - self._last).total_seconds()
            if 0 <= gone < self._pause:
                self._clock.sleep(self._pause - gone)
        key = rate_key(self._connection)
        seconds = reserve(self._table, self._clock, self._connection, self._table.read([key]).get(key), calls=1)
        if seconds > LONGEST_RATE_WAIT:
            msg = "the account's calls are reserved for a while"
            raise Retryable(msg, after=seconds)
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
        """Wait until the next call may be made. Raises TableBusy, Retryable where that is too long."""
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
        seconds = reserve(self._table, self._clock, self._connection, item)
        if seconds > LONGEST_RATE_WAIT:
            msg = "the account's calls are reserved for a while"
            raise Retryable(msg, after=seconds)
        if seconds:
            self._clock.sleep(seconds)
        self._reserved = CALLS_PER_TURN
