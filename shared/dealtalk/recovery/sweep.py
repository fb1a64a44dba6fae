"""The sweeper: every minute it rings for conversations whose timer is due.

It heals lost doorbells and drains outages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from dealtalk.conversation.doorbell import counted_dedup
from dealtalk.conversation.rules import sweep_pause
from dealtalk.conversation.state import DUE_SHARDS, State, meta_key
from dealtalk.conversation.table import MAX_READS, ConditionFailed, Table, Update, equals
from dealtalk.messages import ConversationKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.ports import Clock, Doorbell

PER_SHARD = 1000
"""Keys that one query may bring: an account with a long backlog must not hide what others have due."""

PER_ACCOUNT = 40
"""Conversations of one account that are rung for in one run.

About as many as may be answered in a minute at the share of the account's rate that a backlog gets (`turnstile`).
"""

LOOKED_AT = 300
"""Conversations of one account that are compared in one run, to find those whose customers have waited longest."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many conversations were due, how many were rung for, and the age in seconds of the longest overdue one."""

    due: int
    rung: int
    oldest_overdue: float


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Rings for due conversations: of each account those first whose customers have waited longest.

    The accounts take turns, so that a run that ends early has served all of them.
    """

    table: Table
    doorbell: Doorbell
    clock: Clock

    def run(self) -> Swept:
        """Ring for what is due. Raises Retryable where the table or the queue does not answer; the next run goes on."""
        now = int(self.clock.now().timestamp())
        due = [item for shard in range(DUE_SHARDS) for item in self.table.due(str(shard), now, PER_SHARD)]
        due.sort(key=lambda item: item["due_at"])
        accounts: dict[tuple[str, str], list[ConversationKey]] = {}
        for item in due:
            conversation = ConversationKey.from_partition(item["pk"])
            accounts.setdefault((conversation.crm, conversation.account), []).append(conversation)
        chosen = [self._oldest(conversations[:LOOKED_AT], now) for conversations in accounts.values()]
        in_turns = (state for rank in zip_longest(*chosen) for state in rank if state is not None)
        rung = sum(self._claim_and_ring(state) for state in in_turns)
        return Swept(len(due), rung, float(now - due[0]["due_at"]) if due else 0.0)

    def _oldest(self, conversations: list[ConversationKey], now: int) -> list[State]:
        """Return those of an account whose customers have waited longest, of those that are due indeed."""
        states = []
        for page in _pages(conversations, MAX_READS):
            found = self.table.read([meta_key(each) for each in page])
            states += [State.from_item(each, found.get(meta_key(each))) for each in page]
        # The index is behind the table: what another run has claimed may still be listed there.
        due = [state for state in states if state.due_at is not None and state.due_at <= now]
        return sorted(due, key=_asked_at)[:PER_ACCOUNT]

    def _claim_and_ring(self, seen: State) -> bool:
        """Move the timer, so that no other sweeper rings too, then ring.

        A ring that fails is made up for by the timer.
        """
        conversation, tries = seen.conversation, seen.due_tries
        next_due = int((self.clock.now() + sweep_pause(tries + 1)).timestamp())
        claim = Update(
            meta_key(conversation),
            {"due_at": next_due, "due_tries": tries + 1},
            increments={"rings": 1},
            where=(equals("due_at", seen.due_at),),
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


def _asked_at(state: State) -> float:
    """Return since when a customer has waited; where nobody waits, since when the timer is due."""
    if state.is_asked and state.waiting_since is not None:
        return state.waiting_since.timestamp()
    return float(state.due_at or 0)


def _pages(conversations: list[ConversationKey], size: int) -> Iterator[list[ConversationKey]]:
    """Yield them in pieces of at most this size."""
    for start in range(0, len(conversations), size):
        yield conversations[start : start + size]
