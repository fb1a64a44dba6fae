"""Property values of deals: what may be written, and how a person reads them. Values are text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.simulators.hubspot.entities import Json, Property, Thing
    from local.simulators.hubspot.portal import Portal

DAY_MILLISECONDS = 86_400_000
CORE_LABELS = {
    "dealname": "Deal name",
    "pipeline": "Pipeline",
    "dealstage": "Stage",
    "amount": "Amount",
    "hubspot_owner_id": "Owner",
}

Refusals = list[tuple[str, str, str]]


def checked(portal: Portal, thing: Thing, wished: Json) -> tuple[dict[str, str], Refusals]:
    """Return the values as they are kept, and what is refused of them."""
    after: dict[str, str] = {}
    refused: Refusals = []
    for name, value in wished.items():
        if not isinstance(value, str):
            refused.append((name, "INVALID_TYPE", "values are strings"))
            continue
        kept = _core(portal, thing, wished, name, value) if name in CORE_LABELS else _own(portal, thing, name, value)
        if isinstance(kept, tuple):
            refused.append(kept)
        else:
            after[name] = kept
    return after, refused


def label(portal: Portal, name: str) -> str:
    """Return a property's name for people."""
    return portal.properties[name].label if name in portal.properties else CORE_LABELS.get(name, name)


def in_words(portal: Portal, name: str, value: str) -> str | None:
    """Return a value as a person reads it; None where nothing stands there."""
    if not value:
        return None
    if name == "pipeline":
        return portal.pipelines[value].label
    if name == "dealstage":
        stages = [stage for pipeline in portal.pipelines.values() for stage in pipeline.stages]
        return next(stage.label for stage in stages if stage.id == value)
    if name == "hubspot_owner_id":
        owner = portal.user_of_owner(value)
        return owner.name if owner else value
    known = portal.properties.get(name)
    return ", ".join(known.options.get(each, each) for each in value.split(";")) if known and known.options else value


def is_moment(text: str) -> bool:
    """Return whether this is a time: milliseconds, or ISO 8601 with a zone."""
    if text.isdigit():
        return True
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _core(portal: Portal, thing: Thing, wished: Json, name: str, value: str) -> str | tuple[str, str, str]:
    pipeline = portal.pipelines.get(str(wished.get("pipeline", thing.properties["pipeline"])))
    if name == "pipeline":
        if pipeline is None:
            return name, "INVALID_OPTION", f"{value} is not a pipeline"
        if value != thing.properties["pipeline"] and "dealstage" not in wished:
            return name, "INVALID_STAGE", "the deal's stage is not in this pipeline"
    if name == "dealstage" and (pipeline is None or pipeline.stage(value) is None):
        return name, "INVALID_OPTION", f"{value} was not one of the allowed options of this pipeline"
    if name == "hubspot_owner_id" and value and portal.user_of_owner(value) is None:
        return name, "INVALID_OWNER_ID", f"{value} is not an owner"
    if name == "amount" and value and not _is_number(value):
        return name, "INVALID_NUMBER", f"{value} is not a number"
    return value


def _own(portal: Portal, thing: Thing, name: str, value: str) -> str | tuple[str, str, str]:
    known = portal.properties.get(name)
    if known is None:
        return name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'
    if known.read_only:
        return name, "READ_ONLY_VALUE", f'"{name}" is a read only property'
    if not value:
        return ""
    match known.type:
        case "number":
            return value if _is_number(value) else (name, "INVALID_NUMBER", f"{value} was not a valid number")
        case "bool":
            return value if value in {"true", "false"} else (name, "INVALID_OPTION", f"{value} is not true or false")
        case "enumeration":
            return _chosen(thing, known, value)
        case "date":
            return _day(name, value)
        case "datetime":
            return _moment(name, value)
        case _:
            return value


def _chosen(thing: Thing, known: Property, value: str) -> str | tuple[str, str, str]:
    several = known.field_type == "checkbox"
    wished = [each for each in value.split(";") if each] if several else [value]
    unknown = [each for each in wished if each not in known.options]
    if unknown:
        return known.name, "INVALID_OPTION", f"{unknown[0]} was not one of the allowed options"
    if several and value.startswith(";"):
        before = [each for each in thing.properties.get(known.name, "").split(";") if each]
        wished = [*before, *(each for each in wished if each not in before)]
    return ";".join(dict.fromkeys(wished))


def _day(name: str, value: str) -> str | tuple[str, str, str]:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return value
    if not value.isdigit() or int(value) % DAY_MILLISECONDS:
        return name, "INVALID_DATE", f"{value} is at {value} not midnight UTC"
    return datetime.fromtimestamp(int(value) / 1000, UTC).date().isoformat()


def _moment(name: str, value: str) -> str | tuple[str, str, str]:
    if not is_moment(value):
        return name, "INVALID_DATE", f"{value} was not a valid time"
    at = datetime.fromtimestamp(int(value) / 1000, UTC) if value.isdigit() else datetime.fromisoformat(value)
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _is_number(value: str) -> bool:
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False
