"""Custom fields: the vendor's types, how their values are read and written.

Values stand in an order's `customFields` by the field's code, untyped: a choice is its element's code, a moment has no
zone and is in the account's own. An object without entries comes as an empty list.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option, same_name
from dealtalk.errors import ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from dealtalk.crm.retailcrm.api import Json

KINDS = {
    "string": FieldKind.TEXT,
    "text": FieldKind.LONG_TEXT,
    "email": FieldKind.TEXT,
    "integer": FieldKind.NUMBER,
    "numeric": FieldKind.NUMBER,
    "boolean": FieldKind.CHECKBOX,
    "date": FieldKind.DATE,
    "datetime": FieldKind.DATETIME,
    "dictionary": FieldKind.SELECT,
    "multiselect_dictionary": FieldKind.MULTISELECT,
}
"""All other types are UNSUPPORTED."""

EDITABLE = frozenset({"", "editable"})
"""Values of a field's `viewMode` with which it may be written."""

LONGEST_TEXT = 255
"""A `string` holds no more."""

WRITTEN_TIME = "%Y-%m-%d %H:%M:%S"


def field_schema(row: Json, books: Mapping[str, tuple[Option, ...]]) -> FieldSchema:
    """Return a field as GET /api/v5/custom-fields lists it; `books` are the account's reference books by code."""
    kind = KINDS.get(str(row.get("type")), FieldKind.UNSUPPORTED)
    choices = kind in {FieldKind.SELECT, FieldKind.MULTISELECT}
    code = str(row["code"])
    return FieldSchema(
        id=code,
        name=str(row.get("name") or code),
        kind=kind,
        options=books.get(str(row.get("dictionary")), ()) if choices else (),
        code=code,
        read_only=str(row.get("viewMode") or "") not in EDITABLE,
    )


def read_fields(values: Any, fields: Sequence[FieldSchema], zone: ZoneInfo) -> dict[str, FieldValue]:  # noqa: ANN401
    """Return the values of `customFields` by field id; what is empty, unknown or unreadable is left out."""
    if not isinstance(values, dict):
        return {}
    found: dict[str, FieldValue] = {}
    for field in fields:
        raw = values.get(field.id)
        value = None if raw is None else _read(field, raw, zone)
        if value is not None and value not in {"", ()}:
            found[field.id] = value
    return found


def write_value(field: FieldSchema, value: FieldValue, zone: ZoneInfo) -> object:
    """Return a value as the API takes it. Raises ChangeRefused with a sentence where it does not fit the field."""
    match field.kind, value:
        case _ if field.read_only or field.kind is FieldKind.UNSUPPORTED:
            msg = f'The field "{field.name}" cannot be changed by the bot.'
            raise ChangeRefused(msg)
        case FieldKind.SELECT, str():
            return _option(field, value)
        case FieldKind.MULTISELECT, tuple():
            return [_option(field, name) for name in value]
        case FieldKind.NUMBER, Decimal() if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        case FieldKind.CHECKBOX, bool():
            return value
        case FieldKind.DATETIME, datetime() if value.tzinfo is not None:
            return value.astimezone(zone).strftime(WRITTEN_TIME)
        case FieldKind.DATE, date() if not isinstance(value, datetime):
            return value.isoformat()
        case FieldKind.TEXT, str() if len(value) > LONGEST_TEXT:
            msg = f'The field "{field.name}" holds at most {LONGEST_TEXT} characters.'
            raise ChangeRefused(msg)
        case ((FieldKind.TEXT | FieldKind.LONG_TEXT), str()):
            return value
    msg = f'This value does not fit the field "{field.name}" ({field.kind.value}).'
    raise ChangeRefused(msg)


def _option(field: FieldSchema, name: str) -> str:
    for option in field.options:
        if same_name(option.name, name):
            return option.id
    msg = f'The field "{field.name}" has no option "{name}".'
    raise ChangeRefused(msg)


def _read(field: FieldSchema, raw: object, zone: ZoneInfo) -> FieldValue | None:
    names = {option.id: option.name for option in field.options}
    match field.kind:
        case FieldKind.NUMBER:
            return _number(raw)
        case FieldKind.CHECKBOX:
            return raw if isinstance(raw, bool) else str(raw).lower() in {"1", "true"}
        case FieldKind.DATE:
            moment = _moment(raw, zone)
            return moment.astimezone(zone).date() if moment else None
        case FieldKind.DATETIME:
            return _moment(raw, zone)
        case FieldKind.SELECT:
            return names.get(str(raw), str(raw))
        case FieldKind.MULTISELECT:
            codes = raw if isinstance(raw, list) else [raw]
            return tuple(names.get(str(code), str(code)) for code in codes)
    return ", ".join(str(each) for each in raw) if isinstance(raw, list) else str(raw)


def _number(raw: object) -> Decimal | None:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(raw: object, zone: ZoneInfo) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        return None
    return (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
