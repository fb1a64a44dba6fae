"""The leads that a webhook's unsorted items name for chats.

A customer's first message may come before the lead is accepted: the message then names the contact only, and an
`unsorted[add]` item, perhaps in the same body, names the lead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.ingress.values import number_id, opaque_id

if TYPE_CHECKING:
    from dealtalk.ingress.events import Payload
    from dealtalk.messages import Chat

    Ids = tuple[str | None, str | None, str | None]
    """Of chat, talk and contact, as far as they are named."""


class UnsortedLeads:
    """The unsorted items of one body that name a lead."""

    def __init__(self, payload: Payload) -> None:
        group = payload.get("unsorted")
        items = _values(group.get("add")) if isinstance(group, dict) else []
        self._leads = [
            (lead, _ids(item)) for item in items if isinstance(item, dict) and (lead := number_id(item.get("lead_id")))
        ]

    def of_chat(self, chat: Chat, *, alone: bool) -> str | None:
        """Return the one lead that these items name for a chat, None where they name none or several.

        An item is a chat's by all ids that both name; one that names none of them only where the body has messages of
        this chat `alone`.
        """
        wanted = (chat.chat_id, chat.talk_id, chat.contact_id)
        leads = {lead for lead, ids in self._leads if _agree(ids, wanted, otherwise=alone)}
        return leads.pop() if len(leads) == 1 else None


def _agree(ids: Ids, wanted: Ids, *, otherwise: bool) -> bool:
    both = [(mine, its) for mine, its in zip(ids, wanted, strict=True) if mine and its]
    return all(mine == its for mine, its in both) if both else otherwise


def _ids(item: dict[str, Any]) -> Ids:
    source = item.get("source_data")
    source = source if isinstance(source, dict) else {}
    return (
        opaque_id(item.get("chat_id")) or opaque_id(source.get("chat_id")),
        number_id(item.get("talk_id")) or number_id(source.get("talk_id")),
        number_id(item.get("contact_id")) or _only_contact(item.get("data")),
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
