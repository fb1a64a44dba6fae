"""Several accounts of one CRM, each with its own record, and one reader for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dealtalk.connection_store import signpost_key
from dealtalk.connections import Connection, connection_id
from dealtalk.conversation.table import Put
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage
from tests.fakes.history import FakeHistory
from tests.fakes.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Accounts:
    """`add` connects an account; `writes` puts a customer's message into its record; `opened` names who was read."""

    world: World = field(default_factory=World)
    records: dict[str, FakeHistory] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reading = replace(self.world.reading, open_history=self._open)

    def add(self, account: str, **changes: Any) -> Connection:
        """Connect an account, as `dealtalk connect` does."""
        connection = self.save(account, **changes)
        self.world.table.write(Put(signpost_key(connection.crm, account), {"connection": connection.id}))
        self.records[account] = FakeHistory()
        return connection

    def save(self, account: str, **changes: Any) -> Connection:
        """Write an account's connection, changed so."""
        connection = replace(self.world.connection, id=connection_id(account), account=account, **changes)
        self.world.connections.save(connection)
        return connection

    def writes(self, account: str, text: str) -> None:
        """Let a customer write."""
        now = self.world.clock.now()
        key = ConversationKey.of_chat(self.world.connection.crm, account, "c")
        message = InboundMessage(key, Chat("c"), f"{account}-{text}", Author.CUSTOMER, text, now)
        self.records[account].messages.append(message)

    def _open(self, connection: Connection, seconds_left: Callable[[], float]) -> FakeHistory:
        self.opened.append(connection.account)
        return self.records[connection.account].opened(connection, seconds_left)
