"""What the bot may change: a model's arguments become deal changes, or sentences that say why not.

The guard against a model that was talked into something. Names are looked up among what the profile allows and the
live schema has; ids come from the schema and the deal alone. No AWS, no HTTP, no pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from dealtalk.agent.names import allowed_name, find_stages, nearest, present_place, target_names, targets
from dealtalk.agent.values import Unusable, clean_text, read_moment, read_number, read_value, spoken
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, RemoveTag, SetField, SetPrice, same_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from dealtalk.agent.profile import FieldRule, Profile
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate, FieldSchema, FieldValue

MAX_NOTE = 4000
MAX_TASK = 500
_SHOWN = 60


@dataclass(slots=True)
class Plan:
    """What is left of a request after the policy: changes to make, and sentences about the rest.

    `unknown_names`: a name was refused that a fresher schema might know.
    """

    updates: list[DealUpdate] = field(default_factory=list)
    additions: list[DealAddition] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    unknown_names: bool = False

    def refuse(self, sentence: str, *, unknown: bool = False) -> None:
        """Note what is not done and why."""
        self.refusals.append(sentence)
        self.unknown_names = self.unknown_names or unknown


def quoted(text: object) -> str:
    """Return what the model wrote, fit to stand in a sentence: one line, short."""
    line = " ".join(str(text).split())
    return f'"{line[:_SHOWN]}…"' if len(line) > _SHOWN else f'"{line}"'


def plan_update(profile: Profile, schema: DealSchema, deal: Deal, arguments: Mapping[str, object]) -> Plan:
    """Return the plan for the arguments of `update_deal`; what is wrong is refused, the allowed rest stands."""
    plan = Plan()
    steps: dict[str, Callable[[Plan, Profile, DealSchema, Deal, object], None]] = {
        "stage": _stage,
        "fields": _fields,
        "price": _price,
        "add_tags": _add_tags,
        "remove_tags": _remove_tags,
        "responsible": _responsible,
    }
    for key in arguments:
        if key not in steps:
            plan.refuse(f"update_deal has no {quoted(key)}; {nearest(str(key), list(steps))}")
    for key, step in steps.items():
        if arguments.get(key) is not None:
            step(plan, profile, schema, deal, arguments[key])
    return plan


def _stage(plan: Plan, profile: Profile, schema: DealSchema, deal: Deal, value: object) -> None:
    try:
        name = clean_text(value, 2 * _SHOWN, lines=False)
    except Unusable as error:
        plan.refuse(f"stage {error}")
        return
    here = present_place(schema, deal)
    if here is None:
        plan.refuse("The deal's present stage is not known, so it was not moved.", unknown=True)
        return
    reachable = targets(profile, schema, deal)
    meant = find_stages(name, schema, here.pipeline)
    if meant == [here]:
        plan.refuse(f"The deal is already in the stage {quoted(here.stage.name)}.")
        return
    target = next((t for t in reachable if same_name(t.label, name) or [t.place] == meant), None)
    if target is None:
        elsewhere = [t for t in reachable if same_name(t.place.stage.name, name)]
        target = elsewhere[0] if len(elsewhere) == 1 and not meant else None
    if target is not None:
        plan.updates.append(target.place.move)
        return
    hint = nearest(name, [t.label for t in reachable])
    known_to_profile = allowed_name(name, target_names(profile, schema, here)) is not None
    plan.refuse(f"The deal may not be moved to {quoted(name)}; {hint}", unknown=known_to_profile and not meant)


def _fields(plan: Plan, profile: Profile, schema: DealSchema, deal: Deal, value: object) -> None:
    if not isinstance(value, dict):
        plan.refuse("fields must be an object of field names and values")
        return
    allowed = [rule.name for rule in profile.changes.fields]
    seen: list[str] = []
    for name, wished in value.items():
        rule = profile.changes.field_rule(str(name))
        if rule is None:
            plan.refuse(f"The field {quoted(name)} may not be set; {nearest(str(name), allowed)}")
        elif rule.name in seen:
            plan.refuse(f"The field {quoted(rule.name)} was named twice.")
        elif wished is not None:
            seen.append(rule.name)
            _field(plan, profile, schema, deal, rule, wished)


def _field(plan: Plan, profile: Profile, schema: DealSchema, deal: Deal, rule: FieldRule, wished: object) -> None:
    found = schema.fields_named(rule.name)
    if len(found) != 1:
        reason = "there are several of this name" if found else "the CRM has no such field"
        plan.refuse(f"The field {quoted(rule.name)} was not set: {reason}.", unknown=not found)
        return
    if found[0].read_only:
        plan.refuse(f"The field {quoted(rule.name)} cannot be written.")
        return
    try:
        value = read_value(wished, found[0], rule, profile.zone)
    except Unusable as error:
        plan.refuse(f"The field {quoted(rule.name)} {error}", unknown=error.unknown_name)
        return
    _set_field(plan, deal, found[0], rule, value)


def _set_field(plan: Plan, deal: Deal, field: FieldSchema, rule: FieldRule, value: FieldValue) -> None:
    present = deal.fields.get(field.id)
    if present is not None and present == value:
        plan.refuse(f"The field {quoted(rule.name)} already holds {quoted(spoken(value))}.")
    elif present is not None and rule.policy == "fill_empty":
        plan.refuse(f"The field {quoted(rule.name)} already holds {quoted(spoken(present))} and may not be replaced.")
    else:
        plan.updates.append(SetField(field.id, value))


def _price(plan: Plan, profile: Profile, _schema: DealSchema, deal: Deal, value: object) -> None:
    rule = profile.changes.price
    if rule is None:
        plan.refuse("The price may not be changed.")
        return
    try:
        price = read_number(value, low=rule.min, high=rule.max)
    except Unusable as error:
        plan.refuse(f"price {error}")
        return
    if deal.price == price:
        plan.refuse(f"The price already is {spoken(price)}.")
    elif deal.price not in {None, Decimal(0)} and rule.policy == "fill_empty":
        plan.refuse(f"The price already is {spoken(deal.price or Decimal(0))} and may not be replaced.")
    else:
        plan.updates.append(SetPrice(price))


def _add_tags(plan: Plan, profile: Profile, _schema: DealSchema, deal: Deal, value: object) -> None:
    for tag in _tags(plan, value, profile.changes.tags.add, "added"):
        if allowed_name(tag, deal.tags) is not None:
            plan.refuse(f"The tag {quoted(tag)} is on the deal already.")
        else:
            plan.updates.append(AddTag(tag))


def _remove_tags(plan: Plan, profile: Profile, _schema: DealSchema, deal: Deal, value: object) -> None:
    for tag in _tags(plan, value, profile.changes.tags.remove, "removed"):
        present = allowed_name(tag, deal.tags)
        if present is None:
            plan.refuse(f"The tag {quoted(tag)} is not on the deal.")
        elif AddTag(tag) in plan.updates:
            plan.refuse(f"The tag {quoted(tag)} cannot be added and removed at once.")
        else:
            plan.updates.append(RemoveTag(present))


def _tags(plan: Plan, value: object, allowed: Sequence[str], verb: str) -> list[str]:
    names = value if isinstance(value, list) else [value]
    known: list[str] = []
    for name in names[:20]:
        tag = allowed_name(name, allowed) if isinstance(name, str) else None
        if tag is None:
            plan.refuse(f"The tag {quoted(name)} may not be {verb}; {nearest(str(name), allowed)}")
        elif tag not in known:
            known.append(tag)
    return known


def _responsible(plan: Plan, profile: Profile, schema: DealSchema, deal: Deal, value: object) -> None:
    person = _person(plan, schema, value, profile.changes.people, "be made responsible")
    if person is None:
        return
    if person == deal.responsible_id:
        plan.refuse("This person is responsible already.")
    else:
        plan.updates.append(Assign(person))


def _person(plan: Plan, schema: DealSchema, value: object, allowed: Sequence[str], what: str) -> str | None:
    name = allowed_name(value, allowed) if isinstance(value, str) else None
    if name is None:
        plan.refuse(f"The person {quoted(value)} may not {what}; {nearest(str(value), allowed)}")
        return None
    found = schema.people_named(name)
    if len(found) != 1:
        reason = "there are several of this name" if found else "the CRM has no such active person"
        plan.refuse(f"The person {quoted(name)} may not {what}: {reason}.", unknown=not found)
        return None
    return found[0].id


def plan_note(profile: Profile, arguments: Mapping[str, object]) -> Plan:
    """Return the plan for the arguments of `add_note`. The note's marker is left empty for the caller."""
    plan = Plan()
    if not profile.changes.notes:
        plan.refuse("Notes may not be written.")
        return plan
    try:
        plan.additions.append(AddNote(clean_text(arguments.get("text"), MAX_NOTE), marker=""))
    except Unusable as error:
        plan.refuse(f"text {error}")
    return plan


def plan_task(profile: Profile, schema: DealSchema, now: datetime, arguments: Mapping[str, object]) -> Plan:
    """Return the plan for the arguments of `create_task`: due within the allowed days, for an allowed person or none.

    The task's marker is left empty for the caller.
    """
    plan = Plan()
    rules = profile.changes.tasks
    if not rules.allowed:
        plan.refuse("Tasks may not be created.")
        return plan
    person = None
    if arguments.get("person") is not None:
        person = _person(plan, schema, arguments["person"], rules.people, "be given a task")
        if person is None:
            return plan
    try:
        text = clean_text(arguments.get("text"), MAX_TASK)
    except Unusable as error:
        plan.refuse(f"text {error}")
        return plan
    try:
        due = read_moment(arguments.get("due_at"), profile.zone)
    except Unusable as error:
        plan.refuse(f"due_at {error}")
        return plan
    if not now < due <= now + timedelta(days=rules.max_days_ahead):
        plan.refuse(f"due_at must lie in the future, at most {rules.max_days_ahead} days ahead.")
        return plan
    plan.additions.append(AddTask(text, due, marker="", person_id=person))
    return plan
