"""Reading a deal (or a lead that is worked with as one) and finding the one that a chat belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.api import Command, number
from dealtalk.crm.bitrix24.entity import read_links
from dealtalk.crm.bitrix24.errors import Refused
from dealtalk.crm.bitrix24.fields import read_value
from dealtalk.crm.bitrix24.items import CONTACT_TYPE, LEADS, item_of
from dealtalk.crm.bitrix24.schema import CONTACT_FIELDS, DEAL_FIELDS, custom_fields
from dealtalk.deals import Contact, Deal
from dealtalk.errors import CrmUnavailable, DealGone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dealtalk.crm.bitrix24.api import Api, Batch, Json
    from dealtalk.crm.bitrix24.options import BitrixOptions
    from dealtalk.deals import FieldSchema, FieldValue
    from dealtalk.messages import Chat

GONE = frozenset({"NOT_FOUND", "ACCESS_DENIED", ""})
"""Codes of an item that does not exist or may not be seen; older pages show none at all."""

NOWHERE = "the deal does not exist any more or may not be seen"


@dataclass(slots=True)
class Deals:
    """Reads deals for one turn; what the portal said of its fields is kept, so that it is asked once.

    Lists are stored as numbers, so a deal cannot be read without the fields' options: they come in the same request.
    """

    api: Api
    options: BitrixOptions
    fields: tuple[FieldSchema, ...] | None = None
    contact_fields: tuple[FieldSchema, ...] | None = None
    responsible: dict[str, str | None] = field(default_factory=dict)
    currency: dict[str, str] = field(default_factory=dict)

    def read(self, deal_id: str, *, with_contact: bool) -> Deal:
        """Return the deal as it is now, one call. Raises DealGone."""
        return self.read_from(self.api.batch(self.commands(deal_id, with_contact=with_contact)), deal_id)

    def person(self, place: str) -> str | None:
        """Return whose the deal, lead or contact is, read where that is not known; None: nobody's. Raises DealGone."""
        if place not in self.responsible:
            answer = self.read_item(place)
            self.responsible[place] = str(answer["assignedById"]) if answer.get("assignedById") else None
        return self.responsible[place]

    def read_item(self, place: str) -> Json:
        """Return an item as the portal shows it. Raises DealGone."""
        try:
            answer = self.api.read("crm.item.get", item_of(place).get)
        except Refused as refusal:
            if refusal.code in GONE:
                raise DealGone(NOWHERE) from None
            raise
        row = answer.get("item") if isinstance(answer, dict) else None
        return row if isinstance(row, dict) else {}

    def commands(self, deal_id: str, *, with_contact: bool = False) -> dict[str, Command]:
        """Return the commands of a batch that reads the deal."""
        commands = {"deal": Command("crm.item.get", item_of(deal_id).get)}
        if self.fields is None:
            commands["fields"] = DEAL_FIELDS
        if with_contact:
            contact = {"entityTypeId": CONTACT_TYPE, "id": "$result[deal][item][contactId]", "useOriginalUfNames": "Y"}
            commands["contact"] = Command("crm.item.get", contact)
            if self.contact_fields is None:
                commands["contact_fields"] = CONTACT_FIELDS
        return commands

    def read_from(self, batch: Batch, deal_id: str) -> Deal:
        """Return the deal that a batch of `commands` read. Raises DealGone."""
        try:
            answer = batch.need("deal")
        except Refused as refusal:
            if refusal.code in GONE:
                raise DealGone(NOWHERE) from None
            raise
        if self.fields is None:
            self.fields = custom_fields(batch.need("fields"))
        if "contact_fields" in batch.results:
            self.contact_fields = custom_fields(batch.results["contact_fields"])
        try:
            return self._deal(deal_id, answer["item"], _contact(batch, self.contact_fields or ()))
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            msg = f"Bitrix24 answered with a deal of another shape ({type(error).__name__})"
            raise CrmUnavailable(msg) from None

    def _deal(self, deal_id: str, row: Json, contact: Contact | None) -> Deal:
        """Return the deal of an item. The vendor shows an unset amount as 0: both are None."""
        lead = item_of(deal_id).is_lead
        price = Decimal(str(row.get("opportunity") or 0))
        responsible = str(row["assignedById"]) if row.get("assignedById") else None
        tags = row.get(self.options.tags_field) if self.options.tags_field else None
        self.responsible[deal_id] = responsible
        self.currency[deal_id] = str(row.get("currencyId") or self.options.currency)
        return Deal(
            id=deal_id,
            title=str(row.get("title") or ""),
            pipeline_id=LEADS if lead else str(row["categoryId"]),
            stage_id=str(row["stageId"]),
            responsible_id=responsible,
            price=price or None,
            tags=tuple(str(tag) for tag in tags if tag) if isinstance(tags, list) else (),
            fields={} if lead else values_of(row, self.fields or (), but=self.options.tags_field),
            contact=contact,
        )


def values_of(row: Mapping[str, Any], known: Iterable[FieldSchema], *, but: str | None = None) -> dict[str, FieldValue]:
    """Return the values of custom fields by field id; what is empty or unreadable is left out."""
    found: dict[str, FieldValue] = {}
    for each in known:
        value = read_value(each, row.get(each.id)) if each.id != but else None
        if value is not None and value not in {"", ()}:
            found[each.id] = value
    return found


def find_deal(api: Api, chat: Chat, options: BitrixOptions) -> str | None:
    """Return the chat's deal: the one that its message named, else the one that the dialog is tied to by now."""
    if chat.deal_id:
        return chat.deal_id
    try:
        dialog = api.read("imopenlines.dialog.get", {"CHAT_ID": number(chat.chat_id)})
    except Refused:
        return None
    said = dialog if isinstance(dialog, dict) else {}
    links = read_links(str(said.get("entity_data_1") or ""), str(said.get("entity_data_2") or ""))
    return links.deal_id(leads=options.lead_pipeline is not None)


def _contact(batch: Batch, known: Iterable[FieldSchema]) -> Contact | None:
    answer = batch.results.get("contact")
    row = answer.get("item") if isinstance(answer, dict) else None
    if not isinstance(row, dict):
        return None
    name = " ".join(str(row.get(part) or "").strip() for part in ("name", "lastName")).strip()
    found = values_of(row, known)
    for kind in ("PHONE", "EMAIL"):
        listed = [each for each in row.get("fm") or () if isinstance(each, dict) and each.get("typeId") == kind]
        if ways := tuple(str(each["value"]) for each in listed if each.get("value")):
            found[kind] = ways
    return Contact(str(row["id"]), name, found)
