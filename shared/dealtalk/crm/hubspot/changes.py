"""Writing a deal: one PATCH for all updates; each refusal is given to the update that caused it.

Follows PATCH /crm/v3/objects/deals/{id}: the whole request is validated, values are text, a pipeline and a stage go
together.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.api import path_id
from dealtalk.crm.hubspot.deal import OBJECTS
from dealtalk.crm.hubspot.errors import Refused
from dealtalk.crm.hubspot.fields import option_of, write_value
from dealtalk.crm.hubspot.options import ReadBack
from dealtalk.crm.readback import after_write, for_all, holds, judge
from dealtalk.deals import AddTag, Assign, ChangeResult, MoveStage, RemoveTag, SetField, SetPrice, same_name
from dealtalk.errors import ChangeRefused, DealGone, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.crm.hubspot.api import Api, Json
    from dealtalk.crm.hubspot.deal import Deals
    from dealtalk.crm.hubspot.options import HubspotOptions
    from dealtalk.deals import Deal, DealSchema, DealUpdate

NO_TAGS = "This account keeps no tags on deals."
SENTENCES = {
    "INVALID_OPTION": "this value is not among those that are allowed here",
    "READ_ONLY_VALUE": "this is not to be written",
    "PROPERTY_DOESNT_EXIST": "there is no such field",
    "INVALID_NUMBER": "the value is no number",
    "INVALID_DATE": "the value is no date",
    "INVALID_OWNER_ID": "there is no such person",
}


@dataclass(slots=True)
class _Patch:
    """The properties to be written, which updates stand behind each, and what is refused before it is sent."""

    properties: dict[str, str] = field(default_factory=dict)
    owners: dict[str, list[int]] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)

    def put(self, index: int, name: str, value: str) -> None:
        """Write a property for the update `index`."""
        self.properties[name] = value
        self.owners.setdefault(name, []).append(index)


@dataclass(frozen=True, slots=True)
class Changes:
    """Writes the deals of one portal."""

    api: Api
    options: HubspotOptions
    deals: Deals

    def update(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm.update_deal`: one call, two where the answer does not show what was written."""
        if not updates:
            return []
        patch = self._patch(deal, updates, schema)
        if patch.refusals:
            return judge(deal, deal, updates, schema, for_all(patch.refusals, len(updates)))
        if not patch.properties:
            return judge(deal, deal, updates, schema)
        try:
            answer = self.api.write("PATCH", f"{OBJECTS}/deals/{path_id(deal.id)}", {"properties": patch.properties})
        except Refused as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                msg = "the deal does not exist any more or may not be changed"
                raise DealGone(msg) from None
            refusals = for_all(_refusals(refusal, patch, len(updates)), len(updates))
            return judge(deal, deal, updates, schema, refusals)
        except OutcomeUnknown as unknown:
            after = after_write(lambda: self.deals.read(deal.id, with_contact=False))
            if not all(holds(after, update, schema) for update in updates):
                raise unknown from None
            return judge(deal, after, updates, schema)
        return judge(deal, self._after(deal, answer, patch), updates, schema)

    def _after(self, deal: Deal, answer: Json, patch: _Patch) -> Deal:
        """Return the deal as it stands now: by the answer, where that shows all that was written, else read anew."""
        shown = answer.get("properties")
        if (
            self.options.read_back is ReadBack.GET
            or not isinstance(shown, dict)
            or patch.properties.keys() - shown.keys()
        ):
            return after_write(lambda: self.deals.read(deal.id, with_contact=False))
        written = self.deals.deal_of({"id": deal.id, "properties": {name: shown[name] for name in patch.properties}})
        return _merged(deal, written, set(patch.properties), self.options.tags_property)

    def _patch(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> _Patch:
        patch = _Patch()
        for index, update in enumerate(updates):
            try:
                self._put(patch, index, update, schema)
            except ChangeRefused as refusal:
                patch.refusals[index] = str(refusal)
        self._put_tags(patch, deal, updates, schema)
        return patch

    def _put(self, patch: _Patch, index: int, update: DealUpdate, schema: DealSchema) -> None:
        match update:
            case MoveStage(pipeline_id, stage_id):
                # A stage's id belongs to one pipeline: without it a move to another one is refused.
                patch.put(index, "pipeline", pipeline_id)
                patch.put(index, "dealstage", stage_id)
            case SetPrice(price):
                patch.put(index, "amount", f"{price:f}")
            case SetField(field_id, value):
                known = schema.field(field_id)
                if known is None:
                    msg = "The CRM has no such field."
                    raise ChangeRefused(msg)
                patch.put(index, field_id, write_value(known, value))
            case Assign(person_id):
                patch.put(index, "hubspot_owner_id", person_id)

    def _put_tags(self, patch: _Patch, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> None:
        """Put all changes of tags as one value: an appended list where only new ones come, else the whole list."""
        changes = [(i, each) for i, each in enumerate(updates) if isinstance(each, AddTag | RemoveTag)]
        if not changes:
            return
        known = schema.field(self.options.tags_property or "")
        if known is None:
            patch.refusals |= {index: NO_TAGS for index, change in changes if not holds(deal, change, schema)}
            return
        added: list[str] = []
        kept = list(deal.tags)
        for index, change in changes:
            if isinstance(change, RemoveTag):
                kept = [tag for tag in kept if not same_name(tag, change.tag)]
            elif option_of(known, change.tag) is None:
                patch.refusals[index] = f'The field "{known.name}" has no option "{change.tag}".'
            elif not any(same_name(tag, change.tag) for tag in kept):
                added.append(change.tag)
        if not added and len(kept) == len(deal.tags):
            return
        removed = len(kept) < len(deal.tags)
        values = [option_of(known, tag) or tag for tag in ([*kept, *added] if removed else added)]
        text = ";".join(dict.fromkeys(values))
        for index, _ in changes:
            # A leading semicolon appends, so that what somebody else adds in this instant stays.
            patch.put(index, known.id, text if removed else f";{text}")


def _merged(before: Deal, written: Deal, names: set[str], tags_property: str | None) -> Deal:
    """Return the deal with what the answer shows in the place of what was written."""
    fields = {name: value for name, value in before.fields.items() if name not in names} | dict(written.fields)
    return replace(
        before,
        pipeline_id=written.pipeline_id if "pipeline" in names else before.pipeline_id,
        stage_id=written.stage_id if "dealstage" in names else before.stage_id,
        price=written.price if "amount" in names else before.price,
        responsible_id=written.responsible_id if "hubspot_owner_id" in names else before.responsible_id,
        tags=written.tags if tags_property in names else before.tags,
        fields=fields,
    )


def _refusals(refusal: Refused, patch: _Patch, count: int) -> dict[int, str]:
    """Return the sentence for each update that the CRM named; for all of them where it named none."""
    found: dict[int, str] = {}
    for complaint in refusal.complaints:
        words = SENTENCES.get(complaint.code) or complaint.message or complaint.code
        for index in patch.owners.get(complaint.property or "", ()):
            found.setdefault(index, f"The CRM refused this change: {words}.")
    if found:
        return found
    reason = next((each.message for each in refusal.complaints if each.message), refusal.message)
    return dict.fromkeys(range(count), f"The CRM refused the change: {reason or refusal.status}")
