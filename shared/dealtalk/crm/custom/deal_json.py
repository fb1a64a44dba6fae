"""Deals and what may be chosen for them, as the protocol writes them: checked, bounded, turned into `deals` and back.

What a stranger posted becomes texts, booleans and lists only, so that it can be stored as it is; numbers and dates stay
text until the schema says what they are. Standard library only: the webhook imports it. docs/openapi-custom.yaml
describes the shapes.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dealtalk.deals import (
    Contact,
    Deal,
    DealSchema,
    FieldKind,
    FieldSchema,
    FieldValue,
    Option,
    Outcome,
    Person,
    Pipeline,
    Stage,
)
from dealtalk.ingress.values import clean_text, one_line, opaque_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Json = dict[str, Any]

ONLY_PIPELINE = "deals"
"""The pipeline of a deal that names none."""

MAX_VALUE = 4_000
MAX_NAME = 250
MAX_FIELDS = 200
MAX_DEAL_BYTES = 100_000
MAX_SCHEMA_BYTES = 200_000
"""As one text of JSON: the table's items hold 400 KB."""

ENDS = (Outcome.WON.value, Outcome.LOST.value)
MAX_LIST = 500
"""Stages of a pipeline, options of a field, people, tags: more are cut off."""


class Unusable(ValueError):
    """A part of the document cannot be used; `where` is its path, `why` a short fixed sentence. Neither quotes it."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


def checked_deal(value: object) -> Json:
    """Return the deal of a body with what is known of it, and nothing else. Raises Unusable."""
    if not isinstance(value, dict):
        raise Unusable("deal", "must be an object")
    deal_id, stage = opaque_id(_text(value.get("id"))), opaque_id(_text(value.get("stage_id")))
    if deal_id is None:
        raise Unusable("deal.id", "is required")
    if value.get("deleted") is True:
        return {"id": deal_id, "deleted": True}
    if stage is None:
        raise Unusable("deal.stage_id", "is required")
    price = _number(_text(value.get("price")))
    contact = value.get("contact")
    deal: Json = {
        "id": deal_id,
        "version": _version(value.get("version")),
        "title": one_line(value.get("title"), MAX_NAME) or deal_id,
        "pipeline_id": opaque_id(_text(value.get("pipeline_id"))) or ONLY_PIPELINE,
        "stage_id": stage,
        "responsible_id": opaque_id(_text(value.get("responsible_id"))),
        "price": None if price is None else f"{price:f}",
        "tags": [tag for each in _list(value.get("tags")) if (tag := one_line(_text(each), MAX_NAME))],
        "fields": _values(value.get("fields")),
        "contact": _contact(contact) if isinstance(contact, dict) else None,
        "allowed_stages": _stages(value.get("allowed_stages")) or None,
    }
    return _bounded("deal", {name: each for name, each in deal.items() if each not in (None, [], {})}, MAX_DEAL_BYTES)


def checked_schema(value: object) -> Json:
    """Return what may be chosen in the account, as the body tells it. Raises Unusable."""
    if not isinstance(value, dict):
        raise Unusable("deal_schema", "must be an object")
    pipelines = [
        {**named, "stages": _stages(each.get("stages"))}
        for each in _list(value.get("pipelines"))
        if isinstance(each, dict) and (named := _named(each))
    ]
    if not pipelines or not all(each["stages"] for each in pipelines):
        raise Unusable("deal_schema.pipelines", "each pipeline needs an id and stages, and there must be one")
    schema: Json = {
        "pipelines": pipelines,
        "fields": [field for each in _list(value.get("fields")) if (field := _field(each))],
        "contact_fields": [field for each in _list(value.get("contact_fields")) if (field := _field(each))],
        "people": [
            {**named, "active": not (isinstance(each, dict) and each.get("active") is False)}
            for each in _list(value.get("people"))
            if (named := _named(each))
        ],
        "currency": one_line(value.get("currency"), 10),
    }
    return _bounded("deal_schema", {name: each for name, each in schema.items() if each}, MAX_SCHEMA_BYTES)


def schema_with(schema: Mapping[str, Any], deal: Mapping[str, Any]) -> Json:
    """Return the schema with the pipeline and the stages that a deal names, for senders who tell no schema."""
    pipelines = [dict(each) for each in schema.get("pipelines", ())]
    stages = list(deal.get("allowed_stages", ()))
    if all(each["id"] != deal["stage_id"] for each in stages):
        stages.insert(0, {"id": deal["stage_id"], "name": deal["stage_id"]})
    pipeline = next((each for each in pipelines if each["id"] == deal["pipeline_id"]), None)
    if pipeline is None:
        pipeline = {"id": deal["pipeline_id"], "name": deal["pipeline_id"], "stages": []}
        pipelines.append(pipeline)
    told = {each["id"] for each in deal.get("allowed_stages", ())}
    known = [each for each in pipeline["stages"] if each["id"] not in told]
    names = {each["id"] for each in known}
    pipeline["stages"] = [*known, *(each for each in stages if each["id"] not in names)][:MAX_LIST]
    return {**schema, "pipelines": pipelines}


def schema_of(schema: Mapping[str, Any]) -> DealSchema:
    """Return the schema of a checked document."""
    return DealSchema(
        pipelines=tuple(
            Pipeline(each["id"], each["name"], tuple(_stage(stage) for stage in each["stages"]))
            for each in schema.get("pipelines", ())
        ),
        fields=tuple(_field_schema(each) for each in schema.get("fields", ())),
        people=tuple(Person(each["id"], each["name"], each["active"]) for each in schema.get("people", ())),
        contact_fields=tuple(_field_schema(each) for each in schema.get("contact_fields", ())),
        currency=schema.get("currency"),
    )


def deal_of(deal: Mapping[str, Any], schema: DealSchema, *, with_contact: bool) -> Deal:
    """Return the deal of a checked document; values of fields that the schema does not know are left out."""
    contact, price = deal.get("contact") if with_contact else None, deal.get("price")
    return Deal(
        id=deal["id"],
        title=deal["title"],
        pipeline_id=deal["pipeline_id"],
        stage_id=deal["stage_id"],
        responsible_id=deal.get("responsible_id"),
        price=None if price is None else Decimal(price),
        tags=tuple(deal.get("tags", ())),
        fields=_read_fields(deal.get("fields", {}), schema.fields),
        contact=contact
        and Contact(contact["id"], contact["name"], _read_fields(contact.get("fields", {}), schema.contact_fields)),
    )


def with_changes(before: Mapping[str, Any], deal: Deal) -> Json:
    """Return the checked document `before` with the values that `deal` has; what the schema lacks stays as it was."""
    after: Json = {
        **before,
        "pipeline_id": deal.pipeline_id,
        "stage_id": deal.stage_id,
        "responsible_id": deal.responsible_id,
        "price": None if deal.price is None else f"{deal.price:f}",
        "tags": list(deal.tags),
        "fields": {**before.get("fields", {}), **{name: as_json(value) for name, value in deal.fields.items()}},
    }
    return {name: each for name, each in after.items() if each not in (None, [], {})}


def packed(document: object) -> str:
    """Return a document as one text: equal documents are equal texts."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def as_json(value: FieldValue) -> str | bool | list[str]:
    """Return a field's value as the protocol writes it: decimals and times as text, several options as a list."""
    match value:
        case bool() | str():
            return value
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case _:
            return list(value)


def _bounded(where: str, document: Json, limit: int) -> Json:
    if len(packed(document).encode()) > limit:
        raise Unusable(where, f"is larger than {limit // 1000} KB")
    return document


def _text(value: object) -> object:
    """Return a number as its text; the webhook's decoder has done so already, an answer's has not."""
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    return value


def _list(value: object) -> list[Any]:
    return value[:MAX_LIST] if isinstance(value, list) else []


def _named(value: Any) -> Json | None:  # noqa: ANN401 (JSON)
    """Return id and name of a stage, option or person: a text is both."""
    if isinstance(value, dict):
        named = opaque_id(_text(value.get("id")))
        return None if named is None else {"id": named, "name": one_line(_text(value.get("name")), MAX_NAME) or named}
    name = one_line(_text(value), MAX_NAME)
    return None if name is None else {"id": name, "name": name}


def _stages(value: object) -> list[Json]:
    stages = []
    for each in _list(value):
        named = _named(each)
        if named is not None:
            outcome = each.get("outcome") if isinstance(each, dict) else None
            stages.append({**named, "outcome": outcome} if outcome in ENDS else named)
    return stages


def _field(value: Any) -> Json | None:  # noqa: ANN401 (JSON)
    named = _named(value) if isinstance(value, dict) else None
    if named is None:
        return None
    kind = value.get("type", FieldKind.TEXT.value)
    known = {each.value for each in FieldKind}
    return {
        **named,
        "type": kind if isinstance(kind, str) and kind in known else FieldKind.UNSUPPORTED.value,
        "options": [option for each in _list(value.get("options")) if (option := _named(each))],
        "read_only": value.get("read_only") is True,
    }


def _values(value: object) -> Json:
    found: Json = {}
    for name, each in list(value.items())[:MAX_FIELDS] if isinstance(value, dict) else ():
        field_id = opaque_id(name)
        if field_id is None:
            continue
        plain = _text(each)
        if isinstance(plain, list):
            kept: object = [text for one in _list(plain) if (text := clean_text(_text(one))[:MAX_VALUE])]
        else:
            kept = plain if isinstance(plain, bool) else clean_text(plain)[:MAX_VALUE]
        if kept not in ("", []):
            found[field_id] = kept
    return found


def _contact(value: Json) -> Json | None:
    named = _named(value)
    return None if named is None else {**named, "fields": _values(value.get("fields"))}


def _version(value: object) -> int | None:
    text = str(_text(value))
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None  # noqa: PLR2004 (a whole number of JSON)


def _stage(stage: Mapping[str, Any]) -> Stage:
    return Stage(stage["id"], stage["name"], Outcome(stage.get("outcome", Outcome.OPEN)))


def _field_schema(field: Mapping[str, Any]) -> FieldSchema:
    options = tuple(Option(each["id"], each["name"]) for each in field.get("options", ()))
    return FieldSchema(field["id"], field["name"], FieldKind(field["type"]), options, None, field["read_only"])


def _read_fields(values: Mapping[str, Any], fields: Iterable[FieldSchema]) -> dict[str, FieldValue]:
    found = {}
    for field in fields:
        if field.id in values:
            value = _READERS.get(field.kind, _read_text)(values[field.id])
            if value is not None and value not in ("", ()):
                found[field.id] = value
    return found


def _read_text(value: object) -> FieldValue | None:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(value.strip()) if isinstance(value, str) and len(value) <= 40 else None  # noqa: PLR2004 (longer is no number)
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() and abs(number.adjusted()) <= 30 else None  # noqa: PLR2004


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "1": True, "false": False, "0": False}.get(str(value))


def _several(value: object) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else (str(value),)


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def _instant(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


_READERS: Mapping[FieldKind, Callable[[object], FieldValue | None]] = {
    FieldKind.NUMBER: _number,
    FieldKind.MONEY: _number,
    FieldKind.CHECKBOX: _flag,
    FieldKind.MULTISELECT: _several,
    FieldKind.CONTACTS: _several,
    FieldKind.DATE: _day,
    FieldKind.DATETIME: _instant,
}
"""All other kinds are read as text."""
