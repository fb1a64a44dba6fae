"""Custom fields: the vendor's types, how their values are read and written.

Follows apidocs.bitrix24.com/api-reference/crm/universal/crm-item-fields and /user-defined-fields.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dealtalk.crm.bitrix24.options import FlagFormat
from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option, same_name
from dealtalk.errors import ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dealtalk.crm.bitrix24.api import Json

KINDS = {
    "string": FieldKind.TEXT,
    "integer": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "boolean": FieldKind.CHECKBOX,
    "enumeration": FieldKind.SELECT,
    "date": FieldKind.DATE,
    "datetime": FieldKind.DATETIME,
    "money": FieldKind.MONEY,
    "url": FieldKind.URL,
    "address": FieldKind.ADDRESS,
}
"""All other types are UNSUPPORTED, and so is what holds several values and is no list."""

INTEGER = "integer"


def field_schema(name: str, row: Json) -> FieldSchema:
    """Return a field as crm.item.fields lists it."""
    vendor_type, multiple = str(row.get("type")), bool(row.get("isMultiple"))
    kind = KINDS.get(vendor_type, FieldKind.UNSUPPORTED)
    if multiple:
        kind = FieldKind.MULTISELECT if kind is FieldKind.SELECT else FieldKind.UNSUPPORTED
    options: tuple[Option, ...] = ()
    if kind in {FieldKind.SELECT, FieldKind.MULTISELECT}:
        options = tuple(Option(str(each["ID"]), str(each["VALUE"])) for each in row.get("items") or ())
    return FieldSchema(
        id=name,
        name=str(row.get("title") or name),
        kind=kind,
        options=options,
        code=INTEGER if vendor_type == INTEGER else None,
        read_only=bool(row.get("isReadOnly")) or bool(row.get("isImmutable")) or kind is FieldKind.UNSUPPORTED,
    )


def read_value(field: FieldSchema, raw: Any) -> FieldValue | None:  # noqa: ANN401 (JSON)
    """Return a field's value; None where it is empty or cannot be read."""
    if raw is None or raw in ("", [], {}):
        return None
    names = {option.id: option.name for option in field.options}
    match field.kind:
        case FieldKind.SELECT:
            return names.get(str(raw))
        case FieldKind.MULTISELECT:
            chosen = raw if isinstance(raw, list) else [raw]
            return tuple(names[str(each)] for each in chosen if str(each) in names) or None
        case FieldKind.UNSUPPORTED:
            return ", ".join(str(each) for each in (raw if isinstance(raw, list) else [raw])) or None
        case _:
            return _READERS.get(field.kind, str)(raw)


def write_value(field: FieldSchema, value: FieldValue, *, currency: str, flags: FlagFormat) -> Any:  # noqa: ANN401 (JSON)
    """Return what is written for a value. Raises ChangeRefused with a sentence where it does not fit the field."""
    match field.kind, value:
        case _ if field.read_only:
            msg = f'The field "{field.name}" cannot be changed by the bot.'
            raise ChangeRefused(msg)
        case FieldKind.SELECT, str():
            return _option(field, value)
        case FieldKind.MULTISELECT, tuple():
            return [_option(field, name) for name in value]
        case FieldKind.NUMBER, Decimal() if value.is_finite():
            if field.code == INTEGER and value != value.to_integral_value():
                msg = f'The field "{field.name}" takes whole numbers only.'
                raise ChangeRefused(msg)
            return f"{value:f}"
        case FieldKind.MONEY, Decimal() if value.is_finite():
            return f"{value:f}|{currency}"
        case FieldKind.CHECKBOX, bool():
            return {FlagFormat.LETTERS: "NY", FlagFormat.DIGITS: "01"}[flags][value]
        case FieldKind.DATETIME, datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case FieldKind.DATE, date() if not isinstance(value, datetime):
            return value.isoformat()
        case ((FieldKind.TEXT | FieldKind.LONG_TEXT | FieldKind.URL | FieldKind.ADDRESS), str()):
            return value
    msg = f'This value does not fit the field "{field.name}" ({field.kind.value}).'
    raise ChangeRefused(msg)


def _option(field: FieldSchema, name: str) -> int:
    for option in field.options:
        if same_name(option.name, name):
            return int(option.id)
    msg = f'The field "{field.name}" has no option "{name}".'
    raise ChangeRefused(msg)


def _decimal(raw: object) -> Decimal | None:
    try:
        found = Decimal(str(raw).partition("|")[0])
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _flag(raw: object) -> bool:
    return str(raw).strip().lower() in {"y", "1", "true"}


def _day(raw: object) -> date | None:
    """Return the day as it stands in the portal's zone: the text begins with it."""
    try:
        return date.fromisoformat(str(raw)[:10])
    except ValueError:
        return None


def instant(raw: object) -> datetime | None:
    """Return the moment that a text with a zone names; None where it is none."""
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


_READERS: Mapping[FieldKind, Callable[[object], FieldValue | None]] = {
    FieldKind.NUMBER: _decimal,
    FieldKind.MONEY: _decimal,
    FieldKind.CHECKBOX: _flag,
    FieldKind.DATE: _day,
    FieldKind.DATETIME: instant,
}
"""All other kinds are read as text."""
