"""amoCRM's and Kommo's webhooks: whose is a body, and which messages does it carry.

Formats: amoCRM developers, "Webhooks format" (https://www.amocrm.ru/developers/content/crm_platform/webhooks-format);
Kommo developers, "Webhooks" (https://developers.kommo.com/docs/webhooks-general) and its change log of July 2026 for
`message_type` and `outgoing_message`. What these pages leave open is read leniently: `message[add]` or a bare `add`,
list or numbered group, `entity_*` or the older `element_*`.

Options of a connection that are read here:
- `subdomain`: the account's subdomain, e.g. "oknaufa" of oknaufa.amocrm.ru;
- `accepted_subdomains`: others that are its own too, since an account can be renamed;
- `bot_user_ids`: users in whose name a robot writes, besides user 0.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm.unsorted import UnsortedLeads
from dealtalk.ingress.events import ParsedEvents
from dealtalk.ingress.signatures import same
from dealtalk.ingress.values import clean_text, number_id, one_line, opaque_id, scalar, unix_time
from dealtalk.messages import MAX_TEXT, Attachment, AttachmentKind, Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request

_AUTHORS = {"external": Author.CUSTOMER, "internal": Author.EMPLOYEE, "bot": Author.BOT}
_LEAD = frozenset({"2", "lead", "leads"})
_CONTACT = frozenset({"1", "contact", "contacts"})
_KINDS = {
    **{kind.value: kind for kind in AttachmentKind},
    "image": AttachmentKind.PICTURE,
    "photo": AttachmentKind.PICTURE,
    "document": AttachmentKind.FILE,
}
_MESSAGE_GROUPS = {"message": False, "outgoing_message": True}
"""Groups of messages, and whether they are outgoing."""

_OTHER_GROUPS = frozenset({"leads", "contacts", "companies", "customers", "task", "catalogs", "unsorted", "talk"})
_LEFT_ACTIONS = {"update": "message_update", "delete": "message_delete"}

_OWN_HOSTS = r"(?:[a-z0-9-]{1,63}\.){1,4}(?:amocrm\.ru|kommo\.com|amocrm\.com)"
_MEDIA_URL = rf"https://{_OWN_HOSTS}(?::443)?(?:[/?][^\\\x00-\x20\x7f-\xa0\ud800-\udfff]*)?"
_MAX_ATTACHMENTS = 10
_MAX_URL = 2048
_MAX_NAME = 200
_MAX_CHANNEL = 64


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:  # noqa: ARG001 (unsigned)
    """Return whether the body names this connection's account.

    amoCRM signs nothing: next to the key in the path there are only the account's id and subdomain. Each of the two
    that the body names must be right, and one must be named. An account that was renamed keeps its id, but its new
    subdomain is refused until it stands in `accepted_subdomains`.
    """
    account = payload.get("account")
    if not isinstance(account, dict):
        return False
    subdomains = _subdomains(connection)
    checks = []
    if "id" in account:
        checks.append(same(scalar(account["id"]), connection.account))
    if "subdomain" in account:
        named = scalar(account["subdomain"]).lower()
        checks.append(any(same(named, subdomain) for subdomain in subdomains))
    return bool(checks) and all(checks)


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
    """Return the messages of a body in the order in which they stand, each once, and what else it carried by kind.

    Kinds: the group's name (`leads`, `talk`, `unsorted`, ...), `message_update`, `message_delete`, `unusable_message`
    (no id, no chat, or of no person on our side and without text and attachment), `repeated_message`,
    `unknown_event`, `empty`.
    """
    ignored: Counter[str] = Counter()
    messages: dict[tuple[ConversationKey, str], InboundMessage] = {}
    for kind, item in _events(payload):
        message = None
        if kind in _MESSAGE_GROUPS:
            message = read_message(connection, item, now, outgoing=_MESSAGE_GROUPS[kind])
            kind = "unusable_message"  # noqa: PLW2901 (what it is counted as, unless it is usable)
        if message is None:
            ignored[kind] += 1
        elif (message.conversation, message.id) in messages:
            ignored["repeated_message"] += 1
        else:
            messages[message.conversation, message.id] = message
    if not messages and not ignored:
        ignored["empty"] = 1
    return ParsedEvents(_with_leads(list(messages.values()), payload), dict(ignored))


def _subdomains(connection: Connection) -> list[str]:
    accepted = connection.options.get("accepted_subdomains") or []
    names = [accepted] if isinstance(accepted, str) else list(accepted)
    own = connection.options.get("subdomain")
    return [str(name).lower() for name in [own, *names] if name]


def _events(payload: Payload) -> Iterator[tuple[str, Any]]:
    """Yield (kind, item) of all events of a body but its account block."""
    for group, value in payload.items():
        if group == "account":
            continue
        if group in _MESSAGE_GROUPS:
            yield from _message_events(group, value)
        elif group == "add":
            yield from (("message", item) for item in _items(value))
        else:
            kind = group if group in _OTHER_GROUPS else "unknown_event"
            actions = value.values() if isinstance(value, dict) else [value]
            yield from ((kind, item) for items in actions for item in _items(items))


def _message_events(group: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 (JSON)
    if not isinstance(value, dict):
        yield group, value
        return
    for action, items in value.items():
        kind = group if action == "add" else _LEFT_ACTIONS.get(action, "unknown_event")
        yield from ((kind, item) for item in _items(items))


def _items(value: Any) -> list[Any]:  # noqa: ANN401 (JSON)
    """Return the events of one action: a list, a group with numbers as keys, or one event that is not numbered."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and value and all(key.isdecimal() for key in value):
        return list(value.values())
    return [value]


def read_message(connection: Connection, item: Any, now: datetime, *, outgoing: bool) -> InboundMessage | None:  # noqa: ANN401
    """Return the message of an event or of a talk's list, None where it is not usable."""
    if not isinstance(item, dict):
        return None
    message_id = opaque_id(item.get("id"))
    chat = _chat(item)
    text = clean_text(item.get("text"))
    attachments = _attachments(item)
    if message_id is None or chat is None:
        return None
    person = item.get("author")
    person = person if isinstance(person, dict) else {}
    outgoing = outgoing or scalar(item.get("type")).strip().lower() == "outgoing"
    author, outgoing = _author(connection, person, outgoing=outgoing)
    # That a person wrote silences the bot, whatever it was; from others an empty message says nothing.
    if author in {Author.CUSTOMER, Author.BOT} and not (text.strip() or attachments):
        return None
    return InboundMessage(
        conversation=ConversationKey.of_chat(connection.crm, connection.account, chat.chat_id),
        chat=chat,
        id=message_id,
        author=author,
        text=text[:MAX_TEXT],
        sent_at=unix_time(item.get("created_at"), now),
        outgoing=outgoing,
        author_id=number_id(person.get("user_id")) or opaque_id(person.get("id")),
        author_name=one_line(person.get("name"), _MAX_NAME),
        attachments=attachments,
        truncated=len(text) > MAX_TEXT,
    )


def _author(connection: Connection, person: dict[str, Any], *, outgoing: bool) -> tuple[Author, bool]:
    """Return who wrote a message, and whether it is of our side.

    What employees and bots write is of our side, whatever the event is called. What went out cannot be the customer's:
    unless an employee or a bot is named, nobody knows whose it is.
    """
    author = _AUTHORS.get(scalar(person.get("type")).strip().lower())
    if author is Author.EMPLOYEE:
        robots = {"0", *(str(user) for user in connection.options.get("bot_user_ids") or ())}
        return Author.BOT if scalar(person.get("user_id")).strip() in robots else Author.EMPLOYEE, True
    if author is Author.BOT:
        return Author.BOT, True
    return (Author.UNKNOWN, True) if outgoing else (Author.CUSTOMER, False)


def _chat(item: dict[str, Any]) -> Chat | None:
    """Return where the message belongs; None where it names neither chat nor talk.

    A lead is taken from `entity_*`, else from the older `element_*`. Chats of a contact without lead name the contact.
    """
    talk_id = number_id(item.get("talk_id"))
    chat_id = opaque_id(item.get("chat_id")) or (f"talk:{talk_id}" if talk_id else None)
    if chat_id is None:
        return None
    linked = [
        (scalar(item.get(f"{name}_type")).lower(), number_id(item.get(f"{name}_id"))) for name in ("entity", "element")
    ]
    return Chat(
        chat_id=chat_id,
        talk_id=talk_id,
        deal_id=next((number for kind, number in linked if kind in _LEAD and number), None),
        contact_id=number_id(item.get("contact_id"))
        or next((number for kind, number in linked if kind in _CONTACT and number), None),
        channel=one_line(item.get("origin"), _MAX_CHANNEL),
    )


def _attachments(item: dict[str, Any]) -> tuple[Attachment, ...]:
    """Return what the message carries besides text.

    A kind without a file counts too (a location has no link). A kind that is not known counts as a file: the customer
    sent something, and silence would be the wrong answer.
    """
    message_type = scalar(item.get("message_type")).strip().lower()
    parts = [part for part in _items(item.get("attachment"))[:_MAX_ATTACHMENTS] if isinstance(part, dict)]
    found = tuple(attachment for part in parts if (attachment := _attachment(part, message_type)) is not None)
    if not found and message_type not in {"", "text"}:
        return (Attachment(_KINDS.get(message_type, AttachmentKind.FILE)),)
    return found


def _attachment(part: dict[str, Any], message_type: str) -> Attachment | None:
    kind = scalar(part.get("type")).strip().lower()
    url = scalar(part.get("link")).strip()
    file_name = one_line(part.get("file_name"), _MAX_NAME)
    if not (kind or url or file_name):
        return None
    return Attachment(
        kind=_KINDS.get(message_type) or _KINDS.get(kind, AttachmentKind.FILE),
        # The link comes from outside: one that leads away from the vendor's hosts is not kept.
        url=url if len(url) <= _MAX_URL and re.fullmatch(_MEDIA_URL, url, re.IGNORECASE | re.ASCII) else None,
        file_name=file_name,
    )


def _with_leads(messages: list[InboundMessage], payload: Payload) -> tuple[InboundMessage, ...]:
    """Give messages without a lead the one that an unsorted item of the same body names for their chat."""
    leads = UnsortedLeads(payload)
    alone = len({message.conversation for message in messages}) == 1
    return tuple(
        replace(message, chat=replace(message.chat, deal_id=lead))
        if message.chat.deal_id is None and (lead := leads.of_chat(message.chat, alone=alone))
        else message
        for message in messages
    )
