"""A deal and a chat as a person sees them: names instead of ids, the same shape for every simulator's page."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24.crm import TITLES, stages_of
from local.simulators.bitrix24.entities import EntityType

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import Dialog, Item, Json, Message
    from local.simulators.bitrix24.state import Portal

CLOSED = {"S", "F"}


def card(portal: Portal, item: Item) -> Json:
    """Return a lead or deal with its notes, tasks and history."""
    stage = next((each for each in stages_of(portal, item) if each.id == item.values["stageId"]), None)
    pipeline = "Лиды" if item.entity is EntityType.LEAD else portal.categories[item.values["categoryId"]].name
    fields = {each.title: each for each in portal.fields_of(item.entity)}
    mine = [each for each in portal.comments.values() if (each.entity, each.owner_id) == (item.entity, item.id)]
    todos = [each for each in portal.todos.values() if (each.entity, each.owner_id) == (item.entity, item.id)]
    contact = portal.item(EntityType.CONTACT, int(item.values.get("contactId") or 0))
    return {
        "id": item.id,
        "name": item.values["title"],
        "pipeline": pipeline,
        "stage": stage.name if stage else item.values["stageId"],
        "price": item.values["opportunity"] or None,
        "currency": portal.currency,
        "responsible": person(portal, item.values["assignedById"]),
        "tags": [str(each) for each in item.values.get("UF_CRM_TAGS") or ()],
        "fields": {
            title: in_words(portal, item, each.name) for title, each in fields.items() if each.name != "UF_CRM_TAGS"
        },
        "contacts": [contact.values["name"]] if contact else [],
        "notes": [
            {"id": n.id, "type": "comment", "text": n.text, "by": person(portal, n.author_id), "at": n.created}
            for n in mine
        ],
        "tasks": [
            {
                "id": t.id,
                "text": t.description,
                "due": int(datetime.fromisoformat(t.deadline).timestamp()),
                "responsible": person(portal, t.responsible_id),
                "done": False,
                "result": None,
            }
            for t in todos
        ],
        "history": [_change(portal, item, each) for each in item.history],
        "closed_at": None if stage is None or stage.semantics not in CLOSED else item.values["updatedTime"],
    }


def _change(portal: Portal, item: Item, row: Json) -> Json:
    what, user = row["what"], row["user"]
    field = portal.fields.get(what)
    title = field.title if field else TITLES[item.entity].get(what, ("", what))[1]
    old, new = (value_in_words(portal, item, what, row[side]) for side in ("old", "new"))
    return {"at": row["at"], "who": person(portal, user), "user_id": user, "what": title, "old": old, "new": new}


def in_words(portal: Portal, item: Item, name: str) -> str | None:
    """Return a field's value as a person reads it; None where it is empty."""
    return value_in_words(portal, item, name, item.values.get(name))


def value_in_words(portal: Portal, item: Item, name: str, value: Any) -> str | None:
    """Return a value of this field as a person reads it."""
    if value in (None, "", []):
        return None
    field = portal.fields.get(name)
    if field is not None and field.items:
        named = dict(field.items)
        return ", ".join(named[each] for each in (value if isinstance(value, list) else [value]))
    if name == "stageId":
        stages = [stage for each in portal.categories.values() for stage in each.stages]
        stages = portal.lead_stages if item.entity is EntityType.LEAD else stages
        return next((stage.name for stage in stages if stage.id == value), str(value))
    if name == "categoryId":
        return portal.categories[int(value)].name
    if name == "assignedById":
        return person(portal, value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def person(portal: Portal, user_id: int) -> str:
    """Return a user's name."""
    user = portal.users.get(user_id)
    return user.full_name if user else str(user_id)


def chat(portal: Portal, dialog: Dialog) -> Json:
    """Return a chat with its lines."""
    return {
        "chat_id": str(dialog.chat_id),
        "contact": portal.users[dialog.user_id].full_name,
        "origin": dialog.connector,
        "talk_id": dialog.session_id,
        "lead": dialog.deal_id or dialog.lead_id or None,
        "is_in_work": not dialog.closed,
        "owner": person(portal, dialog.owner) if dialog.owner else None,
        "lines": [line(portal, dialog, each) for each in dialog.messages if each.via != "system"],
    }


def line(portal: Portal, dialog: Dialog, message: Message) -> Json:
    """Return a message as a page shows it."""
    attachment = {"type": message.files[0].get("type", "file")} if message.files else None
    return {
        "id": str(message.id),
        "chat_id": str(dialog.chat_id),
        "talk_id": dialog.session_id,
        "author": person(portal, message.author_id),
        "text": message.text,
        "created_at": int(message.created),
        "outgoing": message.via != "customer",
        "attachment": attachment,
        "via": message.via,
        "who": message.via,
    }
