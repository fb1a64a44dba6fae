"""Reading an order, and finding the one that a chat belongs to."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dealtalk.crm.retailcrm.api import numeric, objects
from dealtalk.crm.retailcrm.errors import NOT_FOUND, Refused
from dealtalk.crm.retailcrm.fields import read_fields
from dealtalk.crm.retailcrm.options import OrderChoice
from dealtalk.deals import Contact, Deal, Outcome
from dealtalk.errors import CrmUnavailable, DealGone

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from dealtalk.crm.retailcrm.api import Json, V5Api
    from dealtalk.deals import DealSchema
    from dealtalk.messages import Chat


def read_order(v5: V5Api, deal_id: str) -> Json:
    """Return the order's object. Raises DealGone. Follows GET /api/v5/orders/{id}?by=id."""
    try:
        row = v5.get(f"/orders/{numeric(deal_id)}", "order", [("by", "id")])
    except Refused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        row = None
    if not isinstance(row, dict):
        msg = "the order does not exist any more or may not be seen"
        raise DealGone(msg)
    return row


def deal_of(row: Json, schema: DealSchema, zone: ZoneInfo, *, with_contact: bool) -> Deal:
    """Return the deal that an order's object describes. A total of 0 counts as none.

    Raises CrmUnavailable where the object has another shape.
    """
    customer = customer_of(row)
    try:
        total = Decimal(str(row.get("totalSumm") or 0))
        manager = row.get("managerId")
        return Deal(
            id=str(row["id"]),
            title=str(row.get("number") or row["id"]),
            pipeline_id=str(row.get("orderType") or ""),
            stage_id=str(row["status"]),
            responsible_id=str(manager) if manager else None,
            price=total or None,
            tags=tags_of(customer),
            fields=read_fields(row.get("customFields"), schema.fields, zone),
            contact=_contact(row, customer, schema, zone) if with_contact else None,
        )
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        msg = f"RetailCRM answered with an order of another shape ({type(error).__name__})"
        raise CrmUnavailable(msg) from None


def customer_of(row: Json) -> Json:
    """Return the order's customer; empty where it shows none."""
    customer = row.get("customer")
    return customer if isinstance(customer, dict) else {}


def tags_of(customer: Json) -> tuple[str, ...]:
    """Return a customer's tags, which are objects or plain names."""
    tags = customer.get("tags")
    named = [tag.get("name") if isinstance(tag, dict) else tag for tag in tags] if isinstance(tags, list) else []
    return tuple(str(tag) for tag in named if tag)


def find_order(v5: V5Api, chat: Chat, schema: Callable[[], DealSchema], choice: OrderChoice) -> Json | None:
    """Return the chat's order: the one that is bound to its dialog, else its customer's open one.

    Two calls: the customer by the chat's customer id, then their orders.
    """
    customer = find_customer(v5, chat.contact_id) if chat.contact_id else None
    if customer is None:
        return None
    rows = list(v5.rows("/orders", "orders", [("filter[customerId]", numeric(customer["id"]))], pages=1))
    bound = next((row for row in rows if chat.talk_id and str(row.get("dialogId")) == chat.talk_id), None)
    if bound is not None or not rows:
        return bound
    ended = {stage.id for line in schema().pipelines for stage in line.stages if stage.outcome is not Outcome.OPEN}
    opened = [row for row in rows if str(row.get("status")) not in ended]
    if not opened or (len(opened) > 1 and choice is OrderChoice.ONLY):
        return None
    return max(opened, key=lambda row: (str(row.get("createdAt") or ""), int(row.get("id") or 0)))


def find_customer(v5: V5Api, mg_customer: str) -> Json | None:
    """Return the customer with this id in the chats, None where the CRM has none; one call."""
    wanted = ("filter[mgCustomerId]", numeric(mg_customer))
    customer = next(v5.rows("/customers", "customers", [wanted], pages=1), None)
    return customer if customer is not None and customer.get("id") else None


def items_of(row: Json) -> list[Json]:
    """Return the order's positions."""
    return objects(row.get("items"))


def own_site(row: Json) -> str | None:
    """Return the code of the order's store, which writes must name."""
    site: Any = row.get("site")
    return str(site) if site else None


def _contact(row: Json, customer: Json, schema: DealSchema, zone: ZoneInfo) -> Contact | None:
    if not customer.get("id"):
        return None
    of_order = " ".join(str(row[part]) for part in ("firstName", "lastName") if row.get(part))
    own = " ".join(str(customer[part]) for part in ("firstName", "lastName") if customer.get(part))
    fields = read_fields(customer.get("customFields"), schema.contact_fields, zone)
    return Contact(str(customer["id"]), own or of_order, fields)
