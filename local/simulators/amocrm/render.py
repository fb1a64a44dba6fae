"""How entities look in v4 answers and in webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm.entities import EntityType, Json

if TYPE_CHECKING:
    from local.simulators.amocrm.entities import Contact, FieldDef, Hook, Lead, Note, Pipeline, Status, Talk, Task, User
    from local.simulators.amocrm.state import Account

RIGHTS = ("view", "edit", "add", "delete", "export")


def links(account: Account, path: str) -> Json:
    """Return `_links` with the entity's own address."""
    return {"self": {"href": f"{account.base_url}/api/v4/{path}"}}


def user(account: Account, person: User, parts: set[str]) -> Json:
    """Return a user as GET /api/v4/users shows it."""
    all_rights = dict.fromkeys(RIGHTS, "A")
    body = {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "lang": person.lang,
        "rights": {
            **{name: dict(all_rights) for name in ("leads", "contacts", "companies")},
            "tasks": {"edit": "A", "delete": "A"},
            "mail_access": False,
            "catalog_access": person.is_admin,
            "status_rights": None,
            "is_admin": person.is_admin,
            "is_free": person.is_free,
            "is_active": person.is_active,
            "group_id": None,
            "role_id": None,
        },
        "_links": links(account, f"users/{person.id}"),
    }
    if "amojo_id" in parts:
        body["amojo_id"] = person.amojo_id
    return body


def status(account: Account, pipeline: Pipeline, stage: Status) -> Json:
    """Return a stage as it stands in its pipeline."""
    return {
        "id": stage.id,
        "name": stage.name,
        "sort": stage.sort,
        "is_editable": stage.is_editable,
        "pipeline_id": pipeline.id,
        "color": stage.color,
        "type": stage.type,
        "account_id": account.id,
        "_links": links(account, f"leads/pipelines/{pipeline.id}/statuses/{stage.id}"),
    }


def pipeline(account: Account, one: Pipeline) -> Json:
    """Return a pipeline with its stages."""
    return {
        "id": one.id,
        "name": one.name,
        "sort": one.sort,
        "is_main": one.is_main,
        "is_unsorted_on": True,
        "is_archive": one.is_archive,
        "account_id": account.id,
        "_links": links(account, f"leads/pipelines/{one.id}"),
        "_embedded": {"statuses": [status(account, one, s) for s in sorted(one.statuses, key=lambda s: s.sort)]},
    }


def custom_field(account: Account, one: FieldDef) -> Json:
    """Return a custom field as GET /api/v4/leads/custom_fields shows it."""
    enums = None
    if one.enums is not None:
        enums = [{"id": o.id, "value": o.value, "sort": o.sort, "code": o.code} for o in one.enums]
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "account_id": account.id,
        "code": one.code,
        "sort": one.sort,
        "is_api_only": one.is_api_only,
        "enums": enums,
        "group_id": None,
        "required_statuses": [],
        "is_deletable": not one.is_predefined,
        "is_predefined": one.is_predefined,
        "entity_type": one.entity.value,
        "remind": None,
        "currency": one.currency,
        "_links": links(account, f"{one.entity.value}/custom_fields/{one.id}"),
    }


def field_values(account: Account, values: dict[int, list[Json]]) -> list[Json] | None:
    """Return `custom_fields_values`; None where nothing is filled in."""
    rows = []
    for field_id, stored in values.items():
        one = account.fields.get(field_id)
        if one is not None and stored:
            rows.append(
                {
                    "field_id": one.id,
                    "field_name": one.name,
                    "field_code": one.code,
                    "field_type": one.type,
                    "values": stored,
                }
            )
    return rows or None


def lead(account: Account, one: Lead, parts: set[str]) -> Json:
    """Return a lead; tags and companies are always embedded, `parts` adds what `with=` asked for."""
    embedded: Json = {
        "tags": [{"id": t, "name": account.tags[t].name, "color": None} for t in one.tag_ids],
        "companies": [],
    }
    if "contacts" in parts:
        embedded["contacts"] = [
            {"id": c, "is_main": i == 0, "_links": links(account, f"contacts/{c}")}
            for i, c in enumerate(one.contact_ids)
        ]
    if "catalog_elements" in parts:
        embedded["catalog_elements"] = []
    if "loss_reason" in parts:
        name = account.loss_reasons.get(one.loss_reason_id or 0)
        embedded["loss_reason"] = [{"id": one.loss_reason_id, "name": name}] if name else []
    open_tasks = [
        t.complete_till
        for t in account.tasks.values()
        if t.entity_type == EntityType.LEADS and t.entity_id == one.id and not t.is_completed
    ]
    return {
        "id": one.id,
        "name": one.name,
        "price": one.price,
        "responsible_user_id": one.responsible_user_id,
        "group_id": 0,
        "status_id": one.status_id,
        "pipeline_id": one.pipeline_id,
        "loss_reason_id": one.loss_reason_id,
        "created_by": one.created_by,
        "updated_by": one.updated_by,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "closed_at": one.closed_at,
        "closest_task_at": min(open_tasks, default=None),
        "is_deleted": one.is_deleted,
        "custom_fields_values": field_values(account, one.values),
        "score": None,
        "account_id": account.id,
        "labor_cost": None,
        "_links": links(account, f"leads/{one.id}"),
        "_embedded": embedded,
    }


def contact(account: Account, one: Contact, parts: set[str]) -> Json:
    """Return a contact."""
    first, _, last = one.name.partition(" ")
    embedded: Json = {"tags": [], "companies": []}
    if "leads" in parts:
        mine = [d.id for d in account.leads.values() if one.id in d.contact_ids and not d.is_deleted]
        embedded["leads"] = [{"id": d, "_links": links(account, f"leads/{d}")} for d in mine]
    return {
        "id": one.id,
        "name": one.name,
        "first_name": first,
        "last_name": last,
        "responsible_user_id": one.responsible_user_id,
        "group_id": 0,
        "created_by": 0,
        "updated_by": 0,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "closest_task_at": None,
        "is_deleted": False,
        "is_unsorted": False,
        "custom_fields_values": field_values(account, one.values),
        "account_id": account.id,
        "_links": links(account, f"contacts/{one.id}"),
        "_embedded": embedded,
    }


def note(account: Account, one: Note) -> Json:
    """Return a note."""
    return {
        "id": one.id,
        "entity_id": one.entity_id,
        "created_by": one.created_by,
        "updated_by": one.created_by,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "responsible_user_id": one.responsible_user_id,
        "group_id": 0,
        "note_type": one.note_type,
        "params": one.params,
        "account_id": account.id,
        "_links": links(account, f"{one.entity.value}/{one.entity_id}/notes/{one.id}"),
    }


def task(account: Account, one: Task) -> Json:
    """Return a task; an empty result is an empty array, as PHP shows an empty object."""
    result: Any = {"text": one.result} if one.result is not None else []
    return {
        "id": one.id,
        "created_by": one.created_by,
        "updated_by": one.created_by,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "responsible_user_id": one.responsible_user_id,
        "group_id": 0,
        "entity_id": one.entity_id,
        "entity_type": one.entity_type,
        "duration": one.duration,
        "is_completed": one.is_completed,
        "task_type_id": one.task_type_id,
        "text": one.text,
        "result": result,
        "complete_till": one.complete_till,
        "account_id": account.id,
        "_links": links(account, f"tasks/{one.id}"),
    }


def talk(account: Account, one: Talk) -> Json:
    """Return a conversation."""
    leads = [one.entity_id] if one.entity_type == "lead" else []
    return {
        "talk_id": one.talk_id,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "rate": 0,
        "contact_id": one.contact_id,
        "chat_id": one.chat_id,
        "entity_id": one.entity_id,
        "entity_type": one.entity_type,
        "is_in_work": one.is_in_work,
        "is_read": one.is_read,
        "origin": one.origin,
        "missed_at": None,
        "account_id": account.id,
        "_links": links(account, f"talks/{one.talk_id}"),
        "_embedded": {
            "contacts": [{"id": one.contact_id, "_links": links(account, f"contacts/{one.contact_id}")}],
            "leads": [{"id": d, "_links": links(account, f"leads/{d}")} for d in leads],
            "customers": [],
        },
    }


def hook(account: Account, one: Hook) -> Json:
    """Return a webhook subscription."""
    return {
        "id": one.id,
        "destination": one.destination,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "account_id": account.id,
        "created_by": one.created_by,
        "sort": one.sort,
        "disabled": one.disabled,
        "settings": list(one.settings),
    }
