"""What is said in a conversation, and the key that tells one conversation from another.

No AWS, no HTTP, no pydantic.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

MAX_TEXT = 20_000
"""Characters of a message that are stored; what is longer is cut and marked `truncated`."""

HASH_DIGITS = 32


def short_hash(value: str) -> str:
    """Return the first 32 hex digits of the SHA-256 of `value`.

    What queues, logs and keys carry instead of the value.
    """
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]


class Author(StrEnum):
    """Who wrote a message. `UNKNOWN` blocks every effect until it is known."""

    CUSTOMER = "customer"
    EMPLOYEE = "employee"
    BOT = "bot"
    UNKNOWN = "unknown"


class AttachmentKind(StrEnum):
    """What a message carries besides its text."""

    PICTURE = "picture"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A reference to a file in the CRM; it is kept, never fetched on the way in."""

    kind: AttachmentKind
    url: str | None = None
    file_name: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """One chat of one CRM account. `id` is a hash, since a chat id may be a phone number."""

    crm: str
    account: str
    id: str

    @classmethod
    def of_chat(cls, crm: str, account: str, chat: str) -> ConversationKey:
        """Return the key of the vendor's chat id `chat`."""
        return cls(crm, account, short_hash(f"{crm}|{account}|{chat}"))

    @property
    def partition(self) -> str:
        """The DynamoDB partition key of all that belongs to this conversation."""
        return f"CONV#{self.crm}#{self.account}#{self.id}"

    @classmethod
    def from_partition(cls, partition: str) -> ConversationKey:
        """Return the key whose `partition` is given. Raises ValueError where it is not one."""
        prefix, crm, account, conversation = partition.split("#")
        if prefix != "CONV":
            msg = "not a conversation's partition key"
            raise ValueError(msg)
        return cls(crm, account, conversation)


@dataclass(frozen=True, slots=True)
class Chat:
    """Where a reply goes: the vendor's ids of a chat, as its newest message named them.

    Ids that it did not name are None. `route` is the adapter's own: what else it needs to reach the chat.
    """

    chat_id: str
    talk_id: str | None = None
    deal_id: str | None = None
    contact_id: str | None = None
    channel: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message as a webhook brought it.

    `id` is the vendor's (the same in every delivery of this message). `outgoing` messages were written by our side: an
    employee, this bot or another one. `sent_at` is the CRM's clock and only orders the prompt. `pending`: the webhook
    brought no more than the id; author (UNKNOWN here), text and the rest of the chat are yet to be read from the CRM.
    `unread`: the CRM's history tells of it and does not show what it says.
    """

    conversation: ConversationKey
    chat: Chat
    id: str
    author: Author
    text: str
    sent_at: datetime
    outgoing: bool = False
    author_id: str | None = None
    author_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    truncated: bool = False
    pending: bool = False
    unread: bool = False


def normalised_hash(text: str) -> str:
    """Return a hash that is equal for texts that differ in white space and case only: how an echo is recognised."""
    return short_hash(" ".join(text.split()).casefold())
