"""Forgetting a conversation: all that the customer wrote and was told is erased, while workers and webhooks go on.

First one transaction closes the past: META keeps its numbers and its mode, loses the ids of chat, contact and deal,
its fence rises, and the open turn becomes a gravestone that takes no further step. From then on nobody reads the old
entries; they are erased page by page, and a run that was broken off is completed by the next one.

The records that messages are known stay until they expire: they hold hashes, and without them a webhook that comes
again would bring the old messages back as new ones.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.connections import Mode
from dealtalk.conversation.journal import FORGOTTEN
from dealtalk.conversation.oversight import NoConversation, Order, order_put
from dealtalk.conversation.state import (
    KEEP_SEEN_DAYS,
    TIMELINE,
    TURNS,
    State,
    expiry,
    meta_key,
    milliseconds,
    moment,
    turn_key,
)
from dealtalk.conversation.table import ConditionFailed, Delete, Put, TableBusy, equals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.conversation.table import Item, Table, Write
    from dealtalk.messages import ConversationKey
    from dealtalk.ports import Clock

KEPT = (
    "connection",
    "arrived",
    "employee_no",
    "employee_at",
    "fence",
    "mode",
    "paused",
    "resumed_at",
    "rings",
    "day",
    "day_tokens",
    "day_replies",
)
"""What META keeps: counters, and whether and until when the bot is to be silent. Nothing else, whatever is added."""

TRIES = 5
PAGE = 100
AT_ONCE = 25
"""Erasures in one transaction, which may touch 4 MB: an entry is up to 80 KB."""

LONGEST_WORKER = timedelta(minutes=10)
"""Far longer than any worker lives: a turn that was closed before that needs no gravestone."""

GRAVESTONE_DAYS = 1


@dataclass(frozen=True, slots=True)
class Erased:
    """How many entries of the timeline and journals of turns are gone."""

    entries: int
    turns: int


@dataclass(frozen=True, slots=True)
class Forgetting:
    """Erases conversations. `by` names the operator."""

    table: Table
    clock: Clock
    by: str

    def forget(self, conversation: ConversationKey) -> Erased:
        """Erase the conversation up to this moment. Raises NoConversation, TableBusy; then run it again."""
        cut, fence = self._close(conversation)
        return Erased(self._erase_entries(conversation, cut), self._erase_turns(conversation, fence))

    def _close(self, conversation: ConversationKey) -> tuple[int, int]:
        """Cut the past off and return its last arrival number and its last fence."""
        key = meta_key(conversation)
        for _ in range(TRIES):
            old = self.table.read([key]).get(key)
            if old is None:
                msg = "there is no such conversation"
                raise NoConversation(msg)
            state = State.from_item(conversation, old)
            cut, fence = state.arrived + 1, state.fence + 1
            now = self.clock.now()
            kept = {name: old[name] for name in KEPT if name in old}
            is_silent = state.mode not in (None, Mode.AUTO)
            bare = {
                **kept,
                "arrived": cut,
                "answered": cut,
                "forgotten": cut,
                "forgotten_at": milliseconds(now),
                "fence": fence,
                "expires_at": None if is_silent else expiry(now, KEEP_SEEN_DAYS + 1),
            }
            unchanged = tuple(equals(name, old.get(name)) for name in (*KEPT, "turn"))
            writes: list[Write] = [
                Put(key, bare, where=unchanged),
                order_put(conversation, cut, Order.FORGOTTEN, self.by, now),
            ]
            if state.turn is not None:
                writes.append(self._gravestone(conversation, state.turn))
            try:
                self.table.write(*writes)
            except ConditionFailed:
                self.clock.sleep(random.uniform(0.01, 0.08))  # noqa: S311 (it only spreads the tries)
            else:
                return cut, fence
        msg = "the conversation is contended"
        raise TableBusy(msg)

    def _erase_entries(self, conversation: ConversationKey, cut: int) -> int:
        kept = erased = 0
        while True:
            page = self.table.newest(conversation.partition, TIMELINE, kept + PAGE)
            old = [item for item in page if item["arrival"] <= cut]
            if not old:
                return erased
            kept = len(page) - len(old)
            self._write([Delete((item["pk"], item["sk"])) for item in old])
            erased += len(old)

    def _erase_turns(self, conversation: ConversationKey, fence: int) -> int:
        kept = erased = 0
        while True:
            page = self.table.newest(conversation.partition, TURNS, kept + PAGE)
            old = [item for item in page if FORGOTTEN not in item and _number(item) <= fence]
            if not old:
                return erased
            writes = [self._erasure(conversation, item) for item in old]
            kept = len(page) - sum(isinstance(write, Delete) for write in writes)
            self._write(writes)
            erased += len(old)

    def _erasure(self, conversation: ConversationKey, item: Item) -> Write:
        closed = item.get("closed_at")
        if closed is not None and self.clock.now() - moment(closed) > LONGEST_WORKER:
            return Delete((item["pk"], item["sk"]))
        return self._gravestone(conversation, _number(item))

    def _gravestone(self, conversation: ConversationKey, turn: int) -> Put:
        """Return what stands in a turn's place while a worker may still hold it: its writes are refused there."""
        until = expiry(self.clock.now(), GRAVESTONE_DAYS)
        return Put(turn_key(conversation, turn), {FORGOTTEN: True, "expires_at": until})

    def _write(self, writes: Sequence[Write]) -> None:
        for start in range(0, len(writes), AT_ONCE):
            self.table.write(*writes[start : start + AT_ONCE])


def _number(turn: Item) -> int:
    return int(turn["sk"].removeprefix(TURNS))
