"""What came of a tool call, in words: for the model, for the deal's notes and for the next prompt. Never an id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dealtalk.agent.values import spoken
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, RemoveTag, SetField, SetPrice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.agent.tools import PlannedAct
    from dealtalk.deals import ChangeResult, DealChange, DealSchema

_SHOWN = 200


def describe(change: DealChange, schema: DealSchema) -> str:
    """Return what a change does, by names: `stage: Sales / Offer`, `City: Berlin`, `tag added: ai`."""
    match change:
        case MoveStage(pipeline_id, stage_id):
            pipeline = schema.pipeline(pipeline_id)
            stage = pipeline.stage(stage_id) if pipeline else None
            text = f"stage: {pipeline.name} / {stage.name}" if pipeline and stage else "stage"
        case SetField(field_id, value):
            field = schema.field(field_id)
            text = f"{field.name if field else 'field'}: {_short(spoken(value))}"
        case SetPrice(price):
            text = f"price: {spoken(price)}"
        case AddTag(tag):
            text = f"tag added: {tag}"
        case RemoveTag(tag):
            text = f"tag removed: {tag}"
        case Assign(person_id):
            person = schema.person(person_id)
            text = f"responsible: {person.name if person else 'a person'}"
        case AddNote():
            text = "note written"
        case AddTask(text=task, due_at=due_at):
            text = f"task: {_short(task)} (due {spoken(due_at)})"
    return text


def describe_result(result: ChangeResult, schema: DealSchema) -> str:
    """Return what a change did, with the old value where the CRM told it: `City: Berlin (was Bonn)`."""
    text = describe(result.change, schema)
    return f"{text} (was {_short(result.old)})" if result.old else text


def result_text(act: PlannedAct, results: Sequence[ChangeResult], schema: DealSchema) -> str:
    """Return the JSON that answers a tool call: what is done, and what is not done and why."""
    done = [describe_result(result, schema) for result in results if result.applied]
    if act.handoff is not None and all(result.applied for result in results):
        done.append("a person was asked for")
    failed = [
        f"{describe(result.change, schema)}: {result.refusal or 'the CRM does not show it'}"
        for result in results
        if not result.applied
    ]
    answer: dict[str, Any] = {"done": done, "not_done": [*failed, *act.refusals]}
    return json.dumps(answer, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line
