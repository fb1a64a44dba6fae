"""HubSpot's webhook: a JSON array, signed by the app's client secret for the URL that stands in the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dealtalk.connections import connection_id
from dealtalk.crm.hubspot import inbound
from dealtalk.ingress.body import decode_list
from tests.security.webhooks import Target
from tests.unit.hubspot.inbound_world import body_of, connection, event, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.ingress.events import Inbound

WORDS = (
    *("eventId", "subscriptionId", "portalId", "appId", "occurredAt", "subscriptionType", "eventType", "attemptNumber"),
    *("objectId", "messageId", "messageType", "changeFlag", "propertyName", "propertyValue", "assignedTo", "MESSAGE"),
    *("COMMENT", "conversation.newMessage", "conversation.propertyChange", "deal.propertyChange", "A-1", "0", "-1", ""),
)


def array(message_id: str, text: str) -> bytes:
    """Return the event of a customer's message, whose text HubSpot does not tell."""
    return body_of(event(messageId=message_id, note=text))


def delivered(raw: bytes) -> Mapping[str, Any]:
    """Return the headers of a genuine delivery."""
    return {"headers": signed(raw)}


TARGET = Target(
    connection=connection(),
    stranger=connection(id=connection_id("another"), account="4711", signing_secret="another"),
    inbound=cast("Inbound", inbound),
    bodies=(array,),
    words=WORDS,
    delivered=delivered,
    webhook={"decode": decode_list},
)
