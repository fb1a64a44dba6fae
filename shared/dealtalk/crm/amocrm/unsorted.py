"""The leads that a webhook's unsorted items name for chats.

A customer's first message may come before the lead is accepted: the message then names the contact only, and an
`unsorted[add]` item, perhaps in the same body, names the lead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dealtalk.ingress.values import number_id, opaque_id

if TYPE_CHECKING:
    from dealtalk.ingress.events import Payload
    from dealtalk.messages import Chat


@dataclass(frozen=True, slots=True)
class _UnsortedLead:
    """One item: its lead, and the ids by which it can be recognised, as far as it names them."""

    lead_id: str
    chat_id: str | None
    talk_id: str | None
    contact_id: str | None

    def belongs_to(self, chat: Chat, *, alone: bool) -> bool:
        """Return whether the item is this chat's: by all ids that both name, or, naming none, by being alone."""
        pairs = [(self.chat_id, chat.chat_id), (self.talk_id, chat.talk_id), (self.contact_id, chat.contact_id)]
        both = [(mine, its) for mine, its in pairs if mine and its]
        return all(mine == its for mine, its in both) if both else alone


@dataclass(frozen=True, slots=True)
class UnsortedLeads:
    """The unsorted items of one body."""

    items: tuple[_UnsortedLead, ...]

    @classmethod
    def of(cls, payload: Payload) -> UnsortedLeads:
        """Return the items of `unsorted[add]` that name a lead."""
        group = payload.get("unsorted")
        added = _values(group.get("add")) if isinstance(group, dict) else []
        return cls(tuple(lead for item in added if (lead := _read(item)) is not None))

    def of_chat(self, chat: Chat, *, alone: bool) -> str | None:
        """Return the one lead that these items name for a chat, None where they name none or several.

        `alone`: the body has messages of this chat only.
        """
        leads = {item.lead_id for item in self.items if item.belongs_to(chat, alone=alone)}
        return leads.pop() if len(leads) == 1 else None


def _read(item: object) -> _UnsortedLead | None:
    if not isinstance(item, dict):
        return None
    lead_id = number_id(item.get("lead_id"))
    if lead_id is None:
        return None
    source = item.get("source_data")
    source = source if isinstance(source, dict) else {}
    return _UnsortedLead(
        lead_id=lead_id,
        chat_id=opaque_id(item.get("chat_id")) or opaque_id(source.get("chat_id")),
        talk_id=number_id(item.get("talk_id")) or number_id(source.get("talk_id")),
        contact_id=number_id(item.get("contact_id")) or _only_contact(item.get("data")),
    )


def _only_contact(data: object) -> str | None:
    """Return the id of `data[contacts][0]`, where amoCRM puts the contact of an unsorted item."""
    contacts = _values(data.get("contacts")) if isinstance(data, dict) else []
    return number_id(contacts[0].get("id")) if len(contacts) == 1 and isinstance(contacts[0], dict) else None


def _values(group: Any) -> list[Any]:  # noqa: ANN401 (JSON)
    """Return the elements of a list, or of a form's group with numbers as keys."""
    if isinstance(group, dict):
        return list(group.values())
    return group if isinstance(group, list) else []
