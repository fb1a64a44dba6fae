"""The account's own record of chat messages, for reconciliation.

The event list tells which messages there are: their ids, who made them, of which lead, contact and (on Kommo, and as
integrators report on amocrm.ru) of which talk. It tells no texts. What a message says stands in its talk, where the
account shows talks' messages; elsewhere it is `unread`, and a person is asked to look.

Follows GET /api/v4/events (`incoming_chat_message`, `outgoing_chat_message`; at most 100 rows a page, in an order that
is not promised), GET /api/v4/talks/{id}, GET /api/v4/talks/{id}/messages and GET /api/v4/contacts/chats.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm import inbound
from dealtalk.crm.amocrm.api import embedded, number
from dealtalk.crm.amocrm.deal import read_talk
from dealtalk.crm.amocrm.history import EVENTS_PAGE, ROBOT
from dealtalk.ingress.values import number_id, one_line, opaque_id, unix_time
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage
from dealtalk.ports import HistoryPage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dealtalk.connections import Connection
    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.crm.amocrm.history import ChatHistory
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.crm.http import Params
    from dealtalk.ports import Clock

WINDOW = 3600
"""Seconds of the event list that are read at once; fewer where they hold more than five pages."""

LEAST_WINDOW = 60
MAX_PAGES = 5
MAX_LOOKUPS = 10
"""Chats that are looked up for one page of the record: a call each, of a rate of about one a second."""

OVERLAP = 120
"""Seconds that are read again each time: the list may name an event late."""

MAX_CHATS = 400
MAX_CHANNEL = 64
INCOMING = "incoming_chat_message"
OUTGOING = "outgoing_chat_message"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Place:
    """The cursor: the second from which is read, and the chats that talks and contacts were found to be.

    A talk stays in its chat; a contact stands here only for events that name no talk, "" where it has several chats.
    """

    start: int
    chats: dict[str, str] = field(default_factory=dict)
    lookups: int = 0

    @classmethod
    def of(cls, cursor: Mapping[str, Any] | None, since: datetime) -> _Place:
        earliest = int(since.timestamp())
        if cursor is None:
            return cls(earliest)
        return cls(max(int(cursor["start"]), earliest), dict(cursor["chats"]))

    def cursor(self, start: int) -> dict[str, Any]:
        return {"start": start, "chats": dict(list(self.chats.items())[-MAX_CHATS:])}


class _TooManyLookups(Exception):
    """The page ends here; what was looked up is remembered."""


@dataclass(slots=True)
class AccountRecord:
    """See `ports.History` and `ports.IdsFirst`."""

    api: Api
    connection: Connection
    options: AmocrmOptions
    talks: ChatHistory
    clock: Clock

    def read(self, cursor: Mapping[str, Any] | None, since: datetime) -> HistoryPage:
        """See `ports.History`: one window of the event list, oldest first, its messages pending."""
        now, place = self.clock.now(), _Place.of(cursor, since)
        rows, end = self._window(place.start, int(now.timestamp()))
        messages: list[InboundMessage] = []
        for row in rows:
            try:
                message = self._message(row, place, now)
            except _TooManyLookups:
                return HistoryPage(tuple(messages), place.cursor(_second(row)), more=True)
            if message is not None:
                messages.append(message)
        if end < int(now.timestamp()):
            return HistoryPage(tuple(messages), place.cursor(end), more=True)
        # What is too young to be called unread is read once more, when it is old enough.
        again = end - self.options.unread_after_minutes * 60 - OVERLAP
        return HistoryPage(tuple(messages), place.cursor(max(int(since.timestamp()), again)), more=False)

    def complete(self, messages: Sequence[InboundMessage]) -> list[InboundMessage]:
        """See `ports.IdsFirst`.

        What the customer wrote and no talk shows is `unread` once the CRM's own resends must have come; what a bot
        wrote unseen is left out.
        """
        rows: dict[str, Json] = {}
        for talk in dict.fromkeys(message.chat.talk_id for message in messages if message.chat.talk_id):
            since = min(message.sent_at for message in messages if message.chat.talk_id == talk)
            rows |= {str(row.get("id")): row for row in self.talks.rows(talk, since) or ()}
        completed = (self._completed(message, rows.get(message.id)) for message in messages)
        return [message for message in completed if message is not None]

    def _completed(self, message: InboundMessage, row: Json | None) -> InboundMessage | None:
        now = self.clock.now()
        if row is not None:
            chat = message.chat
            ids = {"chat_id": chat.chat_id, "talk_id": chat.talk_id, "contact_id": chat.contact_id}
            ids |= {"origin": chat.channel, "entity_type": "lead" if chat.deal_id else None, "entity_id": chat.deal_id}
            told = {name: value for name, value in ids.items() if value is not None}
            return inbound.read_message(self.connection, {**row, **told}, now, outgoing=row.get("type") == "outgoing")
        if message.author is Author.EMPLOYEE:
            return replace(message, pending=False)
        is_old = now - message.sent_at >= timedelta(minutes=self.options.unread_after_minutes)
        return replace(message, pending=False, unread=True) if message.author is Author.CUSTOMER and is_old else None

    def _window(self, start: int, now: int) -> tuple[list[Json], int]:
        """Return the events from `start` on, oldest first, and the second up to which they are."""
        span = WINDOW
        while True:
            end = min(start + span, now)
            rows, complete = self._events(start, end, MAX_PAGES if end - start > LEAST_WINDOW else None)
            if complete:
                return sorted(rows, key=_second), end
            span = max((end - start) // 4, LEAST_WINDOW)

    def _events(self, start: int, end: int, max_pages: int | None) -> tuple[list[Json], bool]:
        rows: list[Json] = []
        page = 1
        while True:
            query: Params = [
                ("filter[type][]", INCOMING),
                ("filter[type][]", OUTGOING),
                ("filter[created_at][from]", start),
                ("filter[created_at][to]", end),
                ("limit", EVENTS_PAGE),
                ("page", page),
            ]
            found, more = self.api.page("/api/v4/events", "events", query)
            rows += found
            if not more:
                return rows, True
            if max_pages is not None and page >= max_pages:
                return rows, False
            page += 1

    def _message(self, row: Json, place: _Place, now: datetime) -> InboundMessage | None:
        """Return the message that an event tells of, pending; None where it cannot be placed or need not be known."""
        said = _said(row)
        message_id = opaque_id(said.get("id"))
        author = self._author(row)
        if message_id is None or (author is Author.BOT and not self.talks.readable):
            return None
        talk_id, contact_id = number_id(said.get("talk_id")), _contact(row)
        chat_id = self._chat(talk_id, contact_id, place)
        if not chat_id:
            _log.warning("a chat event names no chat", extra={"talk": talk_id is not None})
            return None
        is_lead = row.get("entity_type") == "lead"
        channel = one_line(said.get("origin"), MAX_CHANNEL)
        return InboundMessage(
            conversation=ConversationKey.of_chat(self.connection.crm, self.connection.account, chat_id),
            chat=Chat(chat_id, talk_id, number_id(row.get("entity_id")) if is_lead else None, contact_id, channel),
            id=message_id,
            author=author,
            text="",
            sent_at=unix_time(row.get("created_at"), now),
            outgoing=author is not Author.CUSTOMER,
            pending=True,
        )

    def _author(self, row: Json) -> Author:
        if row.get("type") == INCOMING:
            return Author.CUSTOMER
        robots = {ROBOT, *self.options.bot_user_ids}
        return Author.BOT if str(row.get("created_by") or ROBOT) in robots else Author.EMPLOYEE

    def _chat(self, talk_id: str | None, contact_id: str | None, place: _Place) -> str:
        """Return the chat of a talk, else the contact's only one; "" where neither can be told."""
        key = f"t{talk_id}" if talk_id else f"c{contact_id}"
        if key in place.chats or (talk_id is None and contact_id is None):
            return place.chats.get(key, "")
        if place.lookups == MAX_LOOKUPS:
            raise _TooManyLookups
        place.lookups += 1
        if talk_id:
            found = opaque_id((read_talk(self.api, talk_id) or {}).get("chat_id")) or ""
        else:
            found = self._only_chat(str(contact_id))
        place.chats[key] = found
        return found

    def _only_chat(self, contact_id: str) -> str:
        body = self.api.get("/api/v4/contacts/chats", [("contact_id", number(contact_id))]) or {}
        chats = {each for row in embedded(body, "chats") if (each := opaque_id(row.get("chat_id")))}
        return chats.pop() if len(chats) == 1 else ""


def _said(row: Json) -> Json:
    for each in row.get("value_after") or ():
        message = each.get("message") if isinstance(each, dict) else None
        if isinstance(message, dict):
            return message
    return {}


def _contact(row: Json) -> str | None:
    if row.get("entity_type") == "contact":
        return number_id(row.get("entity_id"))
    inner = row.get("_embedded")
    entity = inner.get("entity") if isinstance(inner, dict) else None
    return number_id(entity.get("linked_talk_contact_id")) if isinstance(entity, dict) else None


def _second(row: Json) -> int:
    return int(unix_time(row.get("created_at"), datetime.fromtimestamp(0, UTC)).timestamp())
