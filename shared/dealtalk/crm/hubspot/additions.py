"""Notes and tasks of a deal, or of a contact: created once, found again by a marker in the last line (see `markers`).

Follows POST /crm/v3/objects/notes and /tasks; texts are HTML. They are looked up by associations, since the
search lags behind writes.
"""

from __future__ import annotations

import re
from datetime import UTC
from html import escape, unescape
from http import HTTPStatus
from typing import TYPE_CHECKING

from dealtalk.crm.hubspot.api import path_id, rows
from dealtalk.crm.hubspot.deal import OBJECTS
from dealtalk.crm.hubspot.errors import Refused
from dealtalk.crm.markers import ends_with_mark, marked
from dealtalk.deals import AddNote, AddTask, ChangeResult
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.crm.hubspot.api import Api, Json
    from dealtalk.deals import DealAddition
    from dealtalk.ports import Clock

CONTACT = "contact:"
"""What stands before a contact's id where notes and tasks go to a contact, since there is no deal."""

LINKS = {("notes", "deals"): 214, ("tasks", "deals"): 216, ("notes", "contacts"): 202, ("tasks", "contacts"): 204}
"""HubSpot's own types of association."""

LONGEST_NOTE = 60_000
LONGEST_SUBJECT = 250
MOST_LOOKED_AT = 100
KINDS: dict[type[AddNote | AddTask], tuple[str, str]] = {
    AddNote: ("notes", "hs_note_body"),
    AddTask: ("tasks", "hs_task_body"),
}


def add(api: Api, place: str, addition: DealAddition, responsible: str | None, clock: Clock) -> ChangeResult:
    """Create the note or task in one call; a task without a person goes to `responsible`, an owner.

    `place` is a deal's id, or a contact's behind `CONTACT`.

    `applied` where the CRM gave an id. Raises OutcomeUnknown, DealGone.
    """
    match addition:
        case AddNote():
            kind, properties = "notes", _note(addition, clock.now())
        case AddTask():
            kind, properties = "tasks", _task(addition, addition.person_id or responsible)
    of, object_id = whose(place)
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": LINKS[kind, of]}]
    payload = {"properties": properties, "associations": [{"to": {"id": object_id}, "types": types}]}
    try:
        answer = api.write("POST", f"{OBJECTS}/{kind}", payload)
    except Refused as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND or any(
            each.code == "INVALID_ASSOCIATION" for each in refusal.complaints
        ):
            msg = "the deal does not exist any more or may not be changed"
            raise DealGone(msg) from None
        reason = next((each.message for each in refusal.complaints if each.message), refusal.message)
        return ChangeResult(addition, applied=False, refusal=f"The CRM refused it: {reason or refusal.status}.")
    created = answer.get("id")
    if not created:
        msg = "the CRM did not name what it created"
        raise OutcomeUnknown(msg)
    return ChangeResult(addition, applied=True, new=addition.text, created_id=str(created))


def whose(place: str) -> tuple[str, str]:
    """Return the kind of object and its id."""
    is_contact = place.startswith(CONTACT)
    return ("contacts", place.removeprefix(CONTACT)) if is_contact else ("deals", place)


def was_added(api: Api, place: str, addition: DealAddition) -> Certainty:
    """Return whether one of the place's newest notes or tasks holds the addition's marker; two calls."""
    kind, text = KINDS[type(addition)]
    of, object_id = whose(place)
    found = api.find(f"/crm/v4/objects/{of}/{path_id(object_id)}/associations/{kind}", [("limit", 500)]) or {}
    ids = sorted({str(each["toObjectId"]) for each in rows(found)}, key=lambda each: (len(each), each))
    newest = ids[-MOST_LOOKED_AT:]
    if not newest:
        return Certainty.NO
    asked = {"inputs": [{"id": each} for each in newest], "properties": [text]}
    bodies = [str(row["properties"].get(text) or "") for row in rows(api.ask(f"{OBJECTS}/{kind}/batch/read", asked))]
    if any(ends_with_mark(plain(body), addition.marker) for body in bodies):
        return Certainty.YES
    more = len(ids) > len(newest) or bool(found.get("paging"))
    return Certainty.UNKNOWN if more or len(bodies) < len(newest) else Certainty.NO


def html_of(text: str) -> str:
    """Return a text as HTML that shows it as it is."""
    return escape(text, quote=False).replace("\n", "<br>")


def plain(html: str) -> str:
    """Return the text of such HTML, also where HubSpot has put its own elements around it."""
    lines = re.sub(r"<br\s*/?>|</p>|</div>", "\n", html)
    return unescape(re.sub(r"<[^>]{0,500}>", "", lines))


def _note(note: AddNote, now: datetime) -> Json:
    return {"hs_timestamp": _moment(now), "hs_note_body": html_of(marked(note.text[:LONGEST_NOTE], note.marker))}


def _task(task: AddTask, person: str | None) -> Json:
    properties = {
        "hs_timestamp": _moment(task.due_at),
        "hs_task_subject": task.text.partition("\n")[0][:LONGEST_SUBJECT],
        "hs_task_body": html_of(marked(task.text, task.marker)),
        "hs_task_status": "NOT_STARTED",
        "hs_task_priority": "HIGH",
        "hs_task_type": "TODO",
    }
    return properties if person is None else {**properties, "hubspot_owner_id": person}


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
