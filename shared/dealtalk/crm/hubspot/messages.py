"""Rows of a thread's list: who wrote them, and what they say.

Follows the Conversations guide; that the actor's prefix counts more than `direction` and `clientType` alone was
measured by others: a mail that an employee sent from their own mailbox shows INCOMING, a visitor's message shows
clientType HUBSPOT.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.options import OtherBots
from dealtalk.crm.hubspot.routes import MAIL, Route, first_sender
from dealtalk.ingress.values import clean_text, number_id, one_line
from dealtalk.messages import MAX_TEXT, Attachment, AttachmentKind, Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from dealtalk.crm.hubspot.api import Json
    from dealtalk.crm.hubspot.options import HubspotOptions

MESSAGE = "MESSAGE"
ASSIGNMENT = "ASSIGNMENT"
OUTGOING = "OUTGOING"
FORMS = "1003"
"""The channel of forms: whatever comes by it is a customer's."""

WHOLE = "NOT_TRUNCATED"
MAX_ATTACHMENTS = 10
MAX_URL = 2048

_KINDS = {
    "IMAGE": AttachmentKind.PICTURE,
    "VOICE_RECORDING": AttachmentKind.VOICE,
    "AUDIO": AttachmentKind.AUDIO,
    "VIDEO": AttachmentKind.VIDEO,
    "STICKER": AttachmentKind.STICKER,
    "LOCATION": AttachmentKind.LOCATION,
    "CONTACT": AttachmentKind.CONTACT,
    "FILE": AttachmentKind.FILE,
    "UNSUPPORTED_CONTENT": AttachmentKind.FILE,
}


def is_own(row: Json, options: HubspotOptions) -> bool:
    """Return whether this app wrote a message, by its id or by the user in whose name it writes."""
    client = row.get("client")
    by_app = isinstance(client, dict) and str(client.get("integrationAppId")) == options.app_id
    return by_app or actor_of(row) == options.bot_actor


def actor_of(row: Json) -> str:
    """Return the actor who wrote a message."""
    return str(first_sender(row).get("actorId") or row.get("createdBy") or "")


def author_of(row: Json, options: HubspotOptions) -> Author | None:
    """Return who wrote a message of the thread; None: nobody whose words count (the system)."""
    actor = actor_of(row)
    prefix = actor.partition("-")[0]
    if prefix == "A":
        return Author.EMPLOYEE
    if row.get("direction") == OUTGOING:
        if prefix == "S":
            return None
        # A chatflow's bot, an assistant, another app: somebody answers here already.
        return Author.EMPLOYEE if options.other_bots is OtherBots.SOMEONE else Author.BOT
    if str(row.get("channelId")) == FORMS or prefix == "V":
        return Author.CUSTOMER
    if prefix == "E":
        return Author.EMPLOYEE if _is_colleague(row, options) else Author.CUSTOMER
    return None if prefix == "S" else Author.UNKNOWN


def written_at(row: Json) -> datetime:
    """Return when a row was made; long ago where that cannot be read."""
    try:
        moment = datetime.fromisoformat(str(row.get("createdAt")))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def message_of(
    row: Json, *, conversation: ConversationKey, author: Author, thread: str, contact: str | None
) -> InboundMessage:
    """Return a row as the core knows it."""
    route = Route.of_row(row)
    text = clean_text(row.get("text"))
    return InboundMessage(
        conversation=conversation,
        chat=Chat(
            thread,
            contact_id=number_id(contact),
            channel=route.channel if route else None,
            route=route.as_text() if route else None,
        ),
        id=str(row.get("id")),
        author=author,
        text=text[:MAX_TEXT],
        sent_at=written_at(row),
        outgoing=author is not Author.CUSTOMER,
        author_id=actor_of(row) or None,
        author_name=one_line(first_sender(row).get("name"), 200),
        attachments=_attachments(row),
        truncated=len(text) > MAX_TEXT or row.get("truncationStatus") not in {None, WHOLE},
    )


def _is_colleague(row: Json, options: HubspotOptions) -> bool:
    given = first_sender(row).get("deliveryIdentifier")
    if not isinstance(given, dict) or given.get("type") != MAIL:
        return False
    return str(given.get("value")).rpartition("@")[2].lower() in options.own_domains


def _attachments(row: Json) -> tuple[Attachment, ...]:
    given = row.get("attachments")
    found = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    made = []
    for each in found:
        kind = _KINDS.get(str(each.get("fileUsageType"))) or _KINDS.get(str(each.get("type")))
        if kind is None:
            continue
        url = str(each.get("url") or "")
        kept = url if url.startswith("https://") and len(url) <= MAX_URL else None
        made.append(Attachment(kind, kept, one_line(each.get("name"), 200)))
    return tuple(made[:MAX_ATTACHMENTS])
