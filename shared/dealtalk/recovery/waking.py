"""An account works again: what waited for it is due at once, oldest question first, in the sweeper's own measure.

Without this each conversation would come back when its timer says so, up to half an hour later and in no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import Mode
from dealtalk.conversation.state import DUE_SHARDS, State, due_shard, meta_key
from dealtalk.conversation.table import MAX_READS, ConditionFailed, Table, Update, equals
from dealtalk.messages import ConversationKey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item

PER_SHARD = 1000
"""Timers of all accounts that are looked through in one of the index's parts; what is beyond keeps its own timer."""

FAR_AHEAD = 2**33


@dataclass(frozen=True, slots=True)
class Woken:
    """How many conversations are due now, and when the oldest of their unanswered messages came."""

    conversations: int = 0
    oldest: datetime | None = None


def wake(table: Table, connection: Connection, now: datetime) -> Woken:
    """Make the account's unanswered and unfinished conversations due, and let them name this connection.

    Each timer is set to when the oldest unanswered message came: the sweeper takes those first that have waited
    longest, and so many of an account in a minute. What moves meanwhile is left to whoever moves it. Chats that a
    person leads are not woken. Raises TableBusy.
    """
    count, oldest = 0, None
    for state in _unfinished(table, connection):
        asked_at = state.waiting_since if state.is_asked else None
        due = min(asked_at or now, now)
        values = {
            "due_at": int(due.timestamp()),
            "due_shard": due_shard(state.conversation),
            "due_tries": None,
            "redrives": None,
            "connection": connection.id,
        }
        try:
            table.write(Update(meta_key(state.conversation), values, where=(equals("due_at", state.due_at),)))
        except ConditionFailed:
            continue
        count += 1
        if asked_at is not None and (oldest is None or asked_at < oldest):
            oldest = asked_at
    return Woken(count, oldest)


def _unfinished(table: Table, connection: Connection) -> Iterator[State]:
    """Yield the account's conversations that have a timer and something to do."""
    for shard in range(DUE_SHARDS):
        mine = [
            key
            for item in table.due(str(shard), FAR_AHEAD, PER_SHARD)
            if _is_of(key := ConversationKey.from_partition(item["pk"]), connection)
        ]
        for start in range(0, len(mine), MAX_READS):
            found = table.read([meta_key(key) for key in mine[start : start + MAX_READS]])
            yield from filter(_may_be_woken, (_state(item) for item in found.values()))


def _is_of(conversation: ConversationKey, connection: Connection) -> bool:
    return (conversation.crm, conversation.account) == (connection.crm, connection.account)


def _state(item: Item) -> State:
    return State.from_item(ConversationKey.from_partition(item["pk"]), item)


def _may_be_woken(state: State) -> bool:
    led_by_person = state.mode is Mode.HUMAN and not state.is_unread
    return state.due_at is not None and state.is_unfinished and state.mode is not Mode.OFF and not led_by_person
