"""Notes and tasks: created once, and found again by a marker in their last line.

A note is a comment of the item's timeline (crm.timeline.comment.add), a task a universal activity
(crm.activity.todo.add); neither keeps an id of ours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.api import number
from dealtalk.crm.bitrix24.deal import GONE
from dealtalk.crm.bitrix24.errors import Refused
from dealtalk.crm.bitrix24.fields import instant
from dealtalk.crm.bitrix24.items import item_of
from dealtalk.crm.markers import ends_with_mark, marked
from dealtalk.deals import AddNote, AddTask, ChangeResult
from dealtalk.errors import DealGone, OutcomeUnknown
from dealtalk.ports import Certainty

if TYPE_CHECKING:
    from dealtalk.crm.bitrix24.api import Api, Json
    from dealtalk.crm.bitrix24.deal import Deals
    from dealtalk.deals import DealAddition

SKEW = timedelta(seconds=60)
"""The portal's clock may be behind ours; markers are unique, so a wide window does no harm."""

TITLE = 100
NEWEST = {"order": {"ID": "DESC"}}
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def add(api: Api, deals: Deals, deal_id: str, addition: DealAddition) -> ChangeResult:
    """Create the note or task in one call; where a task names nobody and the deal was not read, it is read first.

    `applied` where the CRM gave an id. Raises OutcomeUnknown, DealGone.
    """
    match addition:
        case AddNote():
            method, params = "crm.timeline.comment.add", _note(deal_id, addition)
        case AddTask():
            method = "crm.activity.todo.add"
            params = _task(deal_id, addition, addition.person_id or deals.person(deal_id))
    try:
        answer = api.write(method, params)
    except Refused as refusal:
        if refusal.code in GONE:
            msg = "the deal does not exist any more or may not be changed"
            raise DealGone(msg) from None
        return ChangeResult(addition, applied=False, refusal=f"The CRM refused it: {refusal.detail or refusal.code}.")
    created = answer.get("id") if isinstance(answer, dict) else answer
    if not created or isinstance(created, bool):
        msg = "the CRM did not name what it created"
        raise OutcomeUnknown(msg)
    return ChangeResult(addition, applied=True, new=addition.text, created_id=str(created))


def was_added(api: Api, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
    """Return whether the deal's newest comments or activities hold the addition's marker; one call."""
    item = item_of(deal_id)
    if isinstance(addition, AddNote):
        method, text = "crm.timeline.comment.list", "COMMENT"
        wanted: Json = {"ENTITY_ID": item.id, "ENTITY_TYPE": item.owner}
    else:
        method, text = "crm.activity.list", "DESCRIPTION"
        wanted = {"OWNER_TYPE_ID": item.type_id, "OWNER_ID": item.id}
    found, more = api.page(method, {"filter": wanted, **NEWEST})
    if any(ends_with_mark(str(row.get(text) or ""), addition.marker) for row in found):
        return Certainty.YES
    oldest = min((instant(row.get("CREATED")) or _LONG_AGO for row in found), default=_LONG_AGO)
    return Certainty.UNKNOWN if more and oldest >= since - SKEW else Certainty.NO


def _note(deal_id: str, note: AddNote) -> dict[str, Any]:
    item = item_of(deal_id)
    return {
        "fields": {"ENTITY_ID": item.id, "ENTITY_TYPE": item.owner, "COMMENT": marked(note.text, note.marker)},
    }


def _task(deal_id: str, task: AddTask, person: str | None) -> dict[str, Any]:
    item = item_of(deal_id)
    params: Json = {
        "ownerTypeId": item.type_id,
        "ownerId": item.id,
        "deadline": task.due_at.astimezone(UTC).isoformat(timespec="seconds"),
        "title": task.text.partition("\n")[0][:TITLE],
        "description": marked(task.text, task.marker),
    }
    return params | ({"responsibleId": number(person)} if person else {})
