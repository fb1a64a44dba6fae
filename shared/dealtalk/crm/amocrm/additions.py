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

CONTACT = "contact:"
"""How the place of a chat without a lead begins, see `contact_place`."""

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
            entity, owner = _owner(deal_id)
            path, name, row = f"/api/v4/{entity}/{owner}/notes", "notes", _note(addition, options)
        case AddTask():
            person = addition.person_id or responsible or _responsible(api, deal_id)
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


def contact_place(contact_id: str) -> str:
    """Return what `add` and `was_added` take for a contact in the place of a deal's id."""
    return CONTACT + contact_id


def _owner(place: str) -> tuple[str, int]:
    """Return the kind of entity, as paths call it, and its number."""
    contact = place.startswith(CONTACT)
    return ("contacts", number(place.removeprefix(CONTACT))) if contact else ("leads", number(place))


def _responsible(api: Api, place: str) -> str | None:
    """Return whose the deal or the contact is; of a contact that may not be seen, None: the token's user."""
    entity, owner = _owner(place)
    if entity == "leads":
        return read_deal(api, place, with_contact=False).responsible_id
    try:
        row = api.get(f"/api/v4/contacts/{owner}") or {}
    except Refused:
        return None
    return str(row["responsible_user_id"]) if row.get("responsible_user_id") else None


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
    entity, owner = _owner(deal_id)
    row: Json = {
        "text": marked(task.text, task.marker),
        "complete_till": int(task.due_at.timestamp()),
        "entity_id": owner,
        "entity_type": entity,
        "task_type_id": options.task_type_id,
    }
    if person:
        row["responsible_user_id"] = number(person)
    return row


def _search(deal_id: str, addition: DealAddition, since: datetime) -> tuple[str, str, Params]:
    entity, owner = _owner(deal_id)
    newest: list[tuple[str, str | int]] = [
        ("filter[updated_at][from]", int((since - SKEW).timestamp())),
        ("order[id]", "desc"),
        ("limit", PAGE),
    ]
    if isinstance(addition, AddNote):
        return f"/api/v4/{entity}/{owner}/notes", "notes", newest
    return "/api/v4/tasks", "tasks", [("filter[entity_type]", entity), ("filter[entity_id][]", owner), *newest]


def _text(row: Json) -> str:
    params = row.get("params")
    text = params.get("text") if isinstance(params, dict) else row.get("text")
    return str(text or "")
