"""Turns what a model wrote for a field into the field's own type, or says in a sentence why it cannot."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, TypeVar

from dealtalk.agent.names import allowed_name, nearest
from dealtalk.deals import FieldKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from dealtalk.agent.profile import FieldRule
    from dealtalk.deals import FieldSchema, FieldValue

D = TypeVar("D", bound=date)

MAX_TEXT = 250
"""Characters of a text, address or option: one-line fields of CRMs hold about 255."""

MAX_LONG_TEXT = 4000
MAX_URL = 2000
MAX_ENTRIES = 20
MAX_DIGITS = 12
MAX_DECIMALS = 4
_PHONE_DIGITS = range(7, 16)
_YEARS = range(1900, 2101)
_MAIL = re.compile(r"[^\s@]{1,64}@[^\s@]+\.[^\s@.]{2,24}")
_TRUE = {"true", "yes", "да", "1"}
_FALSE = {"false", "no", "нет", "0"}
_KEPT_FORMATS = "\u200c\u200d"
"""Joiners that emoji and Persian need; all other invisible format characters go."""


class Unusable(ValueError):
    """A value that cannot be written; the message is the end of a sentence that begins with the field's name.

    `unknown_name` is true where a fresher schema might know the name.
    """

    def __init__(self, message: str, *, unknown_name: bool = False) -> None:
        super().__init__(message)
        self.unknown_name = unknown_name


def clean_text(value: object, limit: int, *, lines: bool = True) -> str:
    """Return a text without control characters, outer white space and lone surrogates, at most `limit` long.

    `lines` false makes it one line. Raises Unusable where nothing is left or it is too long.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        msg = "must be a text"
        raise Unusable(msg)
    if isinstance(value, Decimal) and abs(value.adjusted()) > MAX_DIGITS:
        msg = "must be a text"
        raise Unusable(msg)
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    text = without_controls(text)
    text = text if lines else " ".join(text.split())
    text = text.strip()
    if not text:
        msg = "must not be empty; a value cannot be cleared"
        raise Unusable(msg)
    if len(text) > limit:
        msg = f"must have at most {limit} characters"
        raise Unusable(msg)
    return text


def without_controls(text: str) -> str:
    """Return `text` with plain line feeds and without control, direction-changing and other invisible characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = text.replace("\t", " ")
    return "".join(c for c in text if c == "\n" or c in _KEPT_FORMATS or not _invisible(c))


def _invisible(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf" and 0xE0020 <= ord(character) <= 0xE007F:  # noqa: PLR2004  the tag characters of flag emoji
        return False
    return category in {"Cc", "Cf", "Cs"}


def read_number(value: object, *, low: Decimal | None, high: Decimal | None) -> Decimal:
    """Return a finite number between `low` (default 0) and `high`, from a JSON number or its text in any usual way."""
    number = _decimal(value)
    if number.adjusted() >= MAX_DIGITS:
        msg = "is absurdly large"
        raise Unusable(msg)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS:
        msg = f"must have at most {MAX_DECIMALS} decimals"
        raise Unusable(msg)
    floor = Decimal(0) if low is None else low
    if number < floor or (high is not None and number > high):
        top = "" if high is None else f" and at most {high}"
        msg = f"must be at least {floor}{top}"
        raise Unusable(msg)
    return number or Decimal(0)


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and len(value) <= 40:  # noqa: PLR2004  longer than any number that would pass
        text = re.sub(r"[\s_\u00a0\u202f']", "", value)
        if re.fullmatch(r"[-+]?\d+,\d+", text):
            text = text.replace(",", ".")
        value = text if re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", text) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        msg = "must be a number without words"
        raise Unusable(msg)
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError):
        msg = "must be a number"
        raise Unusable(msg) from None
    if not number.is_finite():
        msg = "must be a finite number"
        raise Unusable(msg)
    return number


def read_moment(value: object, zone: tzinfo) -> datetime:
    """Return an aware date-time from ISO 8601; without an offset it is local to `zone`."""
    text = _iso(value)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        moment.utctimetuple()
    except (ValueError, OverflowError):
        msg = "must be a date and time such as 2026-03-31T18:15"
        raise Unusable(msg) from None
    if "T" not in text.upper() and " " not in text.strip():
        msg = "must name the time too, such as 2026-03-31T18:15"
        raise Unusable(msg)
    return _plausible(moment)


def read_date(value: object) -> date:
    """Return a date from ISO 8601."""
    try:
        return _plausible(date.fromisoformat(_iso(value)))
    except ValueError as error:
        if isinstance(error, Unusable):
            raise
        msg = "must be a date such as 2026-03-31"
        raise Unusable(msg) from None


def _iso(value: object) -> str:
    if not isinstance(value, str):
        msg = "must be a date as text, such as 2026-03-31"
        raise Unusable(msg)
    return value.strip()


def _plausible(moment: D) -> D:
    if moment.year not in _YEARS:
        msg = "has an impossible year"
        raise Unusable(msg)
    return moment


def read_value(value: object, field: FieldSchema, rule: FieldRule, zone: tzinfo) -> FieldValue:
    """Return `value` as the type that the field's kind holds, within the rule's limits. Raises Unusable."""
    if field.kind in {FieldKind.NUMBER, FieldKind.MONEY}:
        number = read_number(value, low=rule.min, high=rule.max)
        if rule.values and not any(number == allowed for allowed in map(_quiet_decimal, rule.values)):
            msg = f"is not among the allowed values; {nearest(str(number), rule.values)}"
            raise Unusable(msg)
        return number
    if field.kind is FieldKind.SELECT:
        return read_option(value, field, rule)
    if field.kind is FieldKind.MULTISELECT:
        return _each(value, lambda entry: read_option(entry, field, rule))
    if field.kind is FieldKind.DATETIME:
        return read_moment(value, zone)
    reader = _READERS.get(field.kind)
    if reader is None:
        msg = "is a kind of field that cannot be written"
        raise Unusable(msg)
    result = reader(value)
    if rule.values and isinstance(result, str):
        known = allowed_name(result, rule.values)
        if known is None:
            msg = f"is not among the allowed values; {nearest(result, rule.values)}"
            raise Unusable(msg)
        return known
    return result


def _quiet_decimal(text: str) -> Decimal | None:
    try:
        return _decimal(text)
    except Unusable:
        return None


def allowed_options(field: FieldSchema, rule: FieldRule) -> list[str]:
    """Return the names of the options that both the live field and the rule have, in the field's order."""
    names = [option.name for option in field.options]
    return [name for name in names if allowed_name(name, rule.values)] if rule.values else names


def read_option(value: object, field: FieldSchema, rule: FieldRule) -> str:
    """Return the option's name as the CRM spells it. Raises Unusable with the nearest options."""
    name = clean_text(value, MAX_TEXT, lines=False)
    options = allowed_options(field, rule)
    known = allowed_name(name, options)
    if known is None:
        may_be_new = not rule.values or allowed_name(name, rule.values) is not None
        msg = f"has no such option; {nearest(name, options)}"
        raise Unusable(msg, unknown_name=may_be_new)
    if sum(allowed_name(option, [known]) is not None for option in options) > 1:
        msg = "has two options of this name; a person must choose"
        raise Unusable(msg)
    return known


def _each(value: object, read: Callable[[object], str]) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else [value]
    if not 0 < len(entries) <= MAX_ENTRIES:
        msg = f"must have between 1 and {MAX_ENTRIES} entries"
        raise Unusable(msg)
    return tuple(dict.fromkeys(read(entry) for entry in entries))


def _checkbox(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, str | int) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    msg = "must be true or false"
    raise Unusable(msg)


def _url(value: object) -> str:
    text = clean_text(value, MAX_URL, lines=False)
    if not re.fullmatch(r"https?://[^\s/@:]+(:\d{1,5})?([/?#]\S*)?", text, re.IGNORECASE):
        msg = "must be a link that begins with http:// or https://"
        raise Unusable(msg)
    return text


def _contact(value: object) -> str:
    text = clean_text(value, MAX_TEXT, lines=False)
    if _MAIL.fullmatch(text):
        return text
    if re.fullmatch(r"\+?[\d\s().\-]+", text):
        digits = re.sub(r"\D", "", text)
        if digits.isascii() and len(digits) in _PHONE_DIGITS:
            return f"+{digits}" if text.startswith("+") else digits
    msg = "must be a phone number or an e-mail address"
    raise Unusable(msg)


_READERS: dict[FieldKind, Callable[[object], FieldValue]] = {
    FieldKind.TEXT: lambda value: clean_text(value, MAX_TEXT, lines=False),
    FieldKind.ADDRESS: lambda value: clean_text(value, MAX_TEXT, lines=False),
    FieldKind.LONG_TEXT: lambda value: clean_text(value, MAX_LONG_TEXT),
    FieldKind.CHECKBOX: _checkbox,
    FieldKind.DATE: read_date,
    FieldKind.URL: _url,
    FieldKind.CONTACTS: lambda value: _each(value, _contact),
}


def spoken(value: FieldValue | Decimal) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        if abs(value.adjusted()) > 2 * MAX_DIGITS:
            return str(value)
        plain = format(value, "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else value
