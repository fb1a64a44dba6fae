"""What a custom field of each type takes, and how it is shown."""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24.problems import Refusal
from local.simulators.bitrix24.state import ZONE

if TYPE_CHECKING:
    from local.simulators.bitrix24.entities import UserField
    from local.simulators.bitrix24.state import Portal


def checked(portal: Portal, field: UserField, value: Any) -> Any:
    """Return what is stored for a value. Raises CRM_FIELD_ERROR_VALUE_NOT_VALID where the field does not take it."""
    if isinstance(value, dict):
        value = list(value.values())
    if field.multiple:
        if value in (None, "", []):
            return []
        if not isinstance(value, list):
            raise _invalid(field)
        return [each for each in (_one(portal, field, one) for one in value) if each is not None]
    if isinstance(value, list):
        raise _invalid(field)
    return _one(portal, field, value)


def _one(portal: Portal, field: UserField, value: Any) -> Any:
    if value is None or value == "":
        return None
    try:
        return _READERS.get(field.type, lambda _portal, _field, each: str(each))(portal, field, value)
    except (ValueError, TypeError):
        raise _invalid(field) from None


def _invalid(field: UserField) -> Refusal:
    return Refusal("CRM_FIELD_ERROR_VALUE_NOT_VALID", f'The field "{field.title}" has an invalid value')


def _boolean(_portal: Portal, _field: UserField, value: Any) -> str:
    known = {"y": "Y", "1": "Y", "true": "Y", "n": "N", "0": "N", "false": "N"}
    text = str(value).lower()
    if text not in known:
        raise ValueError
    return known[text]


def _date(portal: Portal, _field: UserField, value: Any) -> str:
    day = datetime.fromisoformat(str(value))
    day = day.astimezone(ZONE) if day.tzinfo else day
    return portal.iso(datetime.combine(day.date(), time(), ZONE).timestamp())


def _moment(portal: Portal, _field: UserField, value: Any) -> str:
    moment = datetime.fromisoformat(str(value))
    return portal.iso((moment if moment.tzinfo else moment.replace(tzinfo=ZONE)).timestamp())


def _option(_portal: Portal, field: UserField, value: Any) -> int:
    number = int(str(value))
    if number not in {each for each, _ in field.items}:
        raise ValueError
    return number


def _money(_portal: Portal, _field: UserField, value: Any) -> str:
    amount, _, currency = str(value).partition("|")
    float(amount)
    if len(currency) != 3:  # noqa: PLR2004 - a currency's code
        raise ValueError
    return f"{amount}|{currency}"


_READERS: dict[str, Any] = {
    "boolean": _boolean,
    "integer": lambda _portal, _field, value: int(str(value)),
    "double": lambda _portal, _field, value: float(str(value)),
    "date": _date,
    "datetime": _moment,
    "enumeration": _option,
    "money": _money,
}
