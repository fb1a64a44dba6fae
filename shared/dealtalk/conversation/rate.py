"""One account's calls per second, shared by all workers: a turn reserves its calls before the first of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import ConditionFailed, Item, Key, Table, Update, equals

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.ports import Clock

CALLS_PER_TURN = 5
DEFAULT_CALLS_PER_SECOND = 5
"""Below amoCRM's published 7, since other programs call the account too; the option `calls_per_second` overrides it."""


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
    per_second = float(connection.options.get("calls_per_second", DEFAULT_CALLS_PER_SECOND))
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
