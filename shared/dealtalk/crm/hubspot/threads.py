"""Threads of the inbox: what was said, the reply, and whether a person leads.

Follows developers.hubspot.com/docs/api-reference/legacy/conversations/guide; assigning is of the dated API (2026-09).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.api import MAX_PAGES, path_id
from dealtalk.crm.hubspot.errors import Refused
from dealtalk.crm.hubspot.messages import (
    ASSIGNMENT,
    MESSAGE,
    author_of,
    is_own,
    message_of,
    written_at,
)
from dealtalk.crm.hubspot.routes import Route
from dealtalk.errors import Permanent
from dealtalk.ingress.values import clean_text
from dealtalk.messages import MAX_TEXT, Author, ConversationKey, normalised_hash
from dealtalk.ports import Certainty, ReadMessages, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from dealtalk.crm.hubspot.api import Api, Json
    from dealtalk.crm.hubspot.options import HubspotOptions
    from dealtalk.messages import Chat, InboundMessage

BASE = "/conversations/v3/conversations/threads"
DATED = "/conversations/conversations/2026-09/threads"
PAGE = 100
NOT_FOUND = 404
MOST_WHOLE_TEXTS = 3
"""Messages of one reading whose cut text is fetched: each is a call of its own."""

SKEW = timedelta(seconds=60)
"""HubSpot's clock may be behind ours; a reply is told from another by its words."""

WAY = "thread"


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads of one portal; `crm` and `account` name its conversations."""

    api: Api
    options: HubspotOptions
    crm: str
    account: str

    def read(self, chat: Chat, ids: Sequence[str]) -> ReadMessages:
        """See `ports.MessageReader`: the thread and its newest messages, two calls where one page holds them all.

        What is said in a thread that is spam or archived is said to nobody.
        """
        thread = self.api.find(f"{BASE}/{path_id(chat.chat_id)}")
        if thread is None:
            return ReadMessages()
        wanted = set(ids)
        found: dict[str, Json] = {}
        for row in self._newest(chat, lambda: not wanted - found.keys()):
            if str(row.get("id")) in wanted:
                found[str(row["id"])] = row
        is_closed = bool(thread.get("spam")) or bool(thread.get("archived"))
        contact = thread.get("associatedContactId")
        messages = []
        for row in found.values():
            message = None if is_closed else self._message(chat, row, None if contact is None else str(contact))
            if message is not None:
                messages.append(message)
        messages = self._whole(chat, messages)
        said = {message.id for message in messages}
        leads = self._is_a_persons(thread.get("assignedTo"))
        return ReadMessages(tuple(messages), frozenset(found.keys() - said), person_leads=leads)

    def send(self, chat: Chat, text: str) -> Receipt:
        """See `ports.Crm.send`: by the channel of the customer's newest message, in the name of the bot's user."""
        route = Route.from_text(chat.route) or self._route(chat)
        if route is None:
            msg = "the thread shows no message that could be answered"
            raise Permanent(msg)
        path = f"{BASE}/{path_id(chat.chat_id)}/messages"
        sent = self.api.write("POST", path, route.message(text, self.options.bot_actor))
        message_id = sent.get("id")
        return Receipt(str(message_id) if message_id else None, confirmed=bool(message_id), way=WAY)

    def was_sent(self, chat: Chat, text: str, since: datetime) -> Certainty:
        """See `ports.Crm.was_sent`: by the texts of this app's messages since then."""
        wanted = normalised_hash(text)
        rows, complete = self._since(chat, since - SKEW)
        ours = (row for row in rows if row.get("type") == MESSAGE and is_own(row, self.options))
        if any(normalised_hash(str(row.get("text") or "")) == wanted for row in ours):
            return Certainty.YES
        return Certainty.NO if complete else Certainty.UNKNOWN

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm.employee_wrote`; a thread that a person was given counts as well."""
        rows, _ = self._since(chat, since)
        return any(self._is_takeover(row) for row in rows if written_at(row) > since)

    def leave_to(self, chat: Chat, user_id: str) -> None:
        """Assign the thread to a user; again is harmless."""
        path = f"{DATED}/{path_id(chat.chat_id)}/assignee"
        self.api.write("PUT", path, {"actorId": f"A-{user_id}"})

    def _message(self, chat: Chat, row: Json, contact: str | None) -> InboundMessage | None:
        if row.get("type") != MESSAGE or is_own(row, self.options):
            return None
        author = author_of(row, self.options)
        if author is None:
            return None
        key = ConversationKey.of_chat(self.crm, self.account, chat.chat_id)
        return message_of(row, conversation=key, author=author, thread=chat.chat_id, contact=contact)

    def _whole(self, chat: Chat, messages: list[InboundMessage]) -> list[InboundMessage]:
        """Return the messages, the newest cut ones of the customer with their whole text."""
        cut = [each for each in messages if each.truncated and each.author is Author.CUSTOMER]
        newest = sorted(cut, key=lambda each: each.sent_at)[-MOST_WHOLE_TEXTS:]
        return [self._with_whole_text(chat, each) if each in newest else each for each in messages]

    def _with_whole_text(self, chat: Chat, message: InboundMessage) -> InboundMessage:
        try:
            path = f"{BASE}/{path_id(chat.chat_id)}/messages/{path_id(message.id)}/original-content"
            whole = self.api.find(path) or {}
        except Permanent:
            return message
        text = clean_text(whole.get("text")) or message.text
        return replace(message, text=text[:MAX_TEXT], truncated=len(text) > MAX_TEXT)

    def _is_a_persons(self, actor: object) -> bool:
        """Return whether an assignee is a person: an agent who is not the bot."""
        text = str(actor or "")
        is_person = text.startswith("A-") and text != self.options.bot_actor
        return is_person and self.options.assignment_is_takeover

    def _is_takeover(self, row: Json) -> bool:
        if row.get("type") == ASSIGNMENT:
            return self._is_a_persons(row.get("assignedTo"))
        if row.get("type") != MESSAGE or is_own(row, self.options):
            return False
        return author_of(row, self.options) is Author.EMPLOYEE

    def _route(self, chat: Chat) -> Route | None:
        """Return the way back of the customer's newest message, read anew."""
        for row in self._newest(chat, lambda: False, most=1):
            if row.get("type") == MESSAGE and author_of(row, self.options) is Author.CUSTOMER:
                return Route.of_row(row)
        return None

    def _since(self, chat: Chat, oldest: datetime) -> tuple[list[Json], bool]:
        """Return the rows since `oldest`, newest first, and whether none of that time is left unread."""
        found: list[Json] = []
        complete = True
        for page, more in self.api.pages(self._path(chat), _NEWEST_FIRST, most=3):
            complete = not more
            young = [row for row in page if written_at(row) >= oldest]
            found += young
            if len(young) < len(page):
                return found, True
        return found, complete

    def _newest(self, chat: Chat, enough: Callable[[], bool], *, most: int = MAX_PAGES) -> Iterator[Json]:
        """Yield rows, newest first, page by page, until that is enough."""
        try:
            for page, _ in self.api.pages(self._path(chat), _NEWEST_FIRST, most=most):
                yield from page
                if enough():
                    return
        except Refused as refusal:
            if refusal.status != NOT_FOUND:
                raise

    def _path(self, chat: Chat) -> str:
        return f"{BASE}/{path_id(chat.chat_id)}/messages"


_NEWEST_FIRST = (("sort", "-createdAt"), ("limit", PAGE))
