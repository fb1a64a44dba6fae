"""HubSpot's webhooks: whose is a body, and which messages does it tell of.

Formats: developers.hubspot.com, "Webhooks" (api-reference/legacy/webhooks/guide) and the Conversations guide. A body is
an array of up to 100 events that carry ids only: a message becomes a pending one, and the responder reads it.

Options of a connection that are read here:
- `public_url`: the target URL exactly as it stands in HubSpot's app, with `{key}` in the place of the connection's key;
- `app_id`: the app whose events these are;
- `bot_user_id`: the user in whose name the bot writes; a thread that is assigned to them is nobody's takeover;
- `assignment_is_takeover`: whether a thread that is assigned to another user is a person's (default: yes).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dealtalk.crm.hubspot.signature import is_signed
from dealtalk.ingress.events import ParsedEvents
from dealtalk.ingress.signatures import same
from dealtalk.ingress.values import number_id, opaque_id, scalar, unix_time
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request

NEW_MESSAGE = "conversation.newMessage"
CHANGED = "conversation.propertyChange"
LEFT = {"COMMENT": "comment", "WELCOME_MESSAGE": "welcome_message"}
"""What is said in a thread and to nobody, or by a chatflow before anybody spoke."""

OTHER_KINDS = frozenset(
    {
        *("conversation.creation", "conversation.deletion", "conversation.privacyDeletion"),
        *("deal", "contact", "company", "ticket", "object"),
    }
)


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:
    """Return whether HubSpot signed this request for the URL of this connection, and all its events are this portal's.

    Which URL was called is known by the configuration: the function's own view of it differs behind a stage, a domain
    of one's own or a proxy.
    """
    secret, url = connection.signing_secret, scalar(connection.options.get("public_url"))
    if not secret or not url:
        return False
    uri = url.replace("{key}", request.connection) + (f"?{request.query}" if request.query else "")
    if not is_signed(secret, method=request.method, uri=uri, headers=request.headers, body=request.body, now=now):
        return False
    return all(_is_own(connection, event) for event in _events(payload))


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
    """Return the messages that a body tells of in the order of HubSpot's clock, each once, and what else it carried.

    Kinds: `comment`, `welcome_message`, `unassigned`, `own_assignment`, `property_change`, `repeated_message`,
    `unusable_event`, `unknown_event`, and other subscriptions by their name.
    """
    ignored: Counter[str] = Counter()
    messages: dict[tuple[ConversationKey, str], InboundMessage] = {}
    for event in sorted(_events(payload), key=_occurred):
        found = _message(connection, event, now)
        if isinstance(found, str):
            ignored[found] += 1
        elif (found.conversation, found.id) in messages:
            ignored["repeated_message"] += 1
        else:
            messages[found.conversation, found.id] = found
    ignored["unusable_event"] += sum(not isinstance(each, dict) for each in payload.get("events") or ())
    if not messages and not any(ignored.values()):
        ignored["empty"] = 1
    return ParsedEvents(tuple(messages.values()), {kind: count for kind, count in ignored.items() if count})


def _events(payload: Payload) -> list[dict[str, Any]]:
    events = payload.get("events")
    return [each for each in events if isinstance(each, dict)] if isinstance(events, list) else []


def _is_own(connection: Connection, event: Mapping[str, Any]) -> bool:
    app = scalar(connection.options.get("app_id"))
    portal_is_own = same(scalar(event.get("portalId")), connection.account)
    return portal_is_own and (not app or same(scalar(event.get("appId")), app))


def _message(connection: Connection, event: Mapping[str, Any], now: datetime) -> InboundMessage | str:
    """Return the message that the event tells of, or the kind as which it is left."""
    kind = scalar(event.get("subscriptionType") or event.get("eventType"))
    thread = number_id(event.get("objectId"))
    if kind == NEW_MESSAGE:
        message_id = opaque_id(event.get("messageId"))
        if thread is None or message_id is None:
            return "unusable_event"
        left = LEFT.get(scalar(event.get("messageType")))
        return left or _pending(connection, thread, message_id, _at(event, now))
    if kind == CHANGED:
        if scalar(event.get("propertyName")) != "assignedTo":
            return "property_change"
        return _assignment(connection, thread, event, now) if thread else "unusable_event"
    family = kind if kind in OTHER_KINDS else kind.partition(".")[0]
    return family if family in OTHER_KINDS else "unknown_event"


def _pending(connection: Connection, thread: str, message_id: str, at: datetime) -> InboundMessage:
    key = ConversationKey.of_chat(connection.crm, connection.account, thread)
    return InboundMessage(key, Chat(thread), message_id, Author.UNKNOWN, "", at, pending=True)


def _assignment(connection: Connection, thread: str, event: Mapping[str, Any], now: datetime) -> InboundMessage | str:
    """Return the takeover of the user to whom the thread is assigned: their message without a text."""
    user = number_id(scalar(event.get("propertyValue")).removeprefix("A-"))
    if user is None:
        return "unassigned"
    if user == scalar(connection.options.get("bot_user_id")):
        return "own_assignment"
    if connection.options.get("assignment_is_takeover", True) is False:
        return "property_change"
    key = ConversationKey.of_chat(connection.crm, connection.account, thread)
    event_id = f"assigned:{user}:{_occurred(event)}"
    return InboundMessage(
        key, Chat(thread), event_id, Author.EMPLOYEE, "", _at(event, now), outgoing=True, author_id=user
    )


def _occurred(event: Mapping[str, Any]) -> int:
    return int(number_id(event.get("occurredAt")) or 0)


def _at(event: Mapping[str, Any], now: datetime) -> datetime:
    return unix_time(str(_occurred(event) // 1000), now)
