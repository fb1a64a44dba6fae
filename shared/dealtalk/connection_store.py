"""Connections in the table: written by `dealtalk connect`, found by webhooks, marked by the responder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dealtalk.connections import (
    Auth,
    Connection,
    ConnectionState,
    Mode,
    UncertainSend,
    connection_id,
    connection_partition,
)
from dealtalk.conversation.table import (
    MAX_READS,
    Absent,
    AnyOf,
    ConditionFailed,
    Item,
    Key,
    Put,
    Table,
    Update,
    equals,
)

if TYPE_CHECKING:
    from dealtalk.ports import Clock

CACHE_SECONDS = 300
MISS_CACHE_SECONDS = 10
"""How long an unknown key stays unknown in this process: short, since it may be connected at any moment."""

MAX_CACHED = 1000
MAX_LISTED = 1000


def connection_key(crm: str, connection: str) -> Key:
    """Return the key of a connection's item."""
    return (connection_partition(crm, connection), "CONN")


def connection_from_item(item: Item) -> Connection:
    """Return the connection of an item."""
    cooldown, connected = item.get("cooldown_until"), item.get("connected_at")
    return Connection(
        crm=item["crm"],
        id=item["id"],
        account=item["account"],
        api_base=item["api_base"],
        secret=item["secret"],
        profile=item["profile"],
        auth=Auth(item.get("auth", Auth.TOKEN)),
        mode=Mode(item.get("mode", Mode.AUTO)),
        state=ConnectionState(item.get("state", ConnectionState.ACTIVE)),
        state_reason=item.get("state_reason", ""),
        uncertain_send=UncertainSend(item.get("uncertain_send", UncertainSend.ASK_HUMAN)),
        cooldown_until=None if cooldown is None else datetime.fromtimestamp(cooldown, UTC),
        outgoing_seen=item.get("outgoing_seen", False),
        signing_secret=item.get("signing_secret"),
        connected_at=None if connected is None else datetime.fromtimestamp(connected, UTC),
        options=item.get("options", {}),
    )


def connection_item(connection: Connection) -> Item:
    """Return the item of a connection."""
    item = {
        "crm": connection.crm,
        "id": connection.id,
        "account": connection.account,
        "api_base": connection.api_base,
        "secret": connection.secret,
        "profile": connection.profile,
        "auth": connection.auth.value,
        "mode": connection.mode.value,
        "state": connection.state.value,
        "state_reason": connection.state_reason,
        "uncertain_send": connection.uncertain_send.value,
        "outgoing_seen": connection.outgoing_seen,
        "options": dict(connection.options),
    }
    connected = connection.connected_at
    known = {
        "signing_secret": connection.signing_secret,
        "connected_at": None if connected is None else int(connected.timestamp()),
    }
    return item | {name: value for name, value in known.items() if value is not None}


def signpost_key(crm: str, account: str) -> Key:
    """Return the key of the item that names an account's connection, by which all of a CRM are listed."""
    return (f"CONN#{crm}#accounts", f"ACCOUNT#{account}")


class ConnectionStore:
    """Finds, saves and marks connections. `find` answers from this process's memory for five minutes."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._cache: dict[str, tuple[float, Connection | None]] = {}

    def find(self, crm: str, key: str) -> Connection | None:
        """Return the connection whose webhook path carries `key`, None where there is none. Raises TableBusy."""
        identity = connection_id(key)
        now = self._clock.now().timestamp()
        cached = self._cache.get(identity)
        if cached is not None and now < cached[0]:
            return cached[1]
        connection = self.load(crm, identity)
        if len(self._cache) >= MAX_CACHED:
            self._cache.clear()
        self._cache[identity] = (now + (CACHE_SECONDS if connection else MISS_CACHE_SECONDS), connection)
        return connection

    def load(self, crm: str, connection: str) -> Connection | None:
        """Return the connection with this id as the table has it now. Raises TableBusy."""
        key = connection_key(crm, connection)
        item = self._table.read([key]).get(key)
        return connection_from_item(item) if item else None

    def of_crm(self, crm: str) -> list[Connection]:
        """Return the connections of a CRM's accounts, by account, as the table has them now. Raises TableBusy."""
        partition, _ = signpost_key(crm, "")
        signposts = self._table.newest(partition, "ACCOUNT#", MAX_LISTED)
        keys = list(dict.fromkeys(connection_key(crm, each["connection"]) for each in signposts))
        items: dict[Key, Item] = {}
        for start in range(0, len(keys), MAX_READS):
            items |= self._table.read(keys[start : start + MAX_READS])
        return [connection_from_item(items[key]) for key in keys if key in items]

    def save(self, connection: Connection) -> None:
        """Write the connection, replacing what stood there. Raises TableBusy."""
        self._table.write(Put(connection_key(connection.crm, connection.id), connection_item(connection)))

    def saw_outgoing(self, connection: Connection) -> None:
        """Remember that this account tells us of outgoing messages: asking for them is no longer needed."""
        known = Update(self._key(connection), {"outgoing_seen": True}, where=(equals("outgoing_seen", value=False),))
        try:
            self._table.write(known)
        except ConditionFailed:
            return

    def cool_down(self, connection: Connection, until: datetime) -> None:
        """Let nobody call this account before `until`."""
        self._mark(connection, {"cooldown_until": int(until.timestamp()) + 1})

    def needs_attention(self, connection: Connection, reason: str) -> bool:
        """Mark an active connection as broken until the integrator has looked; `reason` is a sentence for them.

        Returns whether it was active until now: of many workers that find it broken one is told so.
        """
        values = {"state": ConnectionState.NEEDS_ATTENTION.value, "state_reason": reason}
        active = AnyOf((Absent("state"), equals("state", ConnectionState.ACTIVE.value)))
        try:
            self._table.write(Update(self._key(connection), values, where=(active,)))
        except ConditionFailed:
            return False
        return True

    def recovered(self, connection: Connection) -> None:
        """Mark the connection as working again."""
        self._mark(connection, {"state": ConnectionState.ACTIVE.value, "state_reason": ""})

    def _mark(self, connection: Connection, values: Item) -> None:
        self._table.write(Update(self._key(connection), values))

    @staticmethod
    def _key(connection: Connection) -> Key:
        return connection_key(connection.crm, connection.id)
