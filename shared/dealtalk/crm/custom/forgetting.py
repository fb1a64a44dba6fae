"""Forgetting what is kept of a chat beside its conversation. No function does this: an operator does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.conversation.table import Delete
from dealtalk.crm.custom.deal_store import DealStore

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Clock


def forget_chat(connection: Connection, chat_id: str, table: Table, clock: Clock) -> None:
    """Erase which deal the chat has, and what was told of that deal; another chat of it may tell it again."""
    table.write(*(Delete(key) for key in DealStore(table, clock, connection).keys_of(chat_id)))
