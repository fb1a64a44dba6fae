"""Changing a lead: what it writes into the lead, its history, the event list and the webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm.entities import LOST, WON, Change, EntityType, HookEvent

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import Actor, Json, Lead
    from local.simulators.amocrm.state import Account

ROBOT = 0


class LeadEdit:
    """One edit of one lead by one actor: apply its parts, then `publish` what subscribers are told."""

    def __init__(self, account: Account, lead: Lead, actor: Actor) -> None:
        self.account = account
        self.lead = lead
        self.actor = actor
        self.old_status: tuple[int, int] | None = None
        self.old_responsible: int | None = None

    def apply(self, patch: Json, values: dict[int, list[Json]]) -> None:
        """Write a validated change: the v4 body and its field values as they are to be stored."""
        lead = self.lead
        self._stage(patch)
        if "name" in patch and patch["name"] != lead.name:
            self._note("name", lead.name, patch["name"], "name_field_changed")
            lead.name = patch["name"]
        if "price" in patch and (patch["price"] or 0) != lead.price:
            self._note("price", str(lead.price), str(patch["price"] or 0), "sale_field_changed")
            lead.price = patch["price"] or 0
        self._responsible(patch.get("responsible_user_id"))
        for field_id, stored in values.items():
            self._field(field_id, stored)
        self._tags(patch)
        for key in ("loss_reason_id", "closed_at"):
            if key in patch:
                setattr(lead, key, patch[key])
        lead.updated_by = patch.get("updated_by", self.actor.user_id)
        lead.updated_at = self.account.now()
        self.account.touch()

    def publish(self) -> None:
        """Tell the subscribers: update_lead always, status_lead and responsible_lead where that changed."""
        base = hook_item(self.account, self.lead)
        if self.old_status is not None:
            status = {"old_pipeline_id": self.old_status[0], "old_status_id": self.old_status[1]}
            self.account.emit(HookEvent("status_lead", "leads", "status", [base | status]))
        if self.old_responsible is not None:
            item = base | {"old_responsible_user_id": self.old_responsible}
            self.account.emit(HookEvent("responsible_lead", "leads", "responsible", [item]))
        self.account.emit(HookEvent("update_lead", "leads", "update", [base]))

    def _note(
        self, what: str, old: str | None, new: str | None, event: str, after: Any = None, before: Any = None
    ) -> None:
        self.account.record(
            Change(self.account.clock.now(), self.lead.id, self.actor.name, self.actor.user_id, what, old, new)
        )
        self.account.add_event(event, ("lead", self.lead.id), self.actor, after, before)

    def _stage(self, patch: Json) -> None:
        lead, account = self.lead, self.account
        pipeline_id = patch.get("pipeline_id", lead.pipeline_id)
        status_id = patch.get("status_id")
        if status_id is None:
            if pipeline_id == lead.pipeline_id:
                return
            stages = sorted(account.pipelines[pipeline_id].statuses, key=lambda s: s.sort)
            status_id = next(s.id for s in stages if s.is_editable)
        if (pipeline_id, status_id) == (lead.pipeline_id, lead.status_id):
            return
        self.old_status = (lead.pipeline_id, lead.status_id)
        before = [{"lead_status": {"id": lead.status_id, "pipeline_id": lead.pipeline_id}}]
        after = [{"lead_status": {"id": status_id, "pipeline_id": pipeline_id}}]
        old, new = account.stage_name(*self.old_status), account.stage_name(pipeline_id, status_id)
        self._note("stage", old, new, "lead_status_changed", after, before)
        lead.pipeline_id, lead.status_id = pipeline_id, status_id
        lead.closed_at = account.now() if status_id in {WON, LOST} else None

    def _responsible(self, user_id: int | None) -> None:
        lead, account = self.lead, self.account
        if user_id is None or user_id == lead.responsible_user_id:
            return
        self.old_responsible = lead.responsible_user_id
        after, before = ([{"responsible_user": {"id": u}}] for u in (user_id, self.old_responsible))
        old, new = account.user_name(self.old_responsible), account.user_name(user_id)
        self._note("responsible", old, new, "entity_responsible_changed", after, before)
        lead.responsible_user_id = user_id

    def _field(self, field_id: int, stored: list[Json]) -> None:
        lead, one = self.lead, self.account.fields[field_id]
        old = lead.values.get(field_id, [])
        if old == stored:
            return
        after, before = (
            [
                {"custom_field_value": {"field_id": field_id, "enum_id": v.get("enum_id"), "text": str(v.get("value"))}}
                for v in values
            ]
            for values in (stored, old)
        )
        self._note(one.name, in_words(old), in_words(stored), "custom_field_value_changed", after, before)
        if stored:
            lead.values[field_id] = stored
        else:
            lead.values.pop(field_id, None)

    def _tags(self, patch: Json) -> None:
        account, before = self.account, list(self.lead.tag_ids)
        wanted = list(before)
        embedded = patch.get("_embedded") or {}
        if "tags" in embedded:
            wanted = [self._tag_id(tag) for tag in embedded["tags"] or []]
        wanted += [self._tag_id(tag) for tag in patch.get("tags_to_add") or []]
        removed = {self._tag_id(tag) for tag in patch.get("tags_to_delete") or []}
        wanted = [tag for tag in dict.fromkeys(wanted) if tag not in removed]
        self.lead.tag_ids = wanted
        added, gone = (
            [account.tags[t].name for t in tags] for tags in (set(wanted) - set(before), set(before) - set(wanted))
        )
        if added:
            self._note(
                "tags", None, ", ".join(sorted(added)), "entity_tag_added", [{"tag": {"name": n}} for n in added]
            )
        if gone:
            self._note(
                "tags", ", ".join(sorted(gone)), None, "entity_tag_deleted", [], [{"tag": {"name": n}} for n in gone]
            )

    def _tag_id(self, tag: Json) -> int:
        given = tag.get("id")
        return int(given) if given is not None else self.account.tag_by_name(str(tag["name"]).strip()).id


def in_words(values: list[Json]) -> str | None:
    """Return stored field values as a person reads them; None where the field is empty."""
    return ", ".join(str(v.get("value")) for v in values) if values else None


def hook_item(account: Account, lead: Lead) -> Json:
    """Return a lead as webhooks carry it: the field names of API v2 (crm_platform/webhooks-format)."""
    fields = []
    for field_id, stored in lead.values.items():
        one = account.fields[field_id]
        values: list[Any] = [v["value"] for v in stored]
        if one.enums is not None:
            values = [{"value": v["value"], "enum": v["enum_id"]} for v in stored]
        fields.append({"id": one.id, "name": one.name, "values": values} | ({"code": one.code} if one.code else {}))
    item: Json = {
        "id": lead.id,
        "name": lead.name,
        "status_id": lead.status_id,
        "price": lead.price,
        "responsible_user_id": lead.responsible_user_id,
        "last_modified": lead.updated_at,
        "modified_user_id": lead.updated_by,
        "created_user_id": lead.created_by,
        "date_create": lead.created_at,
        "pipeline_id": lead.pipeline_id,
        "account_id": account.id,
        "created_at": lead.created_at,
        "updated_at": lead.updated_at,
    }
    if fields:
        item["custom_fields"] = fields
    if lead.tag_ids:
        item["tags"] = [{"id": t, "name": account.tags[t].name} for t in lead.tag_ids]
    return item


def card(account: Account, lead: Lead) -> Json:
    """Return a lead as a person sees it: names instead of ids, with notes, tasks and history."""
    pipeline = account.pipelines[lead.pipeline_id]
    stage = pipeline.status(lead.status_id)
    mine = (t for t in account.tasks.values() if t.entity_type == "leads" and t.entity_id == lead.id)
    tasks = [
        {
            "id": t.id,
            "text": t.text,
            "due": t.complete_till,
            "responsible": account.user_name(t.responsible_user_id),
            "done": t.is_completed,
            "result": t.result,
        }
        for t in mine
    ]
    return {
        "id": lead.id,
        "name": lead.name,
        "pipeline": pipeline.name,
        "stage": stage.name if stage else str(lead.status_id),
        "price": lead.price,
        "currency": account.currency,
        "responsible": account.user_name(lead.responsible_user_id),
        "tags": [account.tags[t].name for t in lead.tag_ids],
        "fields": {f.name: in_words(lead.values.get(f.id, [])) for f in account.fields_of(EntityType.LEADS)},
        "contacts": [account.contacts[c].name for c in lead.contact_ids if c in account.contacts],
        "notes": [
            {
                "id": n.id,
                "type": n.note_type,
                "text": n.params.get("text"),
                "by": account.user_name(n.created_by),
                "at": n.created_at,
            }
            for n in account.notes.values()
            if n.entity == "leads" and n.entity_id == lead.id
        ],
        "tasks": tasks,
        "history": history(account, lead.id),
        "closed_at": lead.closed_at,
    }


def history(account: Account, lead_id: int) -> list[Json]:
    """Return who changed what of this lead, oldest first."""
    return [
        {"at": c.time, "who": c.who, "user_id": c.user_id, "what": c.what, "old": c.old, "new": c.new}
        for c in account.history.get(lead_id, [])
    ]
