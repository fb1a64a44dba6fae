"""What was already said when a message is found late: its place among messages that came before it.

A webhook brings a message when it was written; the CRM's history may bring it after newer ones were answered. Times
that are compared here are the CRM's own, of messages of one chat; only when a conversation was forgotten is our time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dealtalk.conversation.timeline import EntryKind
from dealtalk.messages import Author, normalised_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dealtalk.conversation.timeline import Entry
    from dealtalk.messages import InboundMessage

ENTRIES = 100
"""How many of a conversation's newest entries a found message is placed among."""

PEOPLE = frozenset({Author.EMPLOYEE, Author.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Past:
    """A conversation's newest entries, and when it was forgotten, if it was."""

    entries: Sequence[Entry]
    forgotten_at: datetime | None = None

    def is_forgotten(self, message: InboundMessage) -> bool:
        """Return whether the message is part of what was to be forgotten."""
        return self.forgotten_at is not None and message.sent_at <= self.forgotten_at

    def is_late(self, message: InboundMessage) -> bool:
        """Return whether something that was written after the message is stored already, or was sent by the bot."""
        return any(entry.at > message.sent_at for entry in self.entries if entry.kind in _SPOKEN)

    def has_newer_customers(self, message: InboundMessage) -> bool:
        """Return whether a message that the customer wrote later is stored already."""
        return any(entry.is_customers and entry.at > message.sent_at for entry in self.entries)

    def is_settled(self, message: InboundMessage) -> bool:
        """Return whether a person wrote to the customer after this message: they had it before their eyes."""
        return any(
            entry.kind is EntryKind.MESSAGE and entry.author in PEOPLE and entry.at > message.sent_at
            for entry in self.entries
        )

    def is_our_reply(self, message: InboundMessage) -> bool:
        """Return whether an outgoing message is a reply of ours that went by a way that returned no id."""
        wanted, text = normalised_hash(message.text), _plain(message.text)
        return any(
            wanted == normalised_hash(entry.text)
            or (message.author is Author.BOT and bool(text) and text in _plain(entry.text))
            for entry in self.entries
            if entry.kind is EntryKind.REPLY and not entry.own_ids
        )

    def covers(self, message: InboundMessage) -> int | None:
        """Return up to which arrival number an employee's message answers the customer; None: all that has arrived.

        What the customer wrote after it stays unanswered, although it arrived before.
        """
        later = [each.arrival for each in self.entries if each.is_customers and each.at > message.sent_at]
        return min(later) - 1 if later else None


_SPOKEN = frozenset({EntryKind.MESSAGE, EntryKind.REPLY})


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
