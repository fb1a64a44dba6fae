"""What was said in a chat, as far as the account lets it be seen: by the talk's messages, else by the event list.

Follows Kommo's GET /api/v4/talks/{id}/messages (texts and authors; needs the scope "External chat history") and
GET /api/v4/events with `outgoing_chat_message` (no texts; found by the contact, although its rows name the lead).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import PAGE, number
from dealtalk.crm.amocrm.deal import main_contact, read_talk
from dealtalk.crm.amocrm.errors import Refused, ScopeMissing, Unpaid
from dealtalk.crm.amocrm.options import History

if TYPE_CHECKING:
    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.crm.http import Params
    from dealtalk.crm.reply_ways import ReplyWays
    from dealtalk.messages import Chat

ROBOT = "0"
READING = "talk_messages"
"""What the closed reading of talks is remembered by."""

MAX_PAGES = 3
EVENTS_PAGE = 100
"""The vendor's maximum for a page of events."""


@dataclass(frozen=True, slots=True)
class Said:
    """An outgoing message. `text` is None where only its event can be read; `at` has the CRM's whole seconds."""

    at: datetime
    by_person: bool
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Outgoing messages of a chat. `complete`: none of the wanted time is missing and texts are known."""

    messages: tuple[Said, ...]
    complete: bool


@dataclass(slots=True)
class ChatHistory:
    """Looks up what our side wrote, for one connection; `ways` remembers that talks may not be read."""

    api: Api
    options: AmocrmOptions
    connection: str
    ways: ReplyWays

    def outgoing(self, chat: Chat, deal_id: str | None, since: datetime) -> Seen | None:
        """Return what our side wrote into the chat since `since`; None where neither messages nor events are shown.

        One call, more where a long talk has further pages or the contact has to be found.
        """
        seen = None
        if self.options.poll_with is History.TALKS and chat.talk_id:
            seen = self._by_talk(chat.talk_id, since)
            if seen is not None and seen.complete:
                return seen
        contact = chat.contact_id or _contact(self.api, chat, deal_id)
        if contact is None:
            return seen
        events = _by_events(self.api, contact, chat.talk_id, since, self.options)
        return Seen((*(seen.messages if seen else ()), *events.messages), complete=False)

    @property
    def readable(self) -> bool:
        """Whether texts may be looked up in talks, as far as is known."""
        return self.options.poll_with is History.TALKS and not self.ways.closed(self.connection, READING, "")

    def rows(self, talk_id: str, since: datetime) -> list[Json] | None:
        """Return a talk's messages since `since` as the CRM lists them; None where they may not be read."""
        found = self._read(talk_id, since) if self.readable else None
        return found[0] if found else None

    def _by_talk(self, talk_id: str, since: datetime) -> Seen | None:
        found = self._read(talk_id, since)
        if found is None:
            return None
        outgoing = (row for row in found[0] if row.get("type") == "outgoing")
        return Seen(tuple(_message(row, self.options) for row in outgoing), complete=found[1])

    def _read(self, talk_id: str, since: datetime) -> tuple[list[Json], bool] | None:
        if self.ways.closed(self.connection, READING, talk_id):
            return None
        try:
            return _rows(self.api, talk_id, since)
        except (ScopeMissing, Unpaid):
            self.ways.close(self.connection, READING, "scope")
        except Refused:
            self.ways.close(self.connection, READING, "refused", talk=talk_id)
        return None


def _rows(api: Api, talk_id: str, since: datetime) -> tuple[list[Json], bool]:
    """Return the talk's messages since `since`, at most three pages, and whether these are all.

    The vendor does not say in which order they come; where they come newest first, older pages are left alone.
    """
    path, found = f"/api/v4/talks/{number(talk_id)}/messages", []
    for page in range(1, MAX_PAGES + 1):
        rows, more = api.page(path, "messages", [("limit", PAGE), ("page", page)])
        found += [row for row in rows if _at(row) >= since]
        if not more or (_at(rows[-1]) < since and _at(rows[-1]) <= _at(rows[0])):
            return found, True
    return found, False


def _by_events(api: Api, contact: str, talk_id: str | None, since: datetime, options: AmocrmOptions) -> Seen:
    query: Params = [
        ("filter[type][]", "outgoing_chat_message"),
        ("filter[entity][]", "contact"),
        ("filter[entity_id][]", number(contact)),
        ("filter[created_at][from]", int(since.timestamp())),
        ("limit", EVENTS_PAGE),
    ]
    rows, _ = api.page("/api/v4/events", "events", query)
    mine = [row for row in rows if _talk_of(row) in {None, talk_id} or talk_id is None]
    return Seen(tuple(_event(row, options) for row in mine if _at(row) >= since), complete=False)


def _contact(api: Api, chat: Chat, deal_id: str | None) -> str | None:
    if chat.talk_id:
        talk = read_talk(api, chat.talk_id) or {}
        if talk.get("contact_id"):
            return str(talk["contact_id"])
    if deal_id is None:
        return None
    return main_contact(api.get(f"/api/v4/leads/{number(deal_id)}", [("with", "contacts")]) or {})


def _message(row: Json, options: AmocrmOptions) -> Said:
    author = row.get("author")
    author = author if isinstance(author, dict) else {}
    by_person = author.get("type") == "internal" and str(author.get("user_id", "")) not in options.bot_user_ids
    return Said(_at(row), by_person=by_person, text=str(row.get("text") or ""))


def _event(row: Json, options: AmocrmOptions) -> Said:
    return Said(_at(row), by_person=str(row.get("created_by") or ROBOT) not in {ROBOT, *options.bot_user_ids})


def _talk_of(row: Json) -> str | None:
    """Return the talk that an event names, as Kommo's events do."""
    for each in row.get("value_after") or ():
        message = each.get("message") if isinstance(each, dict) else None
        if isinstance(message, dict) and message.get("talk_id") is not None:
            return str(message["talk_id"])
    return None


def _at(row: Json) -> datetime:
    try:
        return datetime.fromtimestamp(int(str(row.get("created_at"))), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
