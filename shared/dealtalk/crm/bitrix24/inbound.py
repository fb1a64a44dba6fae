"""Bitrix24's bot events: whose is a body, and which message does it carry.

Formats: apidocs.bitrix24.com, "Event Formats for imbot.v2" (ONIMBOTV2…) and the older chat bots' events (ONIMBOT…). A
bot gets events in the format of the interface that registered it; both are read. Every value is a text ("0" is false),
empty groups are missing.

Options of a connection that are read here:
- `application_token_sha256`: the SHA-256 of the token that the events carry at their top level: an app's own, a version
  1 webhook bot's CLIENT_ID, or `custom` and a version 2 webhook bot's token; without it every body is refused;
- `domain`, `accepted_domains`: the portal's hosts; `member_id`: its id, where it is known;
- `bot_id`: our bot's user;
- `owner_leads`: a customer's message in a dialog that names an operator as its owner tells that the operator leads;
- `awaits_install`: an app is to be installed, see installing.py;
- `lead_pipeline`: named where leads are worked with as if they were deals (see options.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.attachments import attachments_of
from dealtalk.crm.bitrix24.entity import LINES, read_line, read_links, read_session
from dealtalk.crm.bitrix24.installing import is_awaited
from dealtalk.ingress.events import ParsedEvents
from dealtalk.ingress.signatures import matches, same
from dealtalk.ingress.values import clean_text, number_id, one_line, scalar, unix_time
from dealtalk.messages import MAX_TEXT, Author, Chat, ConversationKey, InboundMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request

_MESSAGES = frozenset({"ONIMBOTMESSAGEADD", "ONIMBOTV2MESSAGEADD"})
_LEFT = {
    "MESSAGEUPDATE": "message_update",
    "MESSAGEDELETE": "message_delete",
    "JOINCHAT": "join_chat",
    "DELETE": "bot_deleted",
    "CONTEXTGET": "context_get",
    "COMMANDADD": "command",
    "REACTIONCHANGE": "reaction",
}
_CUT = " (...)"
_V2_LIMIT = 20_000
_MAX_NAME = 200
_MAX_CHANNEL = 64
_EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
_BREAK = re.compile(r"\[br\s*/?\]", re.IGNORECASE)
_DISK = re.compile(r"\[disk=[0-9]{1,20}\]", re.IGNORECASE)
_ECHO = re.compile(r"\s*===\s*Исходящее сообщение[^\n]*?===\s*", re.IGNORECASE)
_ECHO_SYSTEM = re.compile(r"\s*===\s*SYSTEM WZ\s*===", re.IGNORECASE)
"""What Wazzup's connector writes in the customer's name: the company's own messages, and words of its own."""


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:  # noqa: ARG001 (unsigned)
    """Return whether the body's top-level token is this connection's, and its portal too.

    Bitrix24 signs nothing. The token inside `data` is another one and is not looked at. Of member id and domain each
    that the body names must be right, and one must be named; with a known member id it is that one. An app's
    installation that is waited for brings the token only now: see installing.py for what it may do.
    """
    auth = payload.get("auth")
    if not isinstance(auth, dict):
        return False
    options = connection.options
    if is_awaited(connection, payload):
        return scalar(auth.get("domain")).lower() in _domains(options)
    if not matches(scalar(auth.get("application_token")), options.get("application_token_sha256")):
        return False
    known = options.get("member_id")
    if known:
        return same(scalar(auth.get("member_id")), str(known))
    return scalar(auth.get("domain")).lower().partition(":")[0] in _domains(options)


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
    """Return the message of an event, and before it, where the chat's owner is an operator, that a person leads.

    Counted as ignored: `message_update`, `message_delete`, `join_chat`, `bot_deleted`, `context_get`, `command`,
    `reaction`, `app_install`, `unknown_event`, `system_message`, `not_an_open_line`, `unusable_message` (no id, no
    chat, or of a customer and empty).
    """
    event = scalar(payload.get("event")).upper()
    data = payload.get("data")
    if event not in _MESSAGES or not isinstance(data, dict):
        return ParsedEvents(ignored={_kind(event): 1})
    said = _v2(data) if event.startswith("ONIMBOTV2") else _v1(data, payload)
    return read_said(connection, said, now)


def read_fetched(connection: Connection, event: Mapping[str, Any], now: datetime) -> ParsedEvents:
    """Return the message of an event that imbot.v2.Event.get returned, as if it had been posted."""
    return parse(connection, {"event": event.get("type"), "data": event.get("data")}, now)


@dataclass(frozen=True, slots=True)
class Said:
    """A message as either format names it; what is Any is raw."""

    id: Any
    chat_id: Any
    text: Any
    sent_at: Any
    author: Any
    name: Any
    is_bot: bool
    is_connector: bool
    is_system: bool
    entity_type: Any
    entity_id: Any
    data_1: Any
    data_2: Any
    owner: Any
    bots: set[str]
    files: tuple[Any, Any]


def _v1(data: Payload, payload: Payload) -> Said:
    params, user = _group(data.get("PARAMS")), _group(data.get("USER"))
    inner = _group(params.get("PARAMS"))
    return Said(
        id=params.get("MESSAGE_ID"),
        chat_id=params.get("CHAT_ID") or params.get("TO_CHAT_ID") or _bare(params.get("DIALOG_ID")),
        text=params.get("MESSAGE"),
        sent_at=scalar(payload.get("ts")),
        author=params.get("FROM_USER_ID") or params.get("AUTHOR_ID") or user.get("ID"),
        name=user.get("NAME"),
        is_bot=yes(user.get("IS_BOT")),
        is_connector=yes(user.get("IS_CONNECTOR")),
        is_system=yes(params.get("SYSTEM")),
        entity_type=params.get("CHAT_ENTITY_TYPE"),
        entity_id=params.get("CHAT_ENTITY_ID"),
        data_1=params.get("CHAT_ENTITY_DATA_1"),
        data_2=params.get("CHAT_ENTITY_DATA_2"),
        owner=params.get("CHAT_AUTHOR_ID"),
        bots=set(_group(data.get("BOT"))),
        files=(params.get("FILES"), inner.get("FILE_ID")),
    )


def _v2(data: Payload) -> Said:
    message, chat, user = _group(data.get("message")), _group(data.get("chat")), _group(data.get("user"))
    params = _group(message.get("params"))
    return Said(
        id=message.get("id"),
        chat_id=message.get("chatId") or chat.get("id") or _bare(chat.get("dialogId")),
        text=message.get("text"),
        sent_at=message.get("date"),
        author=message.get("authorId") or user.get("id"),
        name=user.get("name"),
        is_bot=yes(user.get("bot")),
        is_connector=yes(user.get("connector")),
        is_system=yes(message.get("isSystem")),
        entity_type=chat.get("entityType"),
        entity_id=chat.get("entityId"),
        data_1=chat.get("entityData1"),
        data_2=chat.get("entityData2"),
        owner=chat.get("owner"),
        bots={scalar(_group(data.get("bot")).get("id"))},
        files=(params.get("files"), params.get("FILE_ID") or params.get("fileId")),
    )


def read_said(connection: Connection, said: Said, now: datetime) -> ParsedEvents:
    """Return the message, however it was told: by an event, or in a session's history."""
    if scalar(said.entity_type).upper() != LINES:
        return ParsedEvents(ignored={"not_an_open_line": 1})
    if said.is_system or scalar(said.author).strip() in {"", "0"}:
        return ParsedEvents(ignored={"system_message": 1})
    message_id, chat = number_id(said.id), _chat(connection, said)
    text = _BREAK.sub("\n", clean_text(said.text))
    attachments = attachments_of(*said.files, text, connection.options.get("domain"))
    text = _DISK.sub("", text).strip()
    author = _author(connection, said)
    if author is Author.CUSTOMER:
        if _ECHO_SYSTEM.match(text):
            return ParsedEvents(ignored={"system_message": 1})
        without = _ECHO.sub("", text, count=1) if is_echo(text) else text
        author, text = (Author.EMPLOYEE, without) if without is not text else (author, text)
    if message_id is None or chat is None or (author is Author.CUSTOMER and not (text or attachments)):
        return ParsedEvents(ignored={"unusable_message": 1})
    message = InboundMessage(
        conversation=ConversationKey.of_chat(connection.crm, connection.account, chat.chat_id),
        chat=chat,
        id=message_id,
        author=author,
        text=text[:MAX_TEXT],
        sent_at=_moment(said.sent_at, now),
        outgoing=author is not Author.CUSTOMER,
        author_id=number_id(said.author),
        author_name=one_line(said.name, _MAX_NAME),
        attachments=attachments,
        truncated=len(text) > MAX_TEXT or (len(text) >= _V2_LIMIT and text.endswith(_CUT)),
    )
    taken = _taken(connection, said, message) if author is Author.CUSTOMER else None
    return ParsedEvents((taken, message) if taken else (message,))


def _author(connection: Connection, said: Said) -> Author:
    """Return who wrote: behind a connector the customer, else a bot or a person of the company.

    Without any word about the author, the customer is known by the chat's own id.
    """
    line = read_line(scalar(said.entity_id))
    author = scalar(said.author)
    if said.is_bot or author in said.bots or author == scalar(connection.options.get("bot_id")):
        return Author.BOT
    if said.is_connector or (line is not None and line.user_id == author):
        return Author.CUSTOMER
    return Author.EMPLOYEE


def _taken(connection: Connection, said: Said, message: InboundMessage) -> InboundMessage | None:
    """Return the sign that an operator took this dialog; its id is the same as long as that person has it."""
    owner = number_id(said.owner)
    ours = {*said.bots, scalar(connection.options.get("bot_id")), message.author_id}
    if owner is None or owner in ours or not yes(connection.options.get("owner_leads", "1")):
        return None
    return InboundMessage(
        conversation=message.conversation,
        chat=message.chat,
        id=f"owner:{message.chat.talk_id or 0}:{owner}",
        author=Author.EMPLOYEE,
        text="",
        sent_at=message.sent_at,
        outgoing=True,
        author_id=owner,
    )


def _chat(connection: Connection, said: Said) -> Chat | None:
    chat_id = number_id(said.chat_id)
    if chat_id is None:
        return None
    line = read_line(scalar(said.entity_id))
    links = read_links(scalar(said.data_1), scalar(said.data_2))
    return Chat(
        chat_id=chat_id,
        talk_id=read_session(scalar(said.data_1)),
        deal_id=links.deal_id(leads=bool(connection.options.get("lead_pipeline"))),
        contact_id=links.contact,
        channel=one_line(line.connector, _MAX_CHANNEL) if line else None,
        route=links.other_place(),
    )


def is_echo(text: str) -> bool:
    """Return whether a connector wrote this in the customer's name for the company's own phone."""
    return _ECHO.match(text) is not None


def yes(value: object) -> bool:
    """Return what the vendor means by Y, 1 and true; everything else, "0" and "N" among it, is false."""
    return value is True or scalar(value).strip().lower() in {"y", "1", "true"}


def _domains(options: Mapping[str, Any]) -> set[str]:
    accepted = options.get("accepted_domains") or []
    names = [accepted] if isinstance(accepted, str) else list(accepted)
    return {str(name).lower() for name in [options.get("domain"), *names] if name}


def _kind(event: str) -> str:
    if event == "ONAPPINSTALL":
        return "app_install"
    for prefix in ("ONIMBOTV2", "ONIMBOT"):
        if event.startswith(prefix):
            return _LEFT.get(event.removeprefix(prefix), "unknown_event")
    return "unknown_event"


def _moment(value: object, now: datetime) -> datetime:
    """Return a time given in unix seconds or ISO; `now` where it is neither or cannot be."""
    text = scalar(value)
    if text.isdigit():
        return unix_time(text, now)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return unix_time(int(moment.timestamp()), now) if moment > _EARLIEST else now


def _bare(dialog: object) -> str:
    """Return a chat's number of `chat7`; empty for a person's dialog."""
    text = scalar(dialog)
    return text.removeprefix("chat") if text.startswith("chat") else ""


def _group(value: object) -> Payload:
    return value if isinstance(value, dict) else {}
