"""Reading a deal (the vendor's lead) and finding the one that a chat belongs to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import embedded, number
from dealtalk.crm.amocrm.errors import Refused
from dealtalk.crm.amocrm.fields import read_fields
from dealtalk.crm.amocrm.schema import OUTCOMES
from dealtalk.deals import Contact, Deal
from dealtalk.errors import CrmUnavailable, DealGone

if TYPE_CHECKING:
    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.messages import Chat

NOT_FOUND = 404
MAX_LEADS = 50
"""Leads of one contact that are looked at; more are ambiguous anyway."""


def read_deal(api: Api, deal_id: str, *, with_contact: bool) -> Deal:
    """Return the deal as it is now. Raises DealGone. One call, two with the contact.

    Follows GET /api/v4/leads/{id}: 204 with an empty body means that there is none.
    """
    try:
        row = api.get(f"/api/v4/leads/{number(deal_id)}", [("with", "contacts")])
    except Refused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        row = None
    if row is None or row.get("is_deleted"):
        msg = "the deal does not exist any more or may not be seen"
        raise DealGone(msg)
    contact = main_contact(row) if with_contact else None
    found = read_contact(api, contact) if contact else None
    try:
        return deal_of(row, found)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        msg = f"amoCRM answered with a lead of another shape ({type(error).__name__})"
        raise CrmUnavailable(msg) from None


def deal_of(row: Json, contact: Contact | None = None) -> Deal:
    """Return the deal that a lead's object describes. The vendor shows an unset amount as 0: both are None."""
    price = Decimal(str(row.get("price") or 0))
    responsible = row.get("responsible_user_id")
    return Deal(
        id=str(row["id"]),
        title=str(row.get("name") or ""),
        pipeline_id=str(row["pipeline_id"]),
        stage_id=str(row["status_id"]),
        responsible_id=str(responsible) if responsible else None,
        price=price or None,
        tags=tuple(str(tag["name"]) for tag in embedded(row, "tags") if tag.get("name")),
        fields=read_fields(row.get("custom_fields_values")),
        contact=contact,
    )


def main_contact(row: Json) -> str | None:
    """Return the id of a lead's main contact."""
    contacts = embedded(row, "contacts")
    main = next((each for each in contacts if each.get("is_main")), contacts[0] if contacts else None)
    return str(main["id"]) if main else None


def read_contact(api: Api, contact_id: str) -> Contact | None:
    """Return the contact, None where it is gone or may not be seen."""
    try:
        row = api.get(f"/api/v4/contacts/{number(contact_id)}")
    except Refused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        return None
    if row is None:
        return None
    return Contact(str(row["id"]), str(row.get("name") or ""), read_fields(row.get("custom_fields_values")))


def read_talk(api: Api, talk_id: str) -> Json | None:
    """Return the conversation, None where it is gone. Follows GET /api/v4/talks/{id}."""
    try:
        return api.get(f"/api/v4/talks/{number(talk_id)}")
    except Refused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        return None


def find_deal(api: Api, chat: Chat, *, from_contact: bool) -> str | None:
    """Return the chat's deal: the one that its message or its talk names, else its contact's only open one.

    A talk can move to another lead, so nothing is remembered here. More than one open lead is ambiguous: None.
    """
    if chat.deal_id:
        return chat.deal_id
    contact = chat.contact_id
    if chat.talk_id:
        talk = read_talk(api, chat.talk_id) or {}
        if talk.get("entity_type") == "lead" and talk.get("entity_id"):
            return str(talk["entity_id"])
        contact = contact or (str(talk["contact_id"]) if talk.get("contact_id") else None)
    return _only_open_lead(api, contact) if contact and from_contact else None


def _only_open_lead(api: Api, contact_id: str) -> str | None:
    row = api.get(f"/api/v4/contacts/{number(contact_id)}", [("with", "leads")]) or {}
    leads = [str(each["id"]) for each in embedded(row, "leads")]
    if not leads or len(leads) > MAX_LEADS:
        return None
    found, _ = api.page("/api/v4/leads", "leads", [*(("filter[id][]", lead) for lead in leads), ("limit", MAX_LEADS)])
    opened = [
        str(lead["id"]) for lead in found if str(lead.get("status_id")) not in OUTCOMES and not lead.get("is_deleted")
    ]
    return opened[0] if len(opened) == 1 else None
