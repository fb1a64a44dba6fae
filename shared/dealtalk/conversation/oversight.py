"""What an operator may do with a conversation: pause it, let the bot come back, ask for another try.

Each command takes an arrival number of its own: a webhook that stores a message in the same instant then finds the
number taken and looks again, so that neither overwrites the other. Each leaves a record of who gave it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dealtalk.connections import Mode
from dealtalk.conversation.doorbell import counted_dedup
from dealtalk.conversation.intake import DUE_AFTER_SECONDS
from dealtalk.conversation.state import (
    KEEP_CONVERSATION_DAYS,
    State,
    due_shard,
    expiry,
    meta_key,
    milliseconds,
)
from dealtalk.conversation.table import ConditionFailed, Put, TableBusy, Update, equals
from dealtalk.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.conversation.table import Table
    from dealtalk.messages import ConversationKey
    from dealtalk.ports import Clock, Doorbell

ORDERS = "OP#"
TRIES = 5


class Order(StrEnum):
    """What an operator did."""

    PAUSED = "paused"
    SWITCHED_OFF = "switched_off"
    RESUMED = "resumed"
    RETRIED = "retried"
    FORGOTTEN = "forgotten"


class NoConversation(Permanent):
    """There is no such conversation (any more)."""


def order_put(conversation: ConversationKey, number: int, order: Order, by: str, now: datetime) -> Put:
    """Return the record of an operator's command; `by` names them."""
    record = {
        "did": order.value,
        "by": by,
        "at": milliseconds(now),
        "expires_at": expiry(now, KEEP_CONVERSATION_DAYS),
    }
    return Put((conversation.partition, f"{ORDERS}{number:012d}"), record)


@dataclass(frozen=True, slots=True)
class Oversight:
    """An operator's commands. All methods raise NoConversation, TableBusy."""

    table: Table
    doorbell: Doorbell
    clock: Clock
    by: str

    def look(self, conversation: ConversationKey) -> State:
        """Return the conversation as it is now."""
        key = meta_key(conversation)
        item = self.table.read([key]).get(key)
        if item is None:
            msg = "there is no such conversation"
            raise NoConversation(msg)
        return State.from_item(conversation, item)

    def pause(self, conversation: ConversationKey, *, off: bool = False) -> None:
        """Silence the bot until `resume`: a person leads; `off`: nobody is to be written to, whoever else writes.

        A turn that is under way starts no further effect.
        """
        mode = Mode.OFF if off else Mode.HUMAN

        def change(state: State) -> Update:
            values = {"mode": mode.value, "paused": None if off else True, "expires_at": None}
            # Where the mode stays as it is, no claim and no guard would see the pause: the fence must stop them.
            increments = {"fence": 1} if state.mode is mode else {}
            return Update(meta_key(conversation), values, increments=increments)

        self._give(conversation, Order.SWITCHED_OFF if off else Order.PAUSED, change)

    def resume(self, conversation: ConversationKey) -> bool:
        """Give the conversation back to its connection's mode and return whether there was something to ring for.

        What a person has answered stays answered. Raises Permanent where a person writes at this very moment, Retryable
        where the bell could not be rung: the timer brings the conversation back then.
        """
        before = self.look(conversation)

        def change(state: State) -> Update:
            if state.employee_no != before.employee_no:
                msg = "a person wrote in this conversation just now"
                raise Permanent(msg)
            now = self.clock.now()
            values = {
                "mode": None,
                "paused": None,
                "resumed_at": milliseconds(now),
                "expires_at": expiry(now, KEEP_CONVERSATION_DAYS),
            }
            return Update(meta_key(conversation), {**values, **self._look_soon(state)})

        return self._ring(self._give(conversation, Order.RESUMED, change), Order.RESUMED)

    def retry(self, conversation: ConversationKey) -> bool:
        """Ring anew for what is unanswered or unfinished, with a fresh budget; return whether there was such.

        Raises Retryable where the bell could not be rung: the timer brings the conversation back then.
        """
        if not self.look(conversation).is_unfinished:
            return False

        def change(state: State) -> Update:
            return Update(meta_key(conversation), self._look_soon(state))

        return self._ring(self._give(conversation, Order.RETRIED, change), Order.RETRIED)

    def _give(self, conversation: ConversationKey, order: Order, change: Callable[[State], Update]) -> State:
        """Write what a command changes, and who gave it; return META as the command found it, its number taken."""
        for _ in range(TRIES):
            state = self.look(conversation)
            number, wished = state.arrived + 1, change(state)
            where = (
                equals("arrived", state.arrived or None),
                equals("mode", state.mode.value if state.mode else None),
                equals("employee_no", state.employee_no or None),
            )
            meta = Update(wished.key, {**wished.values, "arrived": number}, increments=wished.increments, where=where)
            try:
                self.table.write(meta, order_put(conversation, number, order, self.by, self.clock.now()))
            except ConditionFailed:
                self.clock.sleep(random.uniform(0.01, 0.08))  # noqa: S311 (it only spreads the tries)
            else:
                return state
        msg = "the conversation is contended"
        raise TableBusy(msg)

    def _look_soon(self, state: State) -> dict[str, object]:
        """Return the timer that makes up for a lost bell, and the budgets of failures as new."""
        if not state.is_unfinished:
            return {}
        due = int(self.clock.now().timestamp()) + DUE_AFTER_SECONDS
        return {"due_at": due, "due_shard": due_shard(state.conversation), "due_tries": None, "redrives": None}

    def _ring(self, state: State, order: Order) -> bool:
        if not state.is_unfinished:
            return False
        self.doorbell.ring(
            state.conversation,
            connection=state.connection,
            arrival=state.customer_no,
            dedup=counted_dedup(state.conversation, order.value, state.arrived + 1),
            reason=order.value,
        )
        return True
