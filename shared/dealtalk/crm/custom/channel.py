"""Replies through the callback, and what is known of the chat: each reply is noted before it is posted.

So a worker that died in between can be told apart: no note, nothing left this machine; a note that is done, it arrived;
else only the receiver knows, and is asked by `event_status` where it can be asked.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.conversation.state import State, expiry, meta_key, milliseconds
from dealtalk.conversation.table import Put
from dealtalk.crm.custom.callback import EventRefused
from dealtalk.crm.custom.options import Ability
from dealtalk.messages import ConversationKey, normalised_hash, short_hash
from dealtalk.ports import Certainty, Receipt

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key, Table
    from dealtalk.crm.custom.callback import Callback
    from dealtalk.crm.custom.options import CustomOptions
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock

WAY = "callback"
NOTES_DAYS = 3
SKEW = timedelta(seconds=5)
"""How far two workers' clocks may differ."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Channel:
    """Sends for one connection."""

    callback: Callback
    table: Table
    clock: Clock
    connection: Connection
    options: CustomOptions

    def send(self, chat: Chat, text: str) -> Receipt:
        """See `ports.Crm.send`: one call. A reply that was refused or lost is posted again with the id it had."""
        key = self._note_key(chat, text)
        known = self.table.read([key]).get(key, {})
        event_id = uuid.uuid4().hex if known.get("done") or "event_id" not in known else str(known["event_id"])
        self._note(key, event_id, done=False)
        message = {"type": "text", "message_sender": self.options.message_sender, "text": text}
        said = self.callback.post("new_messages", event_id, {"chat_id": chat.chat_id, "new_messages": [message]})
        self._note(key, event_id, done=True)
        ids = said.get("message_ids")
        own = ids[0] if isinstance(ids, list) and ids and isinstance(ids[0], str | int) else event_id
        return Receipt(str(own)[:128], confirmed=True, way=WAY)

    def was_sent(self, chat: Chat, text: str, since: datetime) -> Certainty:
        """See `ports.Crm.was_sent`: asks the receiver only where the note does not tell."""
        key = self._note_key(chat, text)
        note = self.table.read([key]).get(key, {})
        if note.get("at", 0) < milliseconds(since - SKEW):
            return Certainty.NO
        return Certainty.YES if note.get("done") else self.was_taken(str(note["event_id"]))

    def was_taken(self, event_id: str) -> Certainty:
        """Return whether the receiver has taken this event; it is asked where it can be."""
        if Ability.EVENT_STATUS not in self.options.supports:
            return Certainty.UNKNOWN
        taken = self.callback.post("event_status", uuid.uuid4().hex, {"event_ids": [event_id]}).get("taken")
        if not isinstance(taken, list):
            return Certainty.UNKNOWN
        return Certainty.YES if event_id in taken else Certainty.NO

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`: employees' messages come by the webhook alone, so the conversation itself knows."""
        conversation = ConversationKey.of_chat(self.connection.crm, self.connection.account, chat.chat_id)
        key = meta_key(conversation)
        at = State.from_item(conversation, self.table.read([key]).get(key)).employee_at
        return at is not None and at > since

    def call_person(self, chat_id: str, event_id: str, text: str | None) -> bool:
        """Post `person_needed`; return whether the receiver takes such events. Raises as `Callback.post`."""
        if Ability.PERSON_NEEDED not in self.options.supports:
            return False
        try:
            self.callback.post("person_needed", event_id, {"chat_id": chat_id, "text": text})
        except EventRefused:
            # By the public protocol receivers may refuse what they do not know.
            _log.warning("the receiver does not take person_needed")
            return False
        return True

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm`: an event with the same id for the same message of the customer."""
        event_id = short_hash(f"person|{self.connection.partition}|{chat.chat_id}|{chat.route}")
        self.call_person(chat.chat_id, event_id, None)

    def _note(self, key: Key, event_id: str, *, done: bool) -> None:
        now = self.clock.now()
        item: Item = {"event_id": event_id, "at": milliseconds(now), "expires_at": expiry(now, NOTES_DAYS)}
        self.table.write(Put(key, {**item, "done": True} if done else item))

    def _note_key(self, chat: Chat, text: str) -> Key:
        return self.connection.partition, f"SENT#{short_hash(chat.chat_id)}#{normalised_hash(text)}"
