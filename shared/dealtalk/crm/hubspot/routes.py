"""Where a reply goes: the channel and the correspondent of a message, kept as a chat's `route`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dealtalk.crm.hubspot.api import Json

MAIL = "HS_EMAIL_ADDRESS"
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Route:
    """The channel of the customer's newest message, and who wrote it."""

    channel: str
    account: str
    actor: str
    identifiers: tuple[tuple[str, str], ...] = ()
    subject: str = ""

    def as_text(self) -> str:
        """Return the route as a chat keeps it."""
        return json.dumps([self.channel, self.account, self.actor, list(self.identifiers), self.subject])

    @classmethod
    def from_text(cls, text: str | None) -> Route | None:
        """Return the route of a chat; None where it has none."""
        if not text:
            return None
        channel, account, actor, identifiers, subject = json.loads(text)
        return cls(channel, account, actor, tuple((kind, value) for kind, value in identifiers), subject)

    @classmethod
    def of_row(cls, row: Json) -> Route | None:
        """Return the route by which an incoming message came; None where it names no channel."""
        channel, account = row.get("channelId"), row.get("channelAccountId")
        sender = first_sender(row)
        if not channel or not account or not sender.get("actorId"):
            return None
        given = sender.get("deliveryIdentifier")
        identifiers: tuple[tuple[str, str], ...] = ()
        if isinstance(given, dict) and given.get("type") and given.get("value"):
            identifiers = ((str(given["type"]), str(given["value"])),)
        subject = str(row.get("subject") or "")[:LONGEST_SUBJECT]
        return cls(str(channel), str(account), str(sender["actorId"]), identifiers, subject)

    def message(self, text: str, sender: str) -> Json:
        """Return the body that sends a text back along the route."""
        recipient: dict[str, Any] = {
            "actorId": self.actor,
            "deliveryIdentifiers": [{"type": kind, "value": value} for kind, value in self.identifiers],
        }
        body: Json = {
            "type": "MESSAGE",
            "text": text,
            "attachments": [],
            "recipients": [recipient],
            "senderActorId": sender,
            "channelId": self.channel,
            "channelAccountId": self.account,
        }
        if any(kind == MAIL for kind, _ in self.identifiers):
            recipient["recipientField"] = "TO"
            answered = self.subject if self.subject.lower().startswith("re:") else f"Re: {self.subject}".strip()
            body["subject"] = answered
        return body


def first_sender(row: Json) -> Json:
    """Return who wrote a message: the list has one sender."""
    senders = row.get("senders")
    sender = senders[0] if isinstance(senders, list) and senders else None
    return sender if isinstance(sender, dict) else {}
