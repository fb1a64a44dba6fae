"""A message of the MG Bot API as what was said in a conversation.

Follows docs.simla.com, "MG Bot API", message objects. Messages for colleagues only are nothing that was said. What is
told of a dialog stands among them as a system message: that a person was made responsible is a takeover without words.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dealtalk.crm.retailcrm.options import Writer
from dealtalk.ingress.values import clean_text, number_id, one_line, scalar
from dealtalk.messages import MAX_TEXT, Attachment, AttachmentKind, Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.crm.retailcrm.api import Json
    from dealtalk.crm.retailcrm.options import RetailcrmOptions

_KINDS = {
    "image": AttachmentKind.PICTURE,
    "audio": AttachmentKind.VOICE,
    "video": AttachmentKind.VIDEO,
    "file": AttachmentKind.FILE,
}
_TAKEN = frozenset({"dialog_assign", "user_joined"})
_MAX_ATTACHMENTS = 10
_MAX_NAME = 200


def message_of(connection: Connection, options: RetailcrmOptions, row: Json, now: datetime) -> InboundMessage | None:
    """Return the message, None where it is nothing that was said: a note for colleagues, a system line, an empty one.

    A takeover without words has no text, and the system message's own id.
    """
    message_id, chat_id = number_id(row.get("id")), number_id(row.get("chat_id"))
    if message_id is None or chat_id is None or row.get("scope") == "private":
        return None
    if row.get("type") == "system":
        author, sender = _who_took(row, options), _object(row.get("responsible")) or _object(row.get("user"))
    else:
        sender = _object(row.get("from"))
        author = author_of(sender, options)
    text, attachments = _text(row), _attachments(row)
    # That a person wrote silences the bot, whatever it was; from others an empty message says nothing.
    if author is None or (author in {Author.CUSTOMER, Author.BOT} and not (text.strip() or attachments)):
        return None
    return InboundMessage(
        conversation=ConversationKey.of_chat(connection.crm, connection.account, chat_id),
        chat=_chat(row, chat_id, sender if author is Author.CUSTOMER else {}, options),
        id=message_id,
        author=author,
        text=text[:MAX_TEXT],
        sent_at=time_of(row, now),
        outgoing=author is not Author.CUSTOMER,
        author_id=number_id(sender.get("id")),
        author_name=one_line(sender.get("name"), _MAX_NAME),
        attachments=attachments,
        truncated=len(text) > MAX_TEXT,
    )


def author_of(sender: Json, options: RetailcrmOptions) -> Author:
    """Return who wrote: a technical account is a robot; whoever is not known counts as a person."""
    match sender.get("type"):
        case "customer":
            return Author.CUSTOMER
        case "user":
            robot = sender.get("is_technical_account") is True or sender.get("is_system") is True
            return Author.BOT if robot else Author.EMPLOYEE
        case "bot":
            return Author.BOT
        case "channel":
            return Author.UNKNOWN if options.messenger_writer is Writer.PERSON else Author.BOT
    return Author.UNKNOWN


def time_of(row: Json, now: datetime) -> datetime:
    """Return when the message was written; `now` where that cannot be read."""
    moment = moment_of(row.get("time")) or moment_of(row.get("created_at"))
    return min(moment, now) if moment else now


def moment_of(value: object) -> datetime | None:
    """Return a time as the MG Bot API writes it; None where it is none."""
    try:
        moment = datetime.fromisoformat(scalar(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _who_took(row: Json, options: RetailcrmOptions) -> Author | None:
    """Return EMPLOYEE where a system message tells that a person took the dialog."""
    if row.get("action") not in _TAKEN or not options.assignment_is_takeover:
        return None
    who = _object(row.get("responsible")) or _object(row.get("user"))
    return Author.EMPLOYEE if who.get("type", "user") == "user" and who.get("id") else None


def _chat(row: Json, chat_id: str, customer: Json, options: RetailcrmOptions) -> Chat:
    channel = number_id(row.get("channel_id"))
    named = _object(_object(row.get("chat")).get("channel")).get("type")
    return Chat(
        chat_id=chat_id,
        talk_id=number_id(_object(row.get("dialog")).get("id")),
        contact_id=number_id(customer.get("id")),
        channel=one_line(named, _MAX_NAME) or options.channels.get(channel or ""),
    )


def _text(row: Json) -> str:
    """Return the words of a message: its own, a file's caption, what was heard in a recording, a product's name."""
    own = clean_text(row.get("content")).strip() or clean_text(row.get("note")).strip()
    if own:
        return own
    items = _items(row)
    said = [clean_text(item.get("transcription")) or clean_text(item.get("caption")) for item in items]
    if any(said):
        return "\n".join(each for each in said if each)
    return clean_text(_object(row.get("product")).get("name"))


def _attachments(row: Json) -> tuple[Attachment, ...]:
    """Return the files, of which the list shows no link: they are read from the CRM by their id alone."""
    named = str(row.get("type"))
    found = tuple(
        Attachment(
            _KINDS.get(str(item.get("kind")), _KINDS.get(named, AttachmentKind.FILE)),
            file_name=one_line(item.get("caption"), _MAX_NAME),
        )
        for item in _items(row)[:_MAX_ATTACHMENTS]
    )
    return found or ((Attachment(_KINDS[named]),) if named in _KINDS else ())


def _items(row: Json) -> list[Json]:
    items = row.get("items")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _object(value: Any) -> Json:  # noqa: ANN401 (any JSON)
    return value if isinstance(value, dict) else {}
