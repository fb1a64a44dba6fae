"""Writing a deal: one PATCH for all updates, one read-back, and each refusal given to the update that caused it.

Follows PATCH /api/v4/leads/{id}; validation errors name their place in the request by a dotted path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import number
from dealtalk.crm.amocrm.deal import NOT_FOUND, read_deal
from dealtalk.crm.amocrm.errors import Refused
from dealtalk.crm.amocrm.fields import write_values
from dealtalk.crm.option_values import digits
from dealtalk.crm.readback import after_write, for_all, holds, judge
from dealtalk.deals import AddTag, Assign, ChangeResult, MoveStage, RemoveTag, SetField, SetPrice
from dealtalk.errors import ChangeRefused, DealGone, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.crm.amocrm.errors import Complaint
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.deals import Deal, DealSchema, DealUpdate

ROBOT = 0
SENTENCES = {
    "NotSupportedChoice": "this value is not among those that are allowed here",
    "FieldMissing": "something that is needed with it is missing",
    "InvalidType": "the value is of the wrong kind",
    "IsBlank": "the value is empty",
    "TooLong": "the value is too long",
}


@dataclass(slots=True)
class _Patch:
    """The request's body, and which update stands at which path of it."""

    body: Json = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)


def update_deal(
    api: Api, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema, options: AmocrmOptions
) -> list[ChangeResult]:
    """See `ports.Crm.update_deal`: two calls. A lost answer is resolved by the read-back where that is possible."""
    if not updates:
        return []
    patch = _patch(updates, schema, options)
    if patch.refusals:
        return judge(deal, deal, updates, schema, for_all(patch.refusals, len(updates)))
    refusals: dict[int, str] = {}
    unknown: OutcomeUnknown | None = None
    try:
        api.write("PATCH", f"/api/v4/leads/{number(deal.id)}", patch.body)
    except Refused as refusal:
        if refusal.status == NOT_FOUND or any(each.path == "id" for each in refusal.complaints):
            msg = "the deal does not exist any more or may not be changed"
            raise DealGone(msg) from None
        refusals = for_all(_refusals(refusal, patch, len(updates)), len(updates))
    except OutcomeUnknown as error:
        unknown = error
    after = deal if refusals else after_write(lambda: read_deal(api, deal.id, with_contact=False))
    if unknown and not all(holds(after, update, schema) for update in updates):
        raise unknown
    return judge(deal, after, updates, schema, refusals)


def _patch(updates: Sequence[DealUpdate], schema: DealSchema, options: AmocrmOptions) -> _Patch:
    patch = _Patch()
    for index, update in enumerate(updates):
        try:
            _put(patch, index, update, schema, options)
        except ChangeRefused as refusal:
            patch.refusals[index] = str(refusal)
        except ValueError:
            patch.refusals[index] = "The CRM has no such id."
    if options.as_robot:
        patch.body["updated_by"] = ROBOT
    return patch


def _put(patch: _Patch, index: int, update: DealUpdate, schema: DealSchema, options: AmocrmOptions) -> None:
    body, owners = patch.body, patch.owners
    match update:
        case MoveStage(pipeline_id, stage_id):
            # 142 and 143 stand in every pipeline: without its id the lead would be closed in the wrong one.
            body["pipeline_id"], body["status_id"] = int(digits(pipeline_id)), int(digits(stage_id))
            owners["pipeline_id"] = owners["status_id"] = index
        case SetPrice(price):
            if price != price.to_integral_value():
                msg = "The CRM keeps the deal's amount in whole units only."
                raise ChangeRefused(msg)
            body["price"], owners["price"] = int(price), index
        case SetField(field_id, value):
            known = schema.field(field_id)
            if known is None:
                msg = "The CRM has no such field."
                raise ChangeRefused(msg)
            rows = body.setdefault("custom_fields_values", [])
            owners[f"custom_fields_values.{len(rows)}"] = index
            rows.append({"field_id": int(digits(field_id)), "values": write_values(known, value, options.date_format)})
        case AddTag(tag) | RemoveTag(tag):
            name = "tags_to_add" if isinstance(update, AddTag) else "tags_to_delete"
            rows = body.setdefault(name, [])
            owners[f"{name}.{len(rows)}"] = index
            rows.append({"name": tag})
        case Assign(person_id):
            body["responsible_user_id"], owners["responsible_user_id"] = int(digits(person_id)), index


def _refusals(refusal: Refused, patch: _Patch, count: int) -> dict[int, str]:
    """Return the sentence for each update that the CRM named; for all of them where it named none."""
    found: dict[int, str] = {}
    for complaint in refusal.complaints:
        owner = _owner(complaint.path, patch.owners)
        if owner is not None:
            found.setdefault(owner, _sentence(complaint))
    if found:
        return found
    reason = next((each.detail for each in refusal.complaints if each.detail), refusal.detail)
    return dict.fromkeys(range(count), f"The CRM refused the change: {reason or refusal.status}")


def _owner(path: str, owners: dict[str, int]) -> int | None:
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        owner = owners.get(".".join(parts[:length]))
        if owner is not None:
            return owner
    return None


def _sentence(complaint: Complaint) -> str:
    return f"The CRM refused this change: {SENTENCES.get(complaint.code) or complaint.detail or complaint.code}."
