"""The few verbs that a model is offered, made from the profile and the live schema, and how its calls are read.

No tool has an id among its arguments: the deal is the conversation's own. Shapes follow the function tools of
https://platform.openai.com/docs/guides/function-calling.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dealtalk.agent.names import allowed_name, nearest, present_place, targets
from dealtalk.agent.policy import MAX_NOTE, MAX_TASK, Plan, plan_note, plan_task, plan_update, quoted
from dealtalk.agent.values import MAX_LONG_TEXT, MAX_TEXT, Unusable, allowed_options, clean_text
from dealtalk.deals import FieldKind
from dealtalk.ports import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dealtalk.agent.profile import FieldRule, Profile
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate, FieldSchema
    from dealtalk.ports import ToolCall

UPDATE_DEAL = "update_deal"
ADD_NOTE = "add_note"
CREATE_TASK = "create_task"
HAND_OVER = "hand_over"
MAX_ARGUMENTS = 30_000
MAX_NAMES = 200
"""Keys that an object among the arguments may hold; each unknown one would cost a look for the nearest."""

MAX_REFUSALS = 10
"""Sentences about one call; the rest is counted."""

MAX_REASON = 300
MAX_SUMMARY = 2000


@dataclass(frozen=True, slots=True)
class Handoff:
    """The model asks for a person: why, and what the person should know."""

    reason: str
    summary: str


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """What one tool call comes to after the policy.

    Updates and additions may be executed as they stand (additions still need their marker). `refusals` are sentences
    about what was not allowed; the rest proceeds. `unknown_names`: a fresher schema might know what was refused.
    """

    call_id: str
    tool: str
    updates: tuple[DealUpdate, ...] = ()
    additions: tuple[DealAddition, ...] = ()
    handoff: Handoff | None = None
    refusals: tuple[str, ...] = ()
    unknown_names: bool = False


def build_tools(profile: Profile, schema: DealSchema, deal: Deal | None) -> tuple[Tool, ...]:
    """Return the tools that the profile allows on this deal as it stands; without a deal only `hand_over`."""
    tools = []
    if deal is not None:
        properties = _update_properties(profile, schema, deal)
        if properties:
            text = "Change the deal. Name only what the customer's words or your instructions give a reason for."
            tools.append(Tool(UPDATE_DEAL, text, _object(properties)))
        if profile.changes.notes:
            tools.append(_note_tool())
        if profile.changes.tasks.allowed:
            tools.append(_task_tool(profile, schema))
    tools.append(_handover_tool())
    return tuple(tools)


def _object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _update_properties(profile: Profile, schema: DealSchema, deal: Deal) -> dict[str, Any]:
    changes = profile.changes
    properties: dict[str, Any] = {}
    stages = [target.label for target in targets(profile, schema, deal)]
    if stages:
        properties["stage"] = {"type": "string", "enum": stages, "description": "The stage to move the deal to."}
    fields = _field_properties(profile, schema, deal)
    if fields:
        properties["fields"] = _object(fields)
    if changes.price is not None and not (changes.price.policy == "fill_empty" and deal.price):
        properties["price"] = _number("The deal's amount, a plain number.", changes.price.min, changes.price.max)
    addable = [tag for tag in changes.tags.add if allowed_name(tag, deal.tags) is None]
    if addable:
        properties["add_tags"] = {"type": "array", "items": {"type": "string", "enum": addable}}
    removable = [tag for tag in changes.tags.remove if allowed_name(tag, deal.tags) is not None]
    if removable:
        properties["remove_tags"] = {"type": "array", "items": {"type": "string", "enum": removable}}
    people = _known_people(changes.people, schema)
    if people:
        properties["responsible"] = {"type": "string", "enum": people, "description": "Who is to lead the deal."}
    return properties


def _field_properties(profile: Profile, schema: DealSchema, deal: Deal) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for rule in profile.changes.fields:
        found = schema.fields_named(rule.name)
        if len(found) != 1 or found[0].read_only or found[0].kind is FieldKind.UNSUPPORTED:
            continue
        if rule.policy == "fill_empty" and found[0].id in deal.fields:
            continue
        shape = _field_shape(found[0], rule)
        if shape is not None:
            properties[rule.name] = shape
    return properties


_HINTS = {
    FieldKind.DATE: "A date as YYYY-MM-DD.",
    FieldKind.DATETIME: "A local date and time as YYYY-MM-DDTHH:MM.",
    FieldKind.URL: "A link.",
    FieldKind.CONTACTS: "Phone numbers or e-mail addresses.",
}


def _field_shape(field: FieldSchema, rule: FieldRule) -> dict[str, Any] | None:
    words = " ".join(text for text in (rule.description, _HINTS.get(field.kind, "")) if text)
    described = {"description": words} if words else {}
    if field.kind in {FieldKind.SELECT, FieldKind.MULTISELECT}:
        return _choice(field, rule, described)
    if field.kind in {FieldKind.NUMBER, FieldKind.MONEY}:
        return _number(words, Decimal(0) if rule.min is None else rule.min, rule.max)
    if field.kind is FieldKind.CHECKBOX:
        shape: dict[str, Any] = {"type": "boolean"}
    elif field.kind is FieldKind.CONTACTS:
        shape = {"type": "array", "items": {"type": "string"}}
    elif rule.values:
        shape = {"type": "string", "enum": list(rule.values)}
    else:
        shape = {"type": "string", "maxLength": MAX_LONG_TEXT if field.kind is FieldKind.LONG_TEXT else MAX_TEXT}
    return {**shape, **described}


def _choice(field: FieldSchema, rule: FieldRule, described: dict[str, str]) -> dict[str, Any] | None:
    options = list(dict.fromkeys(allowed_options(field, rule)))
    if not options:
        return None
    choice = {"type": "string", "enum": options}
    many = field.kind is FieldKind.MULTISELECT
    return {"type": "array", "items": choice, **described} if many else {**choice, **described}


def _number(words: str, low: Decimal, high: Decimal | None) -> dict[str, Any]:
    shape: dict[str, Any] = {"type": "number", "minimum": _json_number(low)}
    if high is not None:
        shape["maximum"] = _json_number(high)
    return {**shape, "description": words} if words else shape


def _json_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _known_people(names: Sequence[str], schema: DealSchema) -> list[str]:
    return [name for name in names if len(schema.people_named(name)) == 1]


def _note_tool() -> Tool:
    text = {
        "type": "string",
        "maxLength": MAX_NOTE,
        "description": "What a colleague should know. Not for the customer.",
    }
    return Tool(ADD_NOTE, "Write an internal note into the deal.", _object({"text": text}, ["text"]))


def _task_tool(profile: Profile, schema: DealSchema) -> Tool:
    properties: dict[str, Any] = {
        "text": {"type": "string", "maxLength": MAX_TASK, "description": "What is to be done."},
        "due_at": {"type": "string", "description": "Local date and time as YYYY-MM-DDTHH:MM."},
    }
    people = _known_people(profile.changes.tasks.people, schema)
    if people:
        words = "For whom; left out, for the person who is responsible for the deal."
        properties["person"] = {"type": "string", "enum": people, "description": words}
    return Tool(CREATE_TASK, "Create a task for a colleague.", _object(properties, ["text", "due_at"]))


def _handover_tool() -> Tool:
    properties = {
        "reason": {"type": "string", "maxLength": MAX_REASON, "description": "Why a person is needed, one sentence."},
        "summary": {
            "type": "string",
            "maxLength": MAX_SUMMARY,
            "description": "What the customer wants and what is known, at most three lines.",
        },
    }
    text = "Give the conversation to a person. Afterwards you stay silent until a person is done."
    return Tool(HAND_OVER, text, _object(properties, ["reason", "summary"]))


def needs_fresh_schema(schema: DealSchema, deal: Deal) -> bool:
    """Return whether the deal stands in a stage that the schema does not know yet."""
    return present_place(schema, deal) is None


def parse_call(call: ToolCall, *, profile: Profile, schema: DealSchema, deal: Deal | None, now: datetime) -> PlannedAct:
    """Return what the call comes to. Never raises: what cannot be read or is not allowed becomes a refusal."""
    tools = {tool.name: tool for tool in build_tools(profile, schema, deal)}
    allowed = _verbs(profile, deal)
    if call.name not in allowed:
        return _refused(call, f"There is no tool {quoted(call.name)}; {nearest(call.name, list(tools))}")
    arguments = _read_arguments(call.arguments)
    if isinstance(arguments, str):
        return _refused(call, arguments)
    if call.name == HAND_OVER:
        return _handoff(call, arguments)
    known = _KEYS[call.name]
    stray = [f"{call.name} has no {quoted(key)}; {nearest(key, known)}" for key in arguments if key not in known]
    arguments = {key: value for key, value in arguments.items() if key in known}
    plan = Plan()
    if call.name == UPDATE_DEAL and deal is not None:
        plan = plan_update(profile, schema, deal, arguments)
    elif call.name == ADD_NOTE:
        plan = plan_note(profile, arguments)
    elif call.name == CREATE_TASK:
        plan = plan_task(profile, schema, now, arguments)
    if not (arguments or stray):
        stray = [f"{call.name} was called without anything to do."]
    return PlannedAct(
        call_id=call.id,
        tool=call.name,
        updates=tuple(plan.updates),
        additions=tuple(plan.additions),
        refusals=_some((*stray, *plan.refusals)),
        unknown_names=plan.unknown_names,
    )


_KEYS = {
    UPDATE_DEAL: ["stage", "fields", "price", "add_tags", "remove_tags", "responsible"],
    ADD_NOTE: ["text"],
    CREATE_TASK: ["text", "due_at", "person"],
    HAND_OVER: ["reason", "summary"],
}


def _some(refusals: tuple[str, ...]) -> tuple[str, ...]:
    more = len(refusals) - MAX_REFUSALS
    return refusals if more <= 0 else (*refusals[:MAX_REFUSALS], f"{more} more things were not done either.")


def _verbs(profile: Profile, deal: Deal | None) -> list[str]:
    if deal is None:
        return [HAND_OVER]
    allowed = [UPDATE_DEAL, HAND_OVER]
    if profile.changes.notes:
        allowed.append(ADD_NOTE)
    if profile.changes.tasks.allowed:
        allowed.append(CREATE_TASK)
    return allowed


def _refused(call: ToolCall, sentence: str) -> PlannedAct:
    return PlannedAct(call.id, call.name[:64], refusals=(sentence,))


def _read_arguments(text: str) -> dict[str, Any] | str:
    """Return the arguments as an object, or a sentence that says what is wrong with their JSON."""
    if len(text) > MAX_ARGUMENTS:
        return f"The arguments are longer than {MAX_ARGUMENTS} characters."
    try:
        arguments = json.loads(
            text or "{}", parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_unique_keys
        )
    except (ValueError, RecursionError, InvalidOperation):
        return "The arguments are not valid JSON, name a key twice or hold too many. Write one JSON object."
    return arguments if isinstance(arguments, dict) else "The arguments must be one JSON object."


def _no_constant(_name: str) -> object:
    msg = "NaN and Infinity are not JSON"
    raise ValueError(msg)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs) or len(pairs) > MAX_NAMES:
        msg = "a key is given twice, or there are too many"
        raise ValueError(msg)
    return dict(pairs)


def _handoff(call: ToolCall, arguments: dict[str, Any]) -> PlannedAct:
    """Return the handoff; a wish for a person is not lost to a formality, so nothing in it is refused."""
    return PlannedAct(
        call_id=call.id,
        tool=HAND_OVER,
        handoff=Handoff(
            reason=_cut(arguments.get("reason"), MAX_REASON) or "The bot asks for a person.",
            summary=_cut(arguments.get("summary"), MAX_SUMMARY),
        ),
    )


def _cut(value: object, limit: int) -> str:
    try:
        return clean_text(value, MAX_ARGUMENTS)[:limit]
    except Unusable:
        return ""
