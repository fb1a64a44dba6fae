"""Deal changes as attributes of a journal step: what was planned is carried out again exactly so after a crash."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dealtalk.deals import AddNote, AddTag, AddTask, Assign, ChangeResult, MoveStage, RemoveTag, SetField, SetPrice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.conversation.table import Item
    from dealtalk.deals import DealChange, FieldValue


def change_item(change: DealChange) -> Item:
    """Return a change as an attribute's value."""
    match change:
        case MoveStage(pipeline_id, stage_id):
            return {"do": "stage", "pipeline": pipeline_id, "stage": stage_id}
        case SetPrice(price):
            return {"do": "price", "price": str(price)}
        case SetField(field_id, value):
            return {"do": "field", "field": field_id, "value": _value_item(value)}
        case AddTag(tag):
            return {"do": "add_tag", "tag": tag}
        case RemoveTag(tag):
            return {"do": "remove_tag", "tag": tag}
        case Assign(person_id):
            return {"do": "assign", "person": person_id}
        case AddNote(text, marker):
            return {"do": "note", "text": text, "marker": marker}
        case AddTask(text, due_at, marker, person_id):
            return {"do": "task", "text": text, "due_at": due_at.isoformat(), "marker": marker, "person": person_id}


def change_from_item(item: Mapping[str, Any]) -> DealChange:
    """Return the change of an attribute's value."""
    match item["do"]:
        case "stage":
            return MoveStage(item["pipeline"], item["stage"])
        case "price":
            return SetPrice(Decimal(item["price"]))
        case "field":
            return SetField(item["field"], _value_from_item(item["value"]))
        case "add_tag":
            return AddTag(item["tag"])
        case "remove_tag":
            return RemoveTag(item["tag"])
        case "assign":
            return Assign(item["person"])
        case "note":
            return AddNote(item["text"], item["marker"])
        case _:
            return AddTask(item["text"], datetime.fromisoformat(item["due_at"]), item["marker"], item.get("person"))


def result_item(result: ChangeResult) -> Item:
    """Return what came of a change as an attribute's value."""
    return {
        "change": change_item(result.change),
        "applied": result.applied,
        "old": result.old,
        "new": result.new,
        "refusal": result.refusal,
        "created_id": result.created_id,
    }


def result_from_item(item: Mapping[str, Any]) -> ChangeResult:
    """Return what came of a change."""
    return ChangeResult(
        change_from_item(item["change"]),
        item["applied"],
        old=item.get("old"),
        new=item.get("new"),
        refusal=item.get("refusal"),
        created_id=item.get("created_id"),
    )


def _value_item(value: FieldValue) -> list[Any]:
    match value:
        case bool():
            return ["bool", value]
        case Decimal():
            return ["number", str(value)]
        case datetime():
            return ["datetime", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case tuple():
            return ["several", list(value)]
        case _:
            return ["text", value]


def _value_from_item(item: list[Any]) -> FieldValue:
    kind, value = item
    match kind:
        case "bool":
            return bool(value)
        case "number":
            return Decimal(value)
        case "datetime":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case "several":
            return tuple(value)
        case _:
            return str(value)
