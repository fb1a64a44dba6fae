"""What was said and done in a conversation, in the order of arrival: the items of the timeline as objects."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.conversation.state import KEEP_CONVERSATION_DAYS, entry_key, expiry, milliseconds, moment
from dealtalk.conversation.table import Put
from dealtalk.messages import Attachment, AttachmentKind, Author

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dealtalk.conversation.table import Item
    from dealtalk.messages import ConversationKey, InboundMessage


class EntryKind(StrEnum):
    """What an entry of the timeline is. `CHANGE` rows are the ledger of deal changes."""

    MESSAGE = "message"
    REPLY = "reply"
    CHANGE = "change"
    HANDOFF = "handoff"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    `arrival` is the message's own number, or that of the newest message which the bot had seen. `author` says who wrote
    or did it. `text` of a change says in words what came of it; of a handoff, why. `late`: newer things were said
    before the message was found. `settled`: found after a person had answered; it needs no answer.
    `unread`: that it was written is all that is known.
    """

    kind: EntryKind
    arrival: int
    author: Author
    text: str
    at: datetime
    stored_at: datetime
    message_id: str | None = None
    attachments: tuple[Attachment, ...] = ()
    own_ids: tuple[str, ...] = ()
    late: bool = False
    settled: bool = False
    unread: bool = False

    @property
    def is_customers(self) -> bool:
        """Whether a customer wrote it."""
        return self.kind is EntryKind.MESSAGE and self.author is Author.CUSTOMER


def entry_from_item(item: Item) -> Entry:
    """Return the entry of a timeline item."""
    at = moment(item.get("sent_at") or item["at"])
    return Entry(
        kind=EntryKind(item["kind"]),
        arrival=item["arrival"],
        author=Author(item.get("author", Author.BOT)),
        text=item.get("text", ""),
        at=at,
        stored_at=moment(item["arrived_at"]) if "arrived_at" in item else at,
        message_id=item.get("message_id"),
        attachments=tuple(
            Attachment(AttachmentKind(a["kind"]), a.get("url"), a.get("file_name")) for a in item.get("attachments", ())
        ),
        own_ids=tuple(item.get("own_ids", ())),
        late=item.get("late", False),
        settled=item.get("settled", False),
        unread=item.get("unread", False),
    )


def message_item(arrival: int, message: InboundMessage, *, stored_at: datetime, now: datetime) -> Item:
    """Return a message as the timeline holds it; `stored_at` is when its number was given."""
    return {
        "kind": EntryKind.MESSAGE.value,
        "arrival": arrival,
        "message_id": message.id,
        "author": message.author.value,
        "author_name": message.author_name,
        "text": message.text,
        "truncated": message.truncated or None,
        "attachments": [{"kind": a.kind.value, "url": a.url, "file_name": a.file_name} for a in message.attachments],
        "pending": message.pending or None,
        "unread": message.unread or None,
        "sent_at": milliseconds(message.sent_at),
        "arrived_at": milliseconds(stored_at),
        "expires_at": expiry(now, KEEP_CONVERSATION_DAYS),
    }


def read_entries(items: Sequence[Item], *, up_to: int, now: datetime, after: int = 0) -> list[Entry]:
    """Return the entries whose arrival numbers are over `after` and up to `up_to`.

    Expired ones, echoes of our own replies and messages that are still to be read are left out.
    """
    heard = [item for item in items if not item.get("pending")]
    alive = [item for item in heard if item.get("expires_at", now.timestamp() + 1) > now.timestamp()]
    entries = [entry_from_item(item) for item in alive if after < item["arrival"] <= up_to]
    own = {message_id for entry in entries for message_id in entry.own_ids}
    return [entry for entry in entries if entry.message_id not in own]


@dataclass(frozen=True, slots=True)
class Done:
    """What the bot did in a step, to be put into the timeline. `details` are the ledger's further attributes."""

    kind: EntryKind
    step: str
    text: str
    details: Item

    def put(self, conversation: ConversationKey, *, arrival: int, turn: int, now: datetime) -> Put:
        """Return the write."""
        item: dict[str, Any] = {
            "kind": self.kind.value,
            "arrival": arrival,
            "author": Author.BOT.value,
            "text": self.text,
            "turn": turn,
            "at": milliseconds(now),
            "expires_at": expiry(now, KEEP_CONVERSATION_DAYS),
            **self.details,
        }
        return Put(entry_key(conversation, arrival, turn, self.step), item)
