"""Whether the names in a profile exist, once each, in a connected account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.agent.names import ANY_STAGE, find_stages, nearest
from dealtalk.deals import FieldKind, same_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dealtalk.agent.profile import FieldRule, Profile
    from dealtalk.deals import DealSchema, FieldSchema, Pipeline

_WITH_OPTIONS = {FieldKind.SELECT, FieldKind.MULTISELECT}
_NUMBERS = {FieldKind.NUMBER, FieldKind.MONEY}


def check_against(profile: Profile, schema: DealSchema) -> list[str]:
    """Return a sentence for each name in the profile that the account lacks, has twice, or cannot be written.

    Each begins with the key's path and suggests the nearest names. An empty list: the profile fits the account.
    """
    return [
        *_places(profile, schema),
        *_graph(profile, schema),
        *_read_fields(profile, schema),
        *_changed_fields(profile, schema),
        *_people(profile, schema),
    ]


def _count(path: str, kind: str, name: str, found: int, known: Sequence[str]) -> Iterator[str]:
    if found == 0:
        yield f'{path}: the account has no {kind} "{name}"; {nearest(name, known)}'
    elif found > 1:
        yield f'{path}: the account has {found} of the {kind} "{name}"; rename one, names must tell them apart'


def _places(profile: Profile, schema: DealSchema) -> Iterator[str]:
    for index, place in enumerate(profile.works_in):
        path = f"works_in[{index}]"
        pipelines = schema.pipelines_named(place.pipeline)
        yield from _count(
            f"{path}.pipeline", "pipeline", place.pipeline, len(pipelines), [p.name for p in schema.pipelines]
        )
        for pipeline in pipelines[:1]:
            for name in place.stages or ():
                found = sum(same_name(stage.name, name) for stage in pipeline.stages)
                known = [stage.name for stage in pipeline.stages]
                yield from _count(f"{path}.stages", f'stage of the pipeline "{pipeline.name}"', name, found, known)


def _working_pipelines(profile: Profile, schema: DealSchema) -> list[Pipeline]:
    return [p for place in profile.works_in for p in schema.pipelines_named(place.pipeline)]


def _graph(profile: Profile, schema: DealSchema) -> Iterator[str]:
    pipelines = _working_pipelines(profile, schema)
    known = [stage.name for pipeline in pipelines for stage in pipeline.stages]
    known += [f"{pipeline.name} / {stage.name}" for pipeline in schema.pipelines for stage in pipeline.stages]
    for source, names in profile.changes.stages.items():
        path = f"changes.stages.{source}"
        for name in (*(() if source == ANY_STAGE else (source,)), *names):
            counts = [len(find_stages(name, schema, pipeline)) for pipeline in pipelines] or [0]
            yield from _count(path, "stage", name, max(counts), known)


def _read_fields(profile: Profile, schema: DealSchema) -> Iterator[str]:
    lists: tuple[tuple[str, Sequence[str] | None, Sequence[FieldSchema]], ...] = (
        ("reads", profile.reads, schema.fields),
        ("reads_contact", profile.reads_contact, schema.contact_fields),
    )
    for path, names, fields in lists:
        for name in names or ():
            found = sum(same_name(field.name, name) for field in fields)
            yield from _count(path, "field", name, found, [field.name for field in fields])


def _changed_fields(profile: Profile, schema: DealSchema) -> Iterator[str]:
    for index, rule in enumerate(profile.changes.fields):
        path = f"changes.fields[{index}]"
        found = schema.fields_named(rule.name)
        yield from _count(f"{path}.name", "field", rule.name, len(found), [field.name for field in schema.fields])
        if len(found) == 1:
            yield from _writable(path, rule, found[0])


def _writable(path: str, rule: FieldRule, field: FieldSchema) -> Iterator[str]:
    if field.read_only or field.kind is FieldKind.UNSUPPORTED:
        yield f'{path}.name: the field "{field.name}" cannot be written'
    if field.kind in _WITH_OPTIONS:
        options = [option.name for option in field.options]
        for value in rule.values:
            found = sum(same_name(option, value) for option in options)
            yield from _count(f"{path}.values", f'option of the field "{field.name}"', value, found, options)
    if (rule.min is not None or rule.max is not None) and field.kind not in _NUMBERS:
        yield f'{path}: min and max are for numbers, and the field "{field.name}" is none'


def _people(profile: Profile, schema: DealSchema) -> Iterator[str]:
    known = [person.name for person in schema.people if person.active]
    lists = (
        ("changes.people", profile.changes.people),
        ("changes.tasks.people", profile.changes.tasks.people),
        ("handoff.task_person", (profile.handoff.task_person,) if profile.handoff.task_person else ()),
    )
    for path, names in lists:
        for name in names:
            yield from _count(path, "active person", name, len(schema.people_named(name)), known)
