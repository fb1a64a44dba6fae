"""A model of an SQS FIFO queue with its dead-letter queue.

Message groups in order and one in flight at a time, delay, visibility, receive counts, ids remembered five minutes:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.scheduler import Scheduler

REMEMBERED = 300.0
DEFAULT_VISIBILITY = 540.0
MAX_RECEIVES = 4


@dataclass(eq=False, slots=True)
class Bell:
    """A message in the queue. `outlaw`: it is delivered though another of its group is in flight."""

    id: str
    group: str
    body: str
    visible_at: float
    receives: int = 0
    receipt: str = ""
    in_flight: bool = False
    outlaw: bool = False


@dataclass
class Queue:
    """One FIFO queue."""

    scheduler: Scheduler
    delay: float = 0.0
    dead: Queue | None = None
    bells: list[Bell] = field(default_factory=list)
    _ids: dict[tuple[str, str], float] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def send(self, group: str, dedup: str, body: str, *, extra: float = 0.0, copies: int = 1) -> None:
        """Take a message; one whose id was seen in the last five minutes is accepted and never delivered."""
        now = self.scheduler.time
        seen = self._ids.get((group, dedup))
        if seen is not None and now - seen < REMEMBERED:
            return
        self._ids[group, dedup] = now
        for _ in range(copies):
            self._add(Bell(f"b{next(self._numbers)}", group, body, now + self.delay + extra))

    def copy(self, bell: Bell) -> None:
        """Deliver a message a second time, beside the first."""
        self._add(Bell(f"b{next(self._numbers)}", bell.group, bell.body, self.scheduler.time, outlaw=True))

    def receive(self, visibility: float = DEFAULT_VISIBILITY) -> Bell | None:
        """Return the next message: the head of a group that has none in flight; one received too often dies."""
        now = self.scheduler.time
        blocked: set[str] = set()
        for bell in list(self.bells):
            if bell.in_flight and bell.visible_at <= now:
                bell.in_flight = False
            if bell.in_flight or (bell.group in blocked and not bell.outlaw):
                blocked.add(bell.group)
                continue
            if bell.visible_at > now:
                blocked.add(bell.group)
                continue
            if self.dead is not None and bell.receives >= MAX_RECEIVES:
                self.bells.remove(bell)
                self.dead.send(bell.group, bell.id, bell.body)
                continue
            bell.receives += 1
            bell.in_flight = True
            bell.receipt = f"{bell.id}/{bell.receives}"
            bell.visible_at = now + visibility
            return bell
        return None

    def hide(self, receipt: str, seconds: float) -> bool:
        """Set a received message's visibility; false where the receipt has expired."""
        bell = self._received(receipt)
        if bell is None:
            return False
        bell.visible_at = self.scheduler.time + seconds
        return True

    def delete(self, receipt: str) -> bool:
        """Remove a received message; false where the receipt has expired."""
        bell = self._received(receipt)
        if bell is None:
            return False
        self.bells.remove(bell)
        return True

    def next_at(self) -> float | None:
        """Return when a message becomes visible next."""
        return min((bell.visible_at for bell in self.bells), default=None)

    def _received(self, receipt: str) -> Bell | None:
        now = self.scheduler.time
        return next((b for b in self.bells if b.receipt == receipt and b.in_flight and b.visible_at > now), None)

    def _add(self, bell: Bell) -> None:
        self.bells.append(bell)
