"""What an adapter keeps of a chat beside its conversation, and who erases it. An operator's matter: no function may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.custom.forgetting import forget_chat as forget_told_deal

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.ports import Clock

KEEPERS: dict[str, Callable[[Connection, str, Table, Clock], None]] = {
    "custom": forget_told_deal,
    "getcourse": forget_told_deal,
}
"""By CRM; most adapters keep nothing."""


def forget_leftovers(connection: Connection, chat_id: str, table: Table, clock: Clock) -> None:
    """Erase what the connection's adapter keeps of a chat. Raises TableBusy."""
    forget = KEEPERS.get(connection.crm)
    if forget is not None and chat_id:
        forget(connection, chat_id, table, clock)
