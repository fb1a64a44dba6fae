"""Notes, tasks and the event list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.simulators.amocrm import render
from local.simulators.amocrm.entities import Change, EntityType, Event, HookEvent, Note, Task
from local.simulators.amocrm.problems import Issues, Item, problem
from local.simulators.amocrm.web import paged
from local.simulators.forms import values_of
from local.simulators.serving import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.simulators.amocrm.entities import Json
    from local.simulators.amocrm.state import Account
    from local.simulators.amocrm.web import Context, Router

NOTE_PARAMS: dict[str, tuple[str, ...]] = {
    "common": ("text",),
    "service_message": ("service", "text"),
    "extended_service_message": ("service", "text"),
    "call_in": ("uniq", "duration", "source", "phone"),
    "call_out": ("uniq", "duration", "source", "phone"),
    "sms_in": ("text", "phone"),
    "sms_out": ("text", "phone"),
    "geolocation": ("text", "address", "longitude", "latitude"),
    "message_cashier": ("status", "text"),
    "attachment": ("file_uuid", "file_name"),
}
"""The kinds of note that may be added, with the parameters that each must have."""

TASK_KEYS = {
    "text": "string",
    "complete_till": "int",
    "responsible_user_id": "int",
    "entity_id": "int",
    "entity_type": "string",
    "is_completed": "bool",
    "task_type_id": "int",
    "duration": "int",
    "result": "object",
    "created_by": "int",
    "updated_by": "int",
    "created_at": "int",
    "updated_at": "int",
    "request_id": "string",
    "id": "int",
}
TASK_ENTITIES = frozenset({"leads", "contacts", "companies", "customers"})
EVENTS_CAP = 100
CHAT_EVENTS = frozenset({"incoming_chat_message", "outgoing_chat_message"})


def routes(router: Router) -> None:
    """Add these calls."""
    for entity in EntityType:
        for path in (f"/api/v4/{entity.value}/{{id}}/notes", f"/api/v4/{entity.value}/notes"):
            router.add("GET", path, _notes_of(entity))
            router.add("POST", path, _add_notes_to(entity))
    router.add("GET", "/api/v4/tasks", task_list)
    router.add("POST", "/api/v4/tasks", add_tasks)
    router.add("PATCH", "/api/v4/tasks", patch_tasks)
    router.add("GET", "/api/v4/tasks/{id}", task)
    router.add("PATCH", "/api/v4/tasks/{id}", patch_task)
    router.add("GET", "/api/v4/events", events)


def _exists(account: Account, entity: str, entity_id: Any) -> bool:
    if not isinstance(entity_id, int):
        return False
    return account.lead(entity_id) is not None if entity == EntityType.LEADS else entity_id in account.contacts


def _notes_of(entity: EntityType) -> Callable[[Context], Response]:
    def serve(ctx: Context) -> Response:
        query = ctx.query()
        wanted = query.get("filter") or {}
        types, ids = values_of(wanted.get("note_type")), values_of(wanted.get("id"))
        owners = [ctx.params["id"]] if "id" in ctx.params else values_of(wanted.get("entity_id"))
        rows = [
            n
            for n in ctx.account.notes.values()
            if n.entity is entity
            and (not owners or str(n.entity_id) in owners)
            and (not types or n.note_type in types)
            and (not ids or str(n.id) in ids)
        ]
        if "desc" in (query.get("order") or {}).values():
            rows.reverse()
        return paged(ctx, "notes", [render.note(ctx.account, n) for n in rows])

    return serve


def _add_notes_to(entity: EntityType) -> Callable[[Context], Response]:
    def serve(ctx: Context) -> Response:
        account, issues = ctx.account, Issues()
        rows = ctx.objects("notes")
        owners = [ctx.number("id") if "id" in ctx.params else row.get("entity_id") for row in rows]
        for index, (owner, row) in enumerate(zip(owners, rows, strict=True)):
            item = Item(issues, str(row.get("request_id", index)))
            _check_note(row, item)
            if not _exists(account, entity, owner):
                item.add("NotSupportedChoice", "entity_id")
        issues.raise_if_any()
        made = [_new_note(ctx, entity, int(str(owner)), row) for owner, row in zip(owners, rows, strict=True)]
        shown = [
            {
                "id": n.id,
                "entity_id": n.entity_id,
                "request_id": str(row.get("request_id", i)),
                "_links": render.note(account, n)["_links"],
            }
            for i, (n, row) in enumerate(zip(made, rows, strict=True))
        ]
        return Response(200, {"_links": render.links(account, f"{entity.value}/notes"), "_embedded": {"notes": shown}})

    return serve


def _check_note(row: Json, item: Item) -> None:
    kind, params = row.get("note_type"), row.get("params")
    if "note_type" not in row:
        item.add("FieldMissing", "note_type")
    elif kind not in NOTE_PARAMS:
        item.add("NotSupportedChoice", "note_type")
    if "params" not in row:
        item.add("FieldMissing", "params")
    elif item.expect(params, "object", "params") and isinstance(params, dict):
        for name in NOTE_PARAMS.get(str(kind), ()):
            if name not in params:
                item.add("FieldMissing", f"params.{name}")
        if "text" in params and item.expect(params["text"], "string", "params.text") and not params["text"].strip():
            item.add("IsBlank", "params.text")


def _new_note(ctx: Context, entity: EntityType, owner: int, row: Json) -> Note:
    account = ctx.account
    author = row.get("created_by", ctx.actor.user_id)
    made = Note(
        account.new_id("note"), entity, owner, row["note_type"], row["params"], author, ctx.actor.user_id, account.now()
    )
    account.notes[made.id] = made
    singular = entity.value.removesuffix("s")
    account.add_event("common_note_added", (singular, owner), ctx.actor, [{"note": {"id": made.id}}])
    item = {
        "note": {
            "id": made.id,
            "note_type": made.note_type,
            "element_type": 2 if entity is EntityType.LEADS else 1,
            "element_id": owner,
            "text": made.params.get("text", ""),
            "created_by": author,
            "created_at": made.created_at,
        }
    }
    account.emit(HookEvent(f"note_{singular}", entity.value, "note", [item]))
    return made


def task(ctx: Context) -> Response:
    """Serve GET /api/v4/tasks/{id}."""
    one = ctx.account.tasks.get(ctx.number("id"))
    return Response(200, render.task(ctx.account, one)) if one else Response(204)


def task_list(ctx: Context) -> Response:
    """Serve GET /api/v4/tasks with its filters. filter[entity_id] needs filter[entity_type]."""
    query = ctx.query()
    wanted = query.get("filter") or {}
    if wanted.get("entity_id") and not wanted.get("entity_type"):
        raise problem(400, "filter[entity_id] needs filter[entity_type]")
    rows = [render.task(ctx.account, t) for t in ctx.account.tasks.values()]
    names = {"responsible_user_id": "responsible_user_id", "entity_type": "entity_type", "entity_id": "entity_id"}
    for name, key in (names | {"id": "id", "task_type": "task_type_id"}).items():
        if values := values_of(wanted.get(name)):
            rows = [r for r in rows if str(r[key]) in values]
    if done := values_of(wanted.get("is_completed")):
        rows = [r for r in rows if str(int(r["is_completed"])) in done]
    for key, direction in (query.get("order") or {}).items():
        if key in {"created_at", "complete_till", "id"}:
            rows.sort(key=lambda r, key=key: int(r[key]), reverse=direction == "desc")  # type: ignore[misc]
    return paged(ctx, "tasks", rows)


def add_tasks(ctx: Context) -> Response:
    """Serve POST /api/v4/tasks: an array; text and complete_till are required."""
    rows = ctx.objects("tasks")
    issues = Issues()
    for index, row in enumerate(rows):
        item = Item(issues, str(row.get("request_id", index)))
        for key in ("text", "complete_till"):
            if key not in row:
                item.add("FieldMissing", key)
        _check_task(ctx.account, row, item)
    issues.raise_if_any()
    made = [_new_task(ctx, row) for row in rows]
    links = render.links(ctx.account, "tasks")
    shown = [_changed(ctx.account, t, row, i) for i, (t, row) in enumerate(zip(made, rows, strict=True))]
    for row in shown:
        del row["updated_at"]
    return Response(200, {"_links": links, "_embedded": {"tasks": shown}})


def patch_task(ctx: Context) -> Response:
    """Serve PATCH /api/v4/tasks/{id}."""
    body = ctx.json()
    if not isinstance(body, dict):
        raise problem(400, "Request body must be an object")
    one = _patch_tasks(ctx, [(ctx.number("id"), body)])[0]
    shown = {"id": one.id, "updated_at": one.updated_at, "_links": render.links(ctx.account, f"tasks/{one.id}")}
    return Response(200, shown)


def patch_tasks(ctx: Context) -> Response:
    """Serve PATCH /api/v4/tasks."""
    rows = ctx.objects("tasks")
    changed = _patch_tasks(ctx, [(row.get("id"), row) for row in rows])
    links = render.links(ctx.account, "tasks")
    shown = [_changed(ctx.account, t, row, i) for i, (t, row) in enumerate(zip(changed, rows, strict=True))]
    return Response(200, {"_links": links, "_embedded": {"tasks": shown}})


def _changed(account: Account, one: Task, row: Json, index: int) -> Json:
    request_id = str(row.get("request_id", index))
    links = render.links(account, f"tasks/{one.id}")
    return {"id": one.id, "updated_at": one.updated_at, "request_id": request_id, "_links": links}


def _check_task(account: Account, row: Json, item: Item) -> None:
    for key, value in row.items():
        if key not in TASK_KEYS:
            item.add("ExtraField", key)
        else:
            item.expect(value, TASK_KEYS[key], key)
    if isinstance(row.get("text"), str) and not row["text"].strip():
        item.add("IsBlank", "text")
    person = row.get("responsible_user_id")
    if isinstance(person, int) and (person not in account.users or not account.users[person].is_active):
        item.add("NotSupportedChoice", "responsible_user_id")
    if isinstance(row.get("task_type_id"), int) and row["task_type_id"] not in account.task_types:
        item.add("NotSupportedChoice", "task_type_id")
    entity = row.get("entity_type")
    if entity is None and "entity_id" in row:
        item.add("FieldMissing", "entity_type")
    elif isinstance(entity, str) and entity not in TASK_ENTITIES:
        item.add("NotSupportedChoice", "entity_type")
    elif isinstance(entity, str) and not _exists(account, entity, row.get("entity_id")):
        item.add("NotSupportedChoice", "entity_id")


def _new_task(ctx: Context, row: Json) -> Task:
    account = ctx.account
    made = Task(
        id=account.new_id("task"),
        text=row["text"],
        complete_till=row["complete_till"],
        responsible_user_id=row.get("responsible_user_id", ctx.actor.user_id),
        created_by=row.get("created_by", ctx.actor.user_id),
        created_at=account.now(),
        updated_at=account.now(),
        entity_id=row.get("entity_id"),
        entity_type=row.get("entity_type"),
        task_type_id=row.get("task_type_id", next(iter(account.task_types))),
        is_completed=row.get("is_completed", False),
        duration=row.get("duration", 0),
        result=(row.get("result") or {}).get("text"),
    )
    account.tasks[made.id] = made
    if made.entity_type == EntityType.LEADS and made.entity_id is not None:
        who = account.user_name(made.responsible_user_id)
        change = Change(
            account.clock.now(), made.entity_id, ctx.actor.name, ctx.actor.user_id, "task", None, f"{made.text} → {who}"
        )
        account.record(change)
    account.add_event("task_added", ("task", made.id), ctx.actor, [])
    account.emit(HookEvent("add_task", "task", "add", [_task_item(account, made)]))
    return made


def _patch_tasks(ctx: Context, rows: list[tuple[Any, Json]]) -> list[Task]:
    account, issues = ctx.account, Issues()
    found: list[Task] = []
    for index, (task_id, row) in enumerate(rows):
        item = Item(issues, str(row.get("request_id", index)))
        one = account.tasks.get(task_id) if isinstance(task_id, int) else None
        _check_task(account, row, item)
        if one is None:
            item.add("NotSupportedChoice", "id")
        else:
            found.append(one)
    issues.raise_if_any()
    for one, (_, row) in zip(found, rows, strict=True):
        for key in ("text", "complete_till", "responsible_user_id", "task_type_id", "is_completed", "duration"):
            if key in row:
                setattr(one, key, row[key])
        if "result" in row:
            one.result = row["result"].get("text")
        one.updated_at = account.now()
        account.touch()
        account.emit(HookEvent("update_task", "task", "update", [_task_item(account, one)]))
    return found


def _task_item(account: Account, one: Task) -> Json:
    return {
        "id": one.id,
        "element_id": one.entity_id,
        "element_type": {"contacts": 1, "leads": 2}.get(str(one.entity_type), ""),
        "task_type": one.task_type_id,
        "text": one.text,
        "status": int(one.is_completed),
        "account_id": account.id,
        "created_user_id": one.created_by,
        "responsible_user_id": one.responsible_user_id,
        "complete_till": one.complete_till,
    }


def events(ctx: Context) -> Response:
    """Serve GET /api/v4/events, newest first, at most 100 a page.

    Chat messages are found by filter[entity][]=contact, although their rows name the lead (events-and-notes).
    """
    wanted = ctx.query().get("filter") or {}
    types, makers = values_of(wanted.get("type")), values_of(wanted.get("created_by"))
    entities, ids = values_of(wanted.get("entity")), values_of(wanted.get("entity_id"))
    if ids and len(entities) != 1:
        raise problem(400, "filter[entity_id] needs exactly one filter[entity]")
    after, before = _period(wanted.get("created_at"))
    rows = [
        _event(ctx.account, e)
        for e in reversed(ctx.account.events)
        if (not types or e.type in types)
        and (not makers or str(e.created_by) in makers)
        and after <= e.created_at <= before
        and _matches(e, entities, ids)
    ]
    return paged(ctx, "events", rows, cap=EVENTS_CAP)


def _period(wanted: Any) -> tuple[float, float]:
    bounds = wanted if isinstance(wanted, dict) else {"from": wanted or 0}
    try:
        return float(bounds.get("from", 0)), float(bounds.get("to", "inf"))
    except ValueError:
        raise problem(400, "filter[created_at] must be a Unix timestamp") from None


def _matches(event: Event, entities: list[str], ids: list[str]) -> bool:
    if not entities:
        return True
    found_as = ("contact", event.contact_id) if event.type in CHAT_EVENTS else (event.entity_type, event.entity_id)
    return found_as[0] in entities and (not ids or str(found_as[1]) in ids)


def _event(account: Account, event: Event) -> Json:
    plural = {"lead": "leads", "contact": "contacts", "task": "tasks"}[event.entity_type]
    entity: Json = {"id": event.entity_id, "_links": render.links(account, f"{plural}/{event.entity_id}")}
    if event.contact_id is not None and event.entity_type == "lead":
        entity["linked_talk_contact_id"] = event.contact_id
    return {
        "id": event.id,
        "type": event.type,
        "entity_id": event.entity_id,
        "entity_type": event.entity_type,
        "created_by": event.created_by,
        "created_at": event.created_at,
        "value_after": event.value_after,
        "value_before": event.value_before,
        "account_id": account.id,
        "_links": render.links(account, f"events/{event.id}"),
        "_embedded": {"entity": entity},
    }
