"""What installing a local app brings: kept for an hour, until `dealtalk connect` has used it.

A connection that waits for it has no token yet by which its events are known. Its address is the only lock then, so
nothing is believed of the body: `connect` exchanges the refresh token with the app's own secret, which nobody else can.
Until then nothing works with such a connection. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.connections import connection_partition
from dealtalk.conversation.table import Put
from dealtalk.ingress.values import scalar

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key, Table
    from dealtalk.ingress.events import ParsedEvents, Payload
    from dealtalk.ports import Clock

AWAITS = "awaits_install"
EVENT = "ONAPPINSTALL"
GRANTED = ("refresh_token", "application_token", "domain", "member_id")
KEPT_SECONDS = 3_600
LONGEST = 512


def install_key(connection: str) -> Key:
    """Return the key of what an installation granted to this connection."""
    return (connection_partition("bitrix24", connection), "INSTALL")


def is_awaited(connection: Connection, payload: Payload) -> bool:
    """Return whether the body is an installation and the connection waits for one."""
    return bool(connection.options.get(AWAITS)) and scalar(payload.get("event")).upper() == EVENT


@dataclass(frozen=True, slots=True)
class Installations:
    """Keeps installations in the table."""

    table: Table
    clock: Clock

    def keep(self, connection: Connection, payload: Payload, events: ParsedEvents) -> None:  # noqa: ARG002 (the hook's)
        """Keep what an awaited installation granted; anything else is none of this. Raises Retryable."""
        if not is_awaited(connection, payload):
            return
        auth = payload.get("auth")
        said = {name: scalar(auth.get(name))[:LONGEST] for name in GRANTED} if isinstance(auth, dict) else {}
        if all(said.get(name) for name in GRANTED):
            item: Item = {**said, "expires_at": int(self.clock.now().timestamp()) + KEPT_SECONDS}
            self.table.write(Put(install_key(connection.id), item))
