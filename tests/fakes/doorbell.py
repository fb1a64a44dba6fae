"""A doorbell in memory with SQS FIFO's rules that matter.

One message of a group at a time, ids remembered 5 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dealtalk.conversation.doorbell import Ring

if TYPE_CHECKING:
    from dealtalk.errors import Retryable
    from dealtalk.messages import ConversationKey
    from dealtalk.ports import Clock

REMEMBERED = timedelta(minutes=5)


@dataclass
class FakeDoorbell:
    """See `ports.Doorbell`. `fail` makes the next ring raise, before it is taken."""

    clock: Clock
    delay: timedelta = timedelta(seconds=4)
    waiting: list[tuple[datetime, Ring]] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    fail: Retryable | None = None
    _ids: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Take a ring; one whose id was seen in the last five minutes is accepted and never delivered."""
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        now = self.clock.now()
        seen = self._ids.get((conversation.partition, dedup))
        if seen is not None and now - seen < REMEMBERED:
            return
        self._ids[conversation.partition, dedup] = now
        ring = Ring(conversation, connection, arrival, reason)
        self.rings.append(ring)
        self.waiting.append((now + self.delay, ring))

    def take(self) -> Ring | None:
        """Return the next ring that is deliverable now, and forget it."""
        for index, (at, ring) in enumerate(self.waiting):
            if at <= self.clock.now():
                del self.waiting[index]
                return ring
        return None
