"""Properties of deals: the vendor's types, how their values are read and written. Values are text.

Follows /crm/v3/properties. A date is midnight UTC in milliseconds when written and a day when read.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option, same_name
from dealtalk.errors import ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dealtalk.crm.hubspot.api import Json

CORE = frozenset({"pipeline", "dealstage", "amount", "hubspot_owner_id", "dealname", "hs_is_closed", "createdate"})
"""Properties that the deal has a place of its own for."""

STANDARD = frozenset({"closedate", "description", "dealtype", "hs_priority", "hs_next_step"})
"""HubSpot's own properties that people work with; the others are figures."""

LONG_TEXT = frozenset({"textarea", "html"})


def is_shown(row: Json) -> bool:
    """Return whether a property is one that a bot may know: the company's own, or a standard one, and not hidden."""
    name = str(row.get("name"))
    own = not row.get("hubspotDefined") or name in STANDARD
    return own and not row.get("hidden") and not row.get("archived") and name not in CORE


def field_schema(row: Json) -> FieldSchema:
    """Return a property as GET /crm/v3/properties/deals lists it; its id is its name, its name the label."""
    modification = row.get("modificationMetadata")
    read_only = isinstance(modification, dict) and bool(modification.get("readOnlyValue"))
    kind = _kind(str(row.get("type")), str(row.get("fieldType")), row)
    options: tuple[Option, ...] = ()
    if kind in {FieldKind.SELECT, FieldKind.MULTISELECT}:
        given = [each for each in row.get("options") or () if isinstance(each, dict)]
        options = tuple(Option(str(each["value"]), str(each.get("label") or each["value"])) for each in given)
    return FieldSchema(
        id=str(row["name"]),
        name=str(row.get("label") or row["name"]),
        kind=kind,
        options=options,
        code=str(row["name"]),
        read_only=read_only or bool(row.get("calculated")) or kind is FieldKind.UNSUPPORTED,
    )


def read_value(field: FieldSchema, text: str) -> FieldValue | None:
    """Return a property's value; None where it is empty or cannot be read."""
    if not text.strip():
        return None
    match field.kind:
        case FieldKind.NUMBER | FieldKind.MONEY:
            return _number(text)
        case FieldKind.CHECKBOX:
            return text == "true"
        case FieldKind.SELECT:
            return _label(field, text)
        case FieldKind.MULTISELECT:
            return tuple(_label(field, each) for each in text.split(";") if each) or None
        case FieldKind.DATE:
            moment = _moment(text)
            return None if moment is None else moment.date()
        case FieldKind.DATETIME:
            return _moment(text)
        case _:
            return text


def write_value(field: FieldSchema, value: FieldValue) -> str:
    """Return the text of a value. Raises ChangeRefused with a sentence where it does not fit the property."""
    match field.kind, value:
        case _ if field.read_only:
            msg = f'The field "{field.name}" cannot be changed by the bot.'
            raise ChangeRefused(msg)
        case FieldKind.SELECT, str():
            return _option(field, value)
        case FieldKind.MULTISELECT, tuple():
            return ";".join(_option(field, each) for each in value)
        case ((FieldKind.NUMBER | FieldKind.MONEY), Decimal()) if value.is_finite():
            return f"{value:f}"
        case FieldKind.CHECKBOX, bool():
            return "true" if value else "false"
        case FieldKind.DATETIME, datetime() if value.tzinfo is not None:
            return _milliseconds(value)
        case FieldKind.DATE, date() if not isinstance(value, datetime):
            return _milliseconds(datetime.combine(value, time(tzinfo=UTC)))
        case ((FieldKind.TEXT | FieldKind.LONG_TEXT), str()):
            return value
        case _:
            msg = f'This value does not fit the field "{field.name}" ({field.kind.value}).'
            raise ChangeRefused(msg)


def option_of(field: FieldSchema, name: str) -> str | None:
    """Return the value of the option with this label."""
    return next((each.id for each in field.options if same_name(each.name, name)), None)


def _kind(kind: str, field_type: str, row: Json) -> FieldKind:
    match kind, field_type:
        case "string", "phonenumber" | "text":
            return FieldKind.TEXT
        case "phone_number", _:
            return FieldKind.TEXT
        case "string", _ if field_type in LONG_TEXT:
            return FieldKind.LONG_TEXT
        case "number", _:
            return FieldKind.MONEY if row.get("showCurrencySymbol") else FieldKind.NUMBER
        case ("bool", _) | ("enumeration", "booleancheckbox"):
            return FieldKind.CHECKBOX
        case "enumeration", "checkbox":
            return FieldKind.MULTISELECT
        case "enumeration", "select" | "radio":
            return FieldKind.SELECT
    return _PLAIN.get(kind, FieldKind.UNSUPPORTED)


_PLAIN: Mapping[str, FieldKind] = {"date": FieldKind.DATE, "datetime": FieldKind.DATETIME}


def _label(field: FieldSchema, value: str) -> str:
    return next((each.name for each in field.options if each.id == value), value)


def _option(field: FieldSchema, name: str) -> str:
    found = option_of(field, name)
    if found is None:
        msg = f'The field "{field.name}" has no option "{name}".'
        raise ChangeRefused(msg)
    return found


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    """Return the moment of ISO 8601 or of milliseconds: both are answered."""
    try:
        if text.lstrip("-").isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _milliseconds(moment: datetime) -> str:
    return str(round(moment.timestamp() * 1000))
