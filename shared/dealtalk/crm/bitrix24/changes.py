"""Writing a deal: one batch with the update and its read-back, and each refusal given to the update that caused it.

Follows crm.item.update: unknown fields are ignored in silence, so only the read-back tells what was written; a pipeline
is changed by both ids together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dealtalk.crm.bitrix24.api import Command, number
from dealtalk.crm.bitrix24.deal import GONE
from dealtalk.crm.bitrix24.fields import write_value
from dealtalk.crm.bitrix24.items import LEADS, item_of
from dealtalk.crm.readback import after_write, for_all, holds, judge
from dealtalk.deals import AddTag, Assign, ChangeResult, MoveStage, RemoveTag, SetField, SetPrice, same_name
from dealtalk.errors import ChangeRefused, DealGone, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.crm.bitrix24.api import Api, Json
    from dealtalk.crm.bitrix24.deal import Deals
    from dealtalk.crm.bitrix24.errors import Refused
    from dealtalk.deals import Deal, DealSchema, DealUpdate


@dataclass(slots=True)
class _Wish:
    """The fields to write, and which update is called what in the vendor's refusals."""

    fields: Json = field(default_factory=dict)
    titles: dict[str, int] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    tags: list[str] | None = None


def update_deal(
    api: Api, deals: Deals, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema
) -> list[ChangeResult]:
    """See `ports.Crm.update_deal`: one call. A lost answer is resolved by reading where that is possible."""
    if not updates:
        return []
    wish = _wish(deals, deal, updates, schema)
    if wish.refusals:
        return judge(deal, deal, updates, schema, for_all(wish.refusals, len(updates)))
    item = item_of(deal.id)
    write = Command("crm.item.update", {**item.get, "fields": wish.fields})
    try:
        batch = api.batch({"write": write, **deals.commands(deal.id)}, acts=True)
    except OutcomeUnknown:
        after = after_write(lambda: deals.read(deal.id, with_contact=False))
        if not all(holds(after, update, schema) for update in updates):
            raise
        return judge(deal, after, updates, schema)
    refusal = batch.refusals.get("write")
    if refusal is not None:
        if refusal.code in GONE:
            msg = "the deal does not exist any more or may not be changed"
            raise DealGone(msg)
        return judge(deal, deal, updates, schema, for_all(_refusals(refusal, wish, len(updates)), len(updates)))
    return judge(deal, deals.read_from(batch, deal.id), updates, schema)


def _wish(deals: Deals, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> _Wish:
    wish = _Wish()
    for index, update in enumerate(updates):
        try:
            _put(wish, index, update, deals, deal, schema)
        except ChangeRefused as refusal:
            wish.refusals[index] = str(refusal)
    if wish.tags is not None and deals.options.tags_field is not None:
        wish.fields[deals.options.tags_field] = wish.tags
    return wish


def _put(wish: _Wish, index: int, update: DealUpdate, deals: Deals, deal: Deal, schema: DealSchema) -> None:
    match update:
        case MoveStage(pipeline_id, stage_id):
            _move(wish, pipeline_id, stage_id, deal)
            wish.titles["stage"] = index
        case SetPrice(price):
            # Else the portal sums the amount up from the deal's products again.
            wish.fields |= {"opportunity": f"{price:f}", "isManualOpportunity": "Y"}
        case SetField(field_id, value):
            known = schema.field(field_id)
            if known is None or item_of(deal.id).is_lead:
                msg = "The CRM has no such field here."
                raise ChangeRefused(msg)
            currency = deals.currency.get(deal.id, deals.options.currency)
            wish.fields[field_id] = write_value(known, value, currency=currency, flags=deals.options.flag_format)
            wish.titles[known.name.casefold()] = index
        case AddTag(tag) | RemoveTag(tag):
            if deals.options.tags_field is None or item_of(deal.id).is_lead:
                msg = "This portal keeps no tags here."
                raise ChangeRefused(msg)
            before = wish.tags if wish.tags is not None else list(deal.tags)
            kept = [each for each in before if not same_name(each, tag)]
            wish.tags = [*kept, tag] if isinstance(update, AddTag) else kept
        case Assign(person_id):
            wish.fields["assignedById"] = number(person_id)


def _move(wish: _Wish, pipeline_id: str, stage_id: str, deal: Deal) -> None:
    lead = item_of(deal.id).is_lead
    if lead != (pipeline_id == LEADS):
        msg = "A lead cannot be moved into a pipeline of deals, nor a deal back to the leads."
        raise ChangeRefused(msg)
    wish.fields["stageId"] = stage_id
    if not lead:
        wish.fields["categoryId"] = number(pipeline_id)


def _refusals(refusal: Refused, wish: _Wish, count: int) -> dict[int, str]:
    """Return the sentence for the update whose field the vendor's words name; for all of them where they name none."""
    words = refusal.detail.casefold()
    named = [index for title, index in wish.titles.items() if title in words]
    sentence = f"The CRM refused this change: {refusal.detail or refusal.code or refusal.status}"
    return dict.fromkeys(named or range(count), sentence)
