"""Deal changes as the events that carry them, and what the receiver's answer says of each."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from dealtalk.crm.custom.deal_json import as_json
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, RemoveTag, SetField, SetPrice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dealtalk.deals import DealChange, DealSchema

Json = dict[str, Any]

NOT_CONFIRMED = "The CRM did not confirm this change. Treat it as not done."
MAX_REASON = 300


def change_json(change: DealChange, schema: DealSchema | None = None) -> Json:
    """Return a change as a `deal_changes` event lists it: ids to act on, names to read."""
    match change:
        case MoveStage(pipeline_id, stage_id):
            pipeline = schema.pipeline(pipeline_id) if schema else None
            stage = pipeline.stage(stage_id) if pipeline else None
            names = {"pipeline": pipeline.name if pipeline else None, "stage": stage.name if stage else None}
            body = {"type": "move_stage", "pipeline_id": pipeline_id, "stage_id": stage_id, **names}
        case SetPrice(price):
            body = {"type": "set_price", "price": f"{price:f}"}
        case SetField(field_id, value):
            field = schema.field(field_id) if schema else None
            name = field.name if field else None
            return {"type": "set_field", "field_id": field_id, "field": name, "value": as_json(value)}
        case AddTag(tag):
            body = {"type": "add_tag", "tag": tag}
        case RemoveTag(tag):
            body = {"type": "remove_tag", "tag": tag}
        case Assign(person_id):
            person = schema.person(person_id) if schema else None
            body = {"type": "assign", "person_id": person_id, "person": person.name if person else None}
        case AddNote(text, _):
            body = {"type": "add_note", "text": text}
        case AddTask(text, due_at, _, person_id):
            due = due_at.astimezone(UTC).isoformat(timespec="seconds")
            body = {"type": "add_task", "text": text, "due_at": due, "person_id": person_id}
    return dict(body)


def results_of(answer: Mapping[str, Any], count: int) -> list[Json]:
    """Return the answer's result for each change; an answer that does not tell of each confirms none."""
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != count:
        return [{"applied": False, "reason": NOT_CONFIRMED}] * count
    return [each if isinstance(each, dict) else {} for each in results]


def refusals_of(results: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return the sentence for each change that was not applied."""
    return {
        index: reason if (reason := str(result.get("reason") or "")[:MAX_REASON]) else NOT_CONFIRMED
        for index, result in enumerate(results)
        if result.get("applied") is not True
    }
