"""Which CRM item a deal's id means: a deal, or a lead that is worked with as one; a contact where notes go only."""

from __future__ import annotations

from dataclasses import dataclass

from dealtalk.crm.bitrix24.api import number
from dealtalk.crm.bitrix24.entity import CONTACT, LEAD

LEADS = "leads"
"""The id of the pipeline that leads are shown in."""

CONTACT_TYPE = 3


@dataclass(frozen=True, slots=True)
class Item:
    """A lead, a deal or a contact: `type_id` as crm.item.* wants it, `owner` as timeline comments do."""

    type_id: int
    id: int
    owner: str

    @property
    def is_lead(self) -> bool:
        """Return whether it is a lead."""
        return self.type_id == 1

    @property
    def get(self) -> dict[str, object]:
        """The parameters of crm.item.get."""
        return {"entityTypeId": self.type_id, "id": self.id, "useOriginalUfNames": "Y"}


def item_of(deal_id: str) -> Item:
    """Return the item. Raises Permanent where the id is of no such kind."""
    if deal_id.startswith(LEAD):
        return Item(1, number(deal_id.removeprefix(LEAD)), "lead")
    if deal_id.startswith(CONTACT):
        return Item(CONTACT_TYPE, number(deal_id.removeprefix(CONTACT)), "contact")
    return Item(2, number(deal_id), "deal")
