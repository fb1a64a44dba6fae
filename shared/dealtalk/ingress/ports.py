"""What a webhook needs of the store, as protocols. Imported by the type checker only: a webhook must start fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.connections import Connection
    from dealtalk.conversation.intake import IntakeResult
    from dealtalk.messages import InboundMessage


class ConnectionLookup(Protocol):
    """Finds a connection by the key in a webhook's path."""

    def find(self, crm: str, key: str) -> Connection | None:
        """Return the connection, None where there is none. May raise Retryable."""
        ...


class Intake(Protocol):
    """Stores messages and rings the doorbells of their conversations."""

    def take(self, connection: Connection, messages: Sequence[InboundMessage]) -> IntakeResult:
        """Return after every message is stored and every bell that is needed was rung.

        Raises Retryable where that was not possible; the CRM then sends all of them again.
        """
        ...
