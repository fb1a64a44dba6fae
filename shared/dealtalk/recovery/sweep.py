"""The sweeper: every minute it rings for conversations whose timer is due.

It heals lost doorbells and drains outages.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.doorbell import counted_dedup
from dealtalk.conversation.rules import sweep_pause
from dealtalk.conversation.state import DUE_SHARDS, State, meta_key
from dealtalk.conversation.table import ConditionFailed, Table, Update, equals
from dealtalk.messages import ConversationKey

if TYPE_CHECKING:
    from dealtalk.conversation.table import Item
    from dealtalk.ports import Clock, Doorbell

PER_SHARD = 100
PER_CONNECTION = 30
"""Conversations of one account that are rung for in one run: an outage drains without a stampede."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many conversations were due, how many were rung for, and the age in seconds of the longest overdue one."""

    due: int
    rung: int
    oldest_overdue: float


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Rings for due conversations, oldest first."""

    table: Table
    doorbell: Doorbell
    clock: Clock

    def run(self) -> Swept:
        """Ring for what is due. Raises Retryable where the table or the queue does not answer; the next run goes on."""
        now = int(self.clock.now().timestamp())
        due = [item for shard in range(DUE_SHARDS) for item in self.table.due(str(shard), now, PER_SHARD)]
        due.sort(key=lambda item: item["due_at"])
        rung: Counter[tuple[str, str]] = Counter()
        for item in due:
            conversation = ConversationKey.from_partition(item["pk"])
            account = (conversation.crm, conversation.account)
            if rung[account] < PER_CONNECTION and self._claim_and_ring(conversation, item):
                rung[account] += 1
        return Swept(len(due), rung.total(), float(now - due[0]["due_at"]) if due else 0.0)

    def _claim_and_ring(self, conversation: ConversationKey, item: Item) -> bool:
        """Move the timer, so that no other sweeper rings too, then ring.

        A ring that fails is made up for by the timer.
        """
        key = meta_key(conversation)
        tries = self._tries(conversation)
        next_due = int((self.clock.now() + sweep_pause(tries + 1)).timestamp())
        claim = Update(
            key,
            {"due_at": next_due, "due_tries": tries + 1},
            increments={"rings": 1},
            where=(equals("due_at", item["due_at"]),),
        )
        try:
            state = State.from_item(conversation, self.table.update(claim))
        except ConditionFailed:
            return False
        self.doorbell.ring(
            conversation,
            connection=state.connection,
            arrival=state.customer_no,
            dedup=counted_dedup(conversation, "due", state.rings),
            reason="due",
        )
        return True

    def _tries(self, conversation: ConversationKey) -> int:
        key = meta_key(conversation)
        return State.from_item(conversation, self.table.read([key]).get(key)).due_tries
