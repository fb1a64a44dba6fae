"""Custom fields: the vendor's types, how their values are read and written.

Follows https://www.amocrm.ru/developers/content/crm_platform/custom-fields.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm.options import DateFormat
from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option, same_name
from dealtalk.errors import ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dealtalk.crm.amocrm.api import Json

KINDS = {
    "text": FieldKind.TEXT,
    "textarea": FieldKind.LONG_TEXT,
    "numeric": FieldKind.NUMBER,
    "monetary": FieldKind.MONEY,
    "price": FieldKind.MONEY,
    "checkbox": FieldKind.CHECKBOX,
    "select": FieldKind.SELECT,
    "radiobutton": FieldKind.SELECT,
    "multiselect": FieldKind.MULTISELECT,
    "date": FieldKind.DATE,
    "birthday": FieldKind.DATE,
    "date_time": FieldKind.DATETIME,
    "url": FieldKind.URL,
    "streetaddress": FieldKind.ADDRESS,
    "smart_address": FieldKind.ADDRESS,
    "multitext": FieldKind.CONTACTS,
    "tracking_data": FieldKind.TEXT,
}
"""All other types are UNSUPPORTED."""

NOT_WRITTEN = frozenset({"smart_address", "tracking_data", "multitext"})
"""Read as what they are, never written: several lines under one roof, or somebody else's data."""

TEXT_LIMIT = 256
"""A `text` field is cut silently after so many characters, as integrators measured."""

_DATE_HOUR = time(11, tzinfo=UTC)
"""A date is written as 11:00 UTC, which is the same day in every zone from -11 to +12 hours."""


def field_schema(row: Json) -> FieldSchema:
    """Return a field as GET /api/v4/leads/custom_fields lists it."""
    vendor_type = str(row.get("type"))
    kind = KINDS.get(vendor_type, FieldKind.UNSUPPORTED)
    options: tuple[Option, ...] = ()
    if kind in {FieldKind.SELECT, FieldKind.MULTISELECT}:
        options = tuple(Option(str(each["id"]), str(each["value"])) for each in row.get("enums") or ())
    return FieldSchema(
        id=str(row["id"]),
        name=str(row.get("name") or row["id"]),
        kind=kind,
        options=options,
        code=row.get("code") or None,
        read_only=vendor_type in NOT_WRITTEN or bool(row.get("is_computed")),
    )


def read_fields(rows: Iterable[Json] | None) -> dict[str, FieldValue]:
    """Return the values of `custom_fields_values` by field id; what is empty or unreadable is left out."""
    found: dict[str, FieldValue] = {}
    for row in rows or ():
        value = _read(str(row.get("field_type")), [each for each in row.get("values") or () if isinstance(each, dict)])
        if value is not None and value not in {"", ()}:
            found[str(row.get("field_id"))] = value
    return found


def write_values(field: FieldSchema, value: FieldValue, date_format: DateFormat) -> list[Json]:
    """Return the `values` of one field.

    Raises ChangeRefused with a sentence where the value does not fit the field.
    """
    written: list[object]
    key = "value"
    match field.kind, value:
        case _ if field.read_only or field.kind in {FieldKind.UNSUPPORTED, FieldKind.CONTACTS}:
            msg = f'The field "{field.name}" cannot be changed by the bot.'
            raise ChangeRefused(msg)
        case FieldKind.SELECT, str():
            key, written = "enum_id", [_option(field, value)]
        case FieldKind.MULTISELECT, tuple():
            key, written = "enum_id", [_option(field, name) for name in value]
        case ((FieldKind.NUMBER | FieldKind.MONEY), Decimal()) if value.is_finite():
            written = [f"{value:f}"]
        case FieldKind.CHECKBOX, bool():
            written = [value]
        case FieldKind.DATETIME, datetime() if value.tzinfo is not None:
            written = [_moment(value, date_format)]
        case FieldKind.DATE, date() if not isinstance(value, datetime):
            written = [_moment(datetime.combine(value, _DATE_HOUR), date_format)]
        case FieldKind.TEXT, str() if len(value) > TEXT_LIMIT:
            msg = f'The field "{field.name}" holds at most {TEXT_LIMIT} characters.'
            raise ChangeRefused(msg)
        case ((FieldKind.TEXT | FieldKind.LONG_TEXT | FieldKind.URL | FieldKind.ADDRESS), str()):
            written = [value]
        case _:
            msg = f'This value does not fit the field "{field.name}" ({field.kind.value}).'
            raise ChangeRefused(msg)
    return [{key: each} for each in written]


def _option(field: FieldSchema, name: str) -> int:
    for option in field.options:
        if same_name(option.name, name):
            return int(option.id)
    msg = f'The field "{field.name}" has no option "{name}".'
    raise ChangeRefused(msg)


def _moment(moment: datetime, date_format: DateFormat) -> int | str:
    if date_format is DateFormat.RFC3339:
        return moment.astimezone(UTC).isoformat(timespec="seconds")
    return int(moment.timestamp())


def _read(vendor_type: str, values: list[Json]) -> FieldValue | None:
    kind = KINDS.get(vendor_type, FieldKind.UNSUPPORTED)
    raw = [each.get("value") for each in values if each.get("value") is not None]
    if not raw:
        return None
    if kind in {FieldKind.MULTISELECT, FieldKind.CONTACTS}:
        return tuple(str(each) for each in raw)
    if kind is FieldKind.UNSUPPORTED or vendor_type == "smart_address":
        return ", ".join(_in_words(each) for each in raw)
    return _READERS.get(kind, str)(raw[0])


def _number(raw: object) -> Decimal | None:
    try:
        number = Decimal(str(raw))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _flag(raw: object) -> bool:
    return raw if isinstance(raw, bool) else str(raw) == "1"


def _day(raw: object) -> date | None:
    """Return the day of a midnight in the account's zone: the nearest midnight in UTC names the same day."""
    moment = _instant(raw)
    return None if moment is None else (moment + timedelta(hours=12)).date()


def _instant(raw: object) -> datetime | None:
    try:
        if isinstance(raw, int | Decimal) or str(raw).lstrip("-").isdigit():
            return datetime.fromtimestamp(int(str(raw)), UTC)
        moment = datetime.fromisoformat(str(raw))
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _in_words(raw: Any) -> str:  # noqa: ANN401 (any JSON)
    if isinstance(raw, dict):
        named = raw.get("name") or raw.get("file_name")
        return str(named) if named else ", ".join(str(each) for each in raw.values() if each)
    return str(raw)


_READERS: Mapping[FieldKind, Callable[[object], FieldValue | None]] = {
    FieldKind.NUMBER: _number,
    FieldKind.MONEY: _number,
    FieldKind.CHECKBOX: _flag,
    FieldKind.DATE: _day,
    FieldKind.DATETIME: _instant,
}
"""All other kinds are read as text."""
