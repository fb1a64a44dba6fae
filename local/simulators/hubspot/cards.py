"""Deals and threads as a page shows them: names instead of ids."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING

from local.simulators.hubspot import values

if TYPE_CHECKING:
    from local.simulators.hubspot.entities import Json, Message, Thing, Thread
    from local.simulators.hubspot.portal import Portal

TAGS = "bot_tags"
MESSAGE_WHO = {"customer", "employee", "bot"}


def deal_card(portal: Portal, deal: Thing) -> Json:
    """Return a deal as a person sees it, with notes, tasks and history."""
    properties = deal.properties
    owner = portal.user_of_owner(properties.get("hubspot_owner_id"))
    amount = properties.get("amount")
    own = [each for each in portal.properties.values() if each.own and each.name != TAGS]
    tags = values.in_words(portal, TAGS, properties.get(TAGS, ""))
    return {
        "id": deal.id,
        "name": properties["dealname"],
        "pipeline": values.in_words(portal, "pipeline", properties["pipeline"]),
        "stage": values.in_words(portal, "dealstage", properties["dealstage"]),
        "price": float(Decimal(amount)) if amount else 0,
        "currency": portal.currency,
        "responsible": owner.name if owner else None,
        "tags": tags.split(", ") if tags else [],
        "fields": {each.label: values.in_words(portal, each.name, properties.get(each.name, "")) for each in own},
        "contacts": [
            portal.objects["contacts"][each].properties["firstname"] for each in deal.linked.get("contacts", ())
        ],
        "notes": [_note(portal, portal.objects["notes"][each]) for each in deal.linked.get("notes", ())],
        "tasks": [_task(portal, portal.objects["tasks"][each]) for each in deal.linked.get("tasks", ())],
        "history": portal.history.get(deal.id, []),
        "closed_at": None,
    }


def thread_card(portal: Portal, thread: Thread) -> Json:
    """Return a thread with its lines; `lead` is the contact's newest deal."""
    contact = portal.objects["contacts"][thread.contact_id]
    deals = [each for each in contact.linked.get("deals", ()) if portal.thing("deals", each)]
    lines = [row for row in thread.rows if row.type == "MESSAGE"]
    return {
        "chat_id": thread.id,
        "contact": f"{contact.properties['firstname']} {contact.properties['lastname']}".strip(),
        "origin": portal.channels[thread.channel_id]["name"],
        "talk_id": thread.id,
        "lead": deals[-1] if deals else None,
        "is_in_work": thread.status == "OPEN",
        "assigned_to": thread.assigned_to,
        "lines": [line(row) for row in lines],
    }


def line(row: Message) -> Json:
    """Return a message for a page."""
    attached = row.body.get("attachments") or []
    return {
        "id": row.id,
        "who": row.who if row.who in MESSAGE_WHO else "bot",
        "author": row.author,
        "text": row.body.get("whole", row.body["text"]),
        "outgoing": row.body.get("direction") == "OUTGOING",
        "via": row.via,
        "created_at": int(row.created_at),
        "attachment": {"type": str(attached[0].get("type", "file")).lower()} if attached else None,
    }


def _note(portal: Portal, note: Thing) -> Json:
    owner = portal.user_of_owner(note.properties.get("hubspot_owner_id"))
    return {
        "id": note.id,
        "type": "note",
        "text": _plain(note.properties.get("hs_note_body", "")),
        "by": owner.name if owner else "Dealtalk",
        "at": note.created_at,
    }


def _task(portal: Portal, task: Thing) -> Json:
    owner = portal.user_of_owner(task.properties.get("hubspot_owner_id"))
    return {
        "id": task.id,
        "text": task.properties.get("hs_task_subject", ""),
        "due": task.properties["hs_timestamp"],
        "responsible": owner.name if owner else "",
        "done": task.properties.get("hs_task_status") == "COMPLETED",
        "result": None,
    }


def _plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html.replace("<br>", "\n")))
