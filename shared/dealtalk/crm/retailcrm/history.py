"""The account's messages one after the other, as the MG Bot API lists them after an id.

Follows GET /api/bot/v1/messages. Before an id is known the list is asked by time. Whether a list begins with the id
that is named is not said, and neither is whether a lower id can appear after a higher one: so the cursor stays a few
messages behind the newest one (`after`) and names those that are known beyond it (`seen`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.crm.option_values import digits
from dealtalk.crm.retailcrm.messages import message_of
from dealtalk.crm.retailcrm.sending import written_time
from dealtalk.ports import HistoryPage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.retailcrm.api import MgApi
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.ports import Clock

PAGE = 100
OVERLAP = 20
"""Messages behind the newest one that are listed again, for the sake of one that appears late."""


@dataclass(frozen=True, slots=True)
class MessageList:
    """See `ports.History`."""

    mg: MgApi
    connection: Connection
    options: RetailcrmOptions
    clock: Clock

    def read(self, cursor: Mapping[str, Any] | None, since: datetime) -> HistoryPage:
        """See `ports.History`: one call."""
        after, seen = _place(cursor or {})
        begin = ("since", written_time(since)) if after is None else ("since_id", after)
        rows = self.mg.rows("/messages", [begin, ("limit", PAGE)])
        by_id = {int(row["id"]): row for row in rows if isinstance(row.get("id"), int)}
        fresh = sorted(each for each in by_id if each not in seen and (after is None or each > after))
        messages = (message_of(self.connection, self.options, by_id[each], self.clock.now()) for each in fresh)
        found = tuple(message for message in messages if message is not None and message.sent_at >= since)
        # A full page without a new id would be asked for again for ever.
        return HistoryPage(found, _next(after, [*seen, *fresh]), more=len(rows) >= PAGE and bool(fresh))


def _place(cursor: Mapping[str, Any]) -> tuple[int | None, frozenset[int]]:
    after = cursor.get("after")
    seen = frozenset(int(digits(each)) for each in cursor.get("seen", ()))
    return (None if after is None else int(digits(after))), seen


def _next(after: int | None, known: list[int]) -> dict[str, Any]:
    """Return the cursor behind which nothing is asked for again: the overlap stays beyond it."""
    known.sort()
    behind, beyond = known[:-OVERLAP], known[-OVERLAP:]
    reached = max(behind, default=after)
    place = {} if reached is None else {"after": str(reached)}
    return {**place, "seen": [str(each) for each in beyond]}
