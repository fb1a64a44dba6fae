"""Which accounts are connected. The table has no list of connections, so each account has a signpost to its own.

A signpost is the item `CONN#<crm>#accounts` / `ACCOUNT#<account>` with the connection's id. One partition per CRM: an
account is found by one read, all are listed by one query, and nothing scans the conversations.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.connection_store import (
    ConnectionStore,
    connection_from_item,
    connection_item,
    connection_key,
    signpost_key,
)
from dealtalk.connections import ConnectionState
from dealtalk.conversation.table import Absent, ConditionFailed, Delete, Put, Update, equals
from dealtalk.crm.oauth import first_pair
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table, Write
    from dealtalk.crm.oauth import TokenPair
    from dealtalk.ports import Clock

RETIRED = timedelta(days=14)
"""How long a replaced connection stays readable: as long as a dead doorbell that names it may live."""


class Directory:
    """Finds connections by account. All methods raise TableBusy."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def find(self, crm: str, account: str) -> Connection | None:
        """Return the account's connection, None where it has none."""
        key = signpost_key(crm, account)
        signpost = self._table.read([key]).get(key)
        return self.load(crm, signpost["connection"]) if signpost else None

    def load(self, crm: str, connection: str) -> Connection | None:
        """Return the connection with this id, None where there is none."""
        key = connection_key(crm, connection)
        item = self._table.read([key]).get(key)
        return connection_from_item(item) if item else None

    def connections(self, crm: str) -> list[Connection]:
        """Return all connections of a CRM, by account."""
        return ConnectionStore(self._table, self._clock).of_crm(crm)

    def save(self, connection: Connection, previous: Connection | None, pair: TokenPair | None) -> None:
        """Write connection, signpost and first tokens, all or nothing; other attributes of the connection stay.

        Raises Trouble where the account was connected by somebody else since `previous` was read.
        """
        connected = replace(connection, connected_at=self._connected_at(previous))
        values = {**connection_item(connected), "cooldown_until": None}
        signpost = {"crm": connection.crm, "account": connection.account, "connection": connection.id}
        unchanged = equals("connection", previous.id) if previous else Absent("pk")
        writes: list[Write] = [
            Put(signpost_key(connection.crm, connection.account), signpost, where=(unchanged,)),
            Update(connection_key(connection.crm, connection.id), values),
        ]
        if pair is not None:
            writes.append(first_pair(connection.crm, connection.account, pair))
        try:
            self._table.write(*writes)
        except ConditionFailed:
            raise Trouble("somebody else connected this account at the same time", "Run the command again.") from None

    def _connected_at(self, previous: Connection | None) -> datetime:
        """Return since when the account is connected without a break."""
        if previous is None or previous.state is ConnectionState.OFF or previous.connected_at is None:
            return self._clock.now()
        return previous.connected_at

    def retire(self, old: Connection, new: Connection) -> None:
        """Let a replaced connection serve the conversations that still name it, with the new one's settings."""
        values = {**connection_item(new), "id": old.id}
        until = int((self._clock.now() + RETIRED).timestamp())
        self._table.write(Update(connection_key(old.crm, old.id), {**values, "expires_at": until}))

    def forget(self, old: Connection) -> None:
        """Remove a connection at once, so that its key opens nothing."""
        self._table.write(Delete(connection_key(old.crm, old.id)))
