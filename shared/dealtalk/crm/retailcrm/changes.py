"""Writing an order: one edit for all updates, one more for tags, one read-back, each refusal given to its update.

Follows POST /api/v5/orders/{id}/edit and POST /api/v5/customers/{id}/edit. Tags are the customer's: orders have none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from dealtalk.crm.option_values import digits
from dealtalk.crm.readback import after_write, for_all, holds, judge
from dealtalk.crm.retailcrm.api import numeric
from dealtalk.crm.retailcrm.deal import customer_of, items_of, own_site
from dealtalk.crm.retailcrm.errors import NOT_FOUND, Refused
from dealtalk.crm.retailcrm.fields import write_value
from dealtalk.deals import AddTag, Assign, MoveStage, RemoveTag, SetField, SetPrice
from dealtalk.errors import ChangeRefused, DealGone, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dealtalk.crm.retailcrm.api import Json, V5Api
    from dealtalk.crm.retailcrm.errors import Complaint
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.deals import ChangeResult, Deal, DealSchema, DealUpdate

NO_TAGS = "Tags are not used in this account."
SUM_OF_ITEMS = "The CRM adds up this order's amount from its positions: a person must change them."


@dataclass(slots=True)
class _Edit:
    """The two bodies, and which update stands at which place of the first."""

    order: Json = field(default_factory=dict)
    tags: Json = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    tagging: list[int] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)


def update_deal(
    v5: V5Api,
    row: Json,
    deal: Deal,
    updates: Sequence[DealUpdate],
    schema: DealSchema,
    options: RetailcrmOptions,
    read_back: Callable[[], Deal],
) -> list[ChangeResult]:
    """See `ports.Crm.update_deal`: two calls, three with tags. `row` is the order's object as it was read last."""
    edit = _edit(row, deal, updates, schema, options)
    if edit.refusals:
        return judge(deal, deal, updates, schema, for_all(edit.refusals, len(updates)))
    refusals, unknown = _write_order(v5, row, edit, len(updates))
    if not refusals and edit.tags:
        tag_refusals, tags_unknown = _write_tags(v5, row, edit)
        refusals, unknown = refusals | tag_refusals, unknown or tags_unknown
    after = deal if len(refusals) == len(updates) else after_write(read_back)
    left = [update for index, update in enumerate(updates) if index not in refusals]
    if unknown and not all(holds(after, update, schema) for update in left):
        raise unknown
    return judge(deal, after, updates, schema, refusals)


def edit_order(v5: V5Api, row: Json, order: Json) -> None:
    """Send one edit. Raises DealGone, Refused and what a write raises."""
    try:
        v5.post(f"/orders/{numeric(row['id'])}/edit", by="id", site=own_site(row), order=order)
    except Refused as refusal:
        if refusal.status == NOT_FOUND:
            msg = "the order does not exist any more or may not be changed"
            raise DealGone(msg) from None
        raise


def sentence(refusal: Refused) -> str:
    """Return the first thing that a refusal complains about."""
    reason = next((each.text for each in refusal.complaints if each.text), refusal.detail)
    return f"The CRM refused the change: {reason or refusal.status}"


def _write_order(v5: V5Api, row: Json, edit: _Edit, count: int) -> tuple[dict[int, str], OutcomeUnknown | None]:
    if not edit.order:
        return {}, None
    try:
        edit_order(v5, row, edit.order)
    except Refused as refusal:
        return for_all(_refusals(refusal, edit, count), count), None
    except OutcomeUnknown as error:
        return {}, error
    return {}, None


def _write_tags(v5: V5Api, row: Json, edit: _Edit) -> tuple[dict[int, str], OutcomeUnknown | None]:
    customer = customer_of(row)
    path = f"/customers/{numeric(customer['id'])}/edit"
    try:
        if edit.order:
            after_write(lambda: v5.post(path, by="id", site=own_site(row), customer=edit.tags))
        else:
            v5.post(path, by="id", site=own_site(row), customer=edit.tags)
    except Refused as refusal:
        return dict.fromkeys(edit.tagging, sentence(refusal)), None
    except OutcomeUnknown as error:
        return {}, error
    return {}, None


def _edit(row: Json, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema, options: RetailcrmOptions) -> _Edit:
    edit = _Edit()
    for index, update in enumerate(updates):
        try:
            _put(edit, index, update, row, deal, schema, options)
        except ChangeRefused as refusal:
            edit.refusals[index] = str(refusal)
        except ValueError:
            edit.refusals[index] = "The CRM has no such id."
    return edit


def _put(
    edit: _Edit, index: int, update: DealUpdate, row: Json, deal: Deal, schema: DealSchema, options: RetailcrmOptions
) -> None:
    match update:
        case MoveStage(pipeline_id, stage_id):
            edit.order["status"], edit.owners["status"] = stage_id, index
            if pipeline_id != deal.pipeline_id:
                edit.order["orderType"], edit.owners["orderType"] = pipeline_id, index
        case SetPrice(price):
            edit.order["items"], edit.owners["items"] = _items(row, price, options), index
        case SetField(field_id, value):
            known = schema.field(field_id)
            if known is None:
                msg = "The CRM has no such field."
                raise ChangeRefused(msg)
            edit.order.setdefault("customFields", {})[field_id] = write_value(known, value, options.zone)
            edit.owners[f"customFields[{field_id}]"] = index
        case Assign(person_id):
            edit.order["managerId"], edit.owners["managerId"] = int(digits(person_id)), index
        case AddTag(tag) | RemoveTag(tag):
            if not options.tags or not customer_of(row).get("id"):
                raise ChangeRefused(NO_TAGS)
            edit.tags.setdefault("addTags" if isinstance(update, AddTag) else "removeTags", []).append(tag)
            edit.tagging.append(index)


def _items(row: Json, price: Decimal, options: RetailcrmOptions) -> list[Json]:
    """Return the positions that make the order's amount `price`: the only one of ours, or a first one.

    Raises ChangeRefused where anything else adds to the amount: products of the catalogue, several positions, delivery.
    """
    items, total = items_of(row), Decimal(str(row.get("totalSumm") or 0))
    own: Json = {"productName": options.price_item, "quantity": 1}
    if items:
        offer = items[0].get("offer")
        in_catalogue = isinstance(offer, dict) and bool(offer.get("id"))
        worth = Decimal(str(items[0].get("initialPrice") or 0)) * Decimal(str(items[0].get("quantity") or 1))
        if len(items) > 1 or in_catalogue or Decimal(str(items[0].get("quantity") or 1)) != 1 or worth != total:
            raise ChangeRefused(SUM_OF_ITEMS)
        own = {"id": items[0]["id"]}
    elif total:
        raise ChangeRefused(SUM_OF_ITEMS)
    if not options.write_price:
        raise ChangeRefused(SUM_OF_ITEMS)
    return [{**own, "initialPrice": int(price) if price == price.to_integral_value() else float(price)}]


def _refusals(refusal: Refused, edit: _Edit, count: int) -> dict[int, str]:
    """Return the sentence for each update that the CRM named; for all of them where it named none."""
    found: dict[int, str] = {}
    for complaint in refusal.complaints:
        owner = _owner(complaint, edit.owners)
        if owner is not None:
            found.setdefault(owner, f"The CRM refused this change: {complaint.text or complaint.place}")
    return found or dict.fromkeys(range(count), sentence(refusal))


def _owner(complaint: Complaint, owners: dict[str, int]) -> int | None:
    """Return whose place it is: "customFields[city]", "customFields.city" and what lies below them are the same."""
    place = _parts(complaint.place)
    for name, index in owners.items():
        known = _parts(name)
        if place[: len(known)] == known:
            return index
    return None


def _parts(place: str) -> list[str]:
    return [part for part in re.split(r"[.\[\]]", place) if part]
