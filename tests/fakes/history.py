"""An account's own record of what was said, in memory: read from a place in it, page by page, oldest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.ports import HistoryPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.messages import InboundMessage


@dataclass
class FakeHistory:
    """See `ports.History`. `before` runs before each read, so that a test can fail or interfere there."""

    messages: list[InboundMessage] = field(default_factory=list)
    page: int = 100
    before: Callable[[], None] | None = None
    reads: list[int] = field(default_factory=list)
    read_since: datetime | None = None
    seconds_left: Callable[[], float] | None = None

    def opened(self, _connection: Connection, seconds_left: Callable[[], float]) -> FakeHistory:
        """Open it, as an adapter is opened."""
        self.seconds_left = seconds_left
        return self

    def read(self, cursor: Mapping[str, Any] | None, since: datetime) -> HistoryPage:
        """See `ports.History`: the cursor is the number of messages that were read; older ones are returned too."""
        self.read_since = since
        place = int(cursor["read"]) if cursor else 0
        self.reads.append(place)
        if self.before is not None:
            self.before()
        part = self.messages[place : place + self.page]
        end = place + len(part)
        return HistoryPage(tuple(part), {"read": end}, more=end < len(self.messages))
