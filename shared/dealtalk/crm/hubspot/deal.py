"""Reading a deal, and finding the one that a thread's contact is asking about."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.api import path_id, rows
from dealtalk.crm.hubspot.fields import read_value
from dealtalk.deals import Contact, Deal
from dealtalk.errors import DealGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.crm.hubspot.api import Api, Json
    from dealtalk.crm.hubspot.options import HubspotOptions
    from dealtalk.deals import FieldSchema
    from dealtalk.messages import Chat

OBJECTS = "/crm/v3/objects"
ASKED = ("dealname", "pipeline", "dealstage", "amount", "hubspot_owner_id", "hs_is_closed", "createdate")
OWNER = "hubspot_owner_id"
CONTACT_PROPERTIES = ("email", "phone", "firstname", "lastname", "lifecyclestage")
MOST_DEALS = 100
LONGEST_QUERY = 4000
"""Characters of asked-for properties that go into a path; more are asked for in a body."""


@dataclass(slots=True)
class Deals:
    """The deals of one portal in one turn. What was read a moment ago, to find the deal, is not read again."""

    api: Api
    options: HubspotOptions
    fields: Sequence[FieldSchema]
    _found: dict[str, Json] = field(default_factory=dict)
    _contacts: dict[str, Json] = field(default_factory=dict)

    def find(self, chat: Chat) -> str | None:
        """Return the newest open deal of the chat's contact in the configured pipelines; two calls, one without any.

        A thread of a visitor who is no contact yet has none.
        """
        if chat.deal_id:
            return chat.deal_id
        if chat.contact_id is None:
            return None
        contact = self._read_contact(chat.contact_id, with_deals=True)
        if contact is None:
            return None
        linked = sorted(_linked(contact), key=lambda deal: (len(deal), deal))[-MOST_DEALS:]
        if not linked:
            return None
        found = [row for row in self._batch(linked) if self._is_ours(row)]
        if not found:
            return None
        newest = max(found, key=lambda row: (str(row["properties"].get("createdate")), str(row["id"])))
        self._found[str(newest["id"])] = newest
        self._contacts[str(newest["id"])] = contact
        return str(newest["id"])

    def read(self, deal_id: str, *, with_contact: bool) -> Deal:
        """Return the deal as it is now. Raises DealGone."""
        row = self._found.pop(deal_id, None) or self._row(deal_id)
        if row is None or row.get("archived"):
            msg = "the deal does not exist any more or may not be seen"
            raise DealGone(msg)
        return self.deal_of(row, self._contact(deal_id) if with_contact else None)

    def owner_of_contact(self, contact_id: str) -> str | None:
        """Return the id of a contact's owner; None where it has none. Raises DealGone without such a contact."""
        row = self._read_contact(contact_id, with_deals=False)
        if row is None:
            msg = "the contact does not exist any more or may not be seen"
            raise DealGone(msg)
        return _properties(row).get(OWNER)

    def deal_of(self, row: Json, contact: Contact | None = None) -> Deal:
        """Return the deal that an object describes."""
        properties = _properties(row)
        values = {each.id: read_value(each, properties[each.id]) for each in self.fields if properties.get(each.id)}
        tags = values.pop(self.options.tags_property, None) if self.options.tags_property else None
        return Deal(
            id=str(row["id"]),
            title=properties.get("dealname", ""),
            pipeline_id=properties.get("pipeline", ""),
            stage_id=properties.get("dealstage", ""),
            responsible_id=properties.get("hubspot_owner_id") or None,
            price=_amount(properties.get("amount")),
            tags=tags if isinstance(tags, tuple) else (),
            fields={name: value for name, value in values.items() if value is not None},
            contact=contact,
        )

    def _names(self) -> list[str]:
        return [*ASKED, *(each.id for each in self.fields)]

    def _row(self, deal_id: str) -> Json | None:
        names = ",".join(self._names())
        if len(names) > LONGEST_QUERY:
            return next(iter(self._batch([path_id(deal_id)])), None)
        return self.api.find(f"{OBJECTS}/deals/{path_id(deal_id)}", [("properties", names)])

    def _batch(self, ids: Sequence[str]) -> list[Json]:
        asked = {"inputs": [{"id": each} for each in ids], "properties": self._names()}
        return rows(self.api.ask(f"{OBJECTS}/deals/batch/read", asked))

    def _is_ours(self, row: Json) -> bool:
        properties = _properties(row)
        is_open = properties.get("hs_is_closed", "false") != "true"
        return is_open and (not self.options.pipeline_ids or properties.get("pipeline") in self.options.pipeline_ids)

    def _read_contact(self, contact_id: str, *, with_deals: bool) -> Json | None:
        params = [("properties", ",".join((*CONTACT_PROPERTIES, OWNER)))]
        more = [("associations", "deals")] if with_deals else []
        return self.api.find(f"{OBJECTS}/contacts/{path_id(contact_id)}", [*params, *more])

    def _contact(self, deal_id: str) -> Contact | None:
        row = self._contacts.get(deal_id)
        if row is None:
            linked = rows(self.api.find(f"/crm/v4/objects/deals/{path_id(deal_id)}/associations/contacts") or {})
            row = self._read_contact(str(linked[0]["toObjectId"]), with_deals=False) if linked else None
        if row is None:
            return None
        properties = _properties(row)
        name = f"{properties.get('firstname', '')} {properties.get('lastname', '')}".strip()
        shown = {name: value for name, value in properties.items() if name in CONTACT_PROPERTIES}
        return Contact(str(row["id"]), name, dict(shown))


def _properties(row: Json) -> dict[str, str]:
    """Return the properties that are set."""
    given = row.get("properties")
    pairs = given.items() if isinstance(given, dict) else ()
    return {str(name): str(value) for name, value in pairs if value is not None and value != ""}


def _linked(contact: Json) -> list[str]:
    associations = contact.get("associations")
    deals = associations.get("deals") if isinstance(associations, dict) else None
    return list(
        dict.fromkeys(str(each["id"]) for each in rows(deals if isinstance(deals, dict) else {}) if "id" in each)
    )


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = Decimal(text or 0)
    except InvalidOperation:
        return None
    return amount if amount and amount.is_finite() else None
