"""Notes and tasks: created once, and found again by a marker in their last line (see `markers`).

Follows POST /api/v4/leads/{id}/notes and POST /api/v4/tasks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.crm.amocrm.api import PAGE, embedded, number
from dealtalk.crm.amocrm.changes import SENTENCES
from dealtalk.crm.amocrm.deal import NOT_FOUND, read_deal
from dealtalk.crm.amocrm.errors import Refused
from dealtalk.crm.amocrm.options import NoteType
from dealtalk.crm.markers import ends_with_mark, marked
from dealtalk.deals import AddNote, AddTask, ChangeResult
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.crm.amocrm.api import Api, Json
    from dealtalk.crm.amocrm.options import AmocrmOptions
    from dealtalk.crm.http import Params
    from dealtalk.deals import DealAddition

SKEW = timedelta(seconds=60)
"""The CRM's clock may be behind ours; markers are unique, so a wide window does no harm."""


def add(
    api: Api, deal_id: str, addition: DealAddition, options: AmocrmOptions, responsible: str | None
) -> ChangeResult:
    """Create the note or task in one call; `responsible` is the deal's person as far as known, else it is read first.

    `applied` where the CRM gave an id. Raises OutcomeUnknown, DealGone.
    """
    match addition:
        case AddNote():
            path, name, row = f"/api/v4/leads/{number(deal_id)}/notes", "notes", _note(addition, options)
        case AddTask():
            person = addition.person_id or responsible or read_deal(api, deal_id, with_contact=False).responsible_id
            path, name, row = "/api/v4/tasks", "tasks", _task(addition, deal_id, person, options)
    try:
        answer = api.write("POST", path, [row])
    except Refused as refusal:
        if refusal.status == NOT_FOUND or any(each.path == "entity_id" for each in refusal.complaints):
            msg = "the deal does not exist any more or may not be changed"
            raise DealGone(msg) from None
        reason = next((SENTENCES.get(each.code) or each.detail for each in refusal.complaints), refusal.detail)
        return ChangeResult(addition, applied=False, refusal=f"The CRM refused it: {reason or refusal.status}.")
    created = next((str(each["id"]) for each in embedded(answer, name) if each.get("id")), None)
    if created is None:
        msg = "the CRM did not name what it created"
        raise OutcomeUnknown(msg)
    return ChangeResult(addition, applied=True, new=addition.text, created_id=created)


def was_added(api: Api, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
    """Return whether the deal's newest notes or tasks hold the addition's marker; one call."""
    rows, more = api.page(*_search(deal_id, addition, since))
    if any(ends_with_mark(_text(row), addition.marker) for row in rows):
        return Certainty.YES
    return Certainty.UNKNOWN if more else Certainty.NO


def _note(note: AddNote, options: AmocrmOptions) -> Json:
    params = {"text": marked(note.text, note.marker)}
    if options.note_type is not NoteType.COMMON:
        params["service"] = options.note_service
    return {"note_type": options.note_type.value, "params": params}


def _task(task: AddTask, deal_id: str, person: str | None, options: AmocrmOptions) -> Json:
    row: Json = {
        "text": marked(task.text, task.marker),
        "complete_till": int(task.due_at.timestamp()),
        "entity_id": number(deal_id),
        "entity_type": "leads",
        "task_type_id": options.task_type_id,
    }
    if person:
        row["responsible_user_id"] = number(person)
    return row


def _search(deal_id: str, addition: DealAddition, since: datetime) -> tuple[str, str, Params]:
    lead = number(deal_id)
    newest: list[tuple[str, str | int]] = [
        ("filter[updated_at][from]", int((since - SKEW).timestamp())),
        ("order[id]", "desc"),
        ("limit", PAGE),
    ]
    if isinstance(addition, AddNote):
        return f"/api/v4/leads/{lead}/notes", "notes", newest
    return "/api/v4/tasks", "tasks", [("filter[entity_type]", "leads"), ("filter[entity_id][]", lead), *newest]


def _text(row: Json) -> str:
    params = row.get("params")
    text = params.get("text") if isinstance(params, dict) else row.get("text")
    return str(text or "")
