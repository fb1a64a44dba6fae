"""A webhook's message as amoCRM sends it, and what the adapter reads from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm.inbound import parse
from tests.unit.ingress.fakes import NOW, connection

if TYPE_CHECKING:
    from dealtalk.ingress.events import ParsedEvents
    from dealtalk.messages import InboundMessage

MESSAGE: dict[str, Any] = {
    "id": "a0ce13c7-4825-4ecc-9dc0-b35c49b86db4",
    "chat_id": "54caee02-e383-46d8-a9b7-1fb43f07cffe",
    "talk_id": "100",
    "contact_id": "93589657",
    "text": "Здравствуйте",
    "created_at": str(int(NOW.timestamp()) - 60),
    "element_type": "2",
    "element_id": "27754599",
    "entity_type": "lead",
    "entity_id": "27754599",
    "type": "incoming",
    "author": {"id": "1db2f5cc", "type": "external", "name": "Олег"},
    "origin": "telegram",
}


def events_of(payload: dict[str, Any], **options: Any) -> ParsedEvents:
    """Return what a body of account 31337000 says."""
    return parse(connection(options={"subdomain": "oknaufa"} | options), payload, NOW)


def read(group: str = "message", options: dict[str, Any] | None = None, **changes: Any) -> InboundMessage | None:
    """Return the message of a body with one event; `changes` replaces its fields, None leaves one out."""
    item = {name: value for name, value in (MESSAGE | changes).items() if value is not None}
    messages = events_of({group: {"add": {"0": item}}}, **(options or {})).messages
    return messages[0] if messages else None


def one(group: str = "message", options: dict[str, Any] | None = None, **changes: Any) -> InboundMessage:
    """Return the message, which must be there."""
    message = read(group, options, **changes)
    assert message is not None
    return message
