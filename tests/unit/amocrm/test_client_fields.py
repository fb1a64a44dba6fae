"""Values of custom fields as amoCRM keeps them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.crm.amocrm.fields import field_schema, read_fields, write_values
from dealtalk.crm.amocrm.options import DateFormat
from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option
from dealtalk.errors import ChangeRefused

if TYPE_CHECKING:
    from dealtalk.crm.amocrm.api import Json

SELECT = FieldSchema("3", "Профиль", FieldKind.SELECT, (Option("31", "REHAU"), Option("32", "VEKA")))


def read(vendor_type: str, *values: Any) -> FieldValue | None:
    """Return what a field of this type with these values is read as."""
    row = {"field_id": 7, "field_type": vendor_type, "values": [{"value": value} for value in values]}
    return read_fields([row]).get("7")


@pytest.mark.parametrize(
    ("vendor_type", "raw", "value"),
    [
        ("text", "Уфа", "Уфа"),
        ("numeric", "1.50", Decimal("1.50")),
        ("numeric", 3, Decimal(3)),
        ("monetary", "100", Decimal(100)),
        ("checkbox", True, True),
        ("checkbox", "0", False),
        ("checkbox", "1", True),
        ("select", "REHAU", "REHAU"),
        ("radiobutton", "Утро", "Утро"),
        ("date_time", 1591965296, datetime(2020, 6, 12, 12, 34, 56, tzinfo=UTC)),
        ("date_time", "2020-06-12T15:34:56+03:00", datetime(2020, 6, 12, 12, 34, 56, tzinfo=UTC)),
        ("legal_entity", {"name": "ООО Рога", "vat_id": "1"}, "ООО Рога"),
        ("file", {"file_name": "a.pdf", "file_uuid": "x"}, "a.pdf"),
    ],
)
def test_a_value_is_read_as_its_kind(vendor_type: str, raw: Any, value: FieldValue) -> None:
    """Strings that stand for numbers, flags and times become those."""
    assert read(vendor_type, raw) == value


@pytest.mark.parametrize("hours", [-11, -5, 0, 3, 5.5, 12])
def test_a_date_is_the_day_of_the_account_whatever_its_zone(hours: float) -> None:
    """The vendor keeps midnight in the account's zone, which our side does not know."""
    midnight = datetime(2026, 11, 20, tzinfo=timezone(timedelta(hours=hours)))

    assert read("date", int(midnight.timestamp())) == date(2026, 11, 20)


@pytest.mark.parametrize("hours", [-11, -5, 0, 3, 5.5, 12])
@pytest.mark.parametrize("date_format", list(DateFormat))
def test_a_date_is_written_as_a_moment_that_is_this_day_in_every_zone(hours: float, date_format: DateFormat) -> None:
    """Whatever zone the account has, the card shows the day that was meant, and so does the read-back."""
    [row] = write_values(FieldSchema("1", "Дата", FieldKind.DATE), date(2026, 11, 20), date_format)
    raw = row["value"]
    moment = datetime.fromtimestamp(raw, UTC) if isinstance(raw, int) else datetime.fromisoformat(str(raw))

    assert moment.astimezone(timezone(timedelta(hours=hours))).date() == date(2026, 11, 20)
    assert read("date", raw) == date(2026, 11, 20)


def test_several_values_are_a_tuple() -> None:
    """Multiselect options and phones."""
    assert read("multiselect", "Отлив", "Монтаж") == ("Отлив", "Монтаж")
    assert read("multitext", "+7999", "+7888") == ("+7999", "+7888")


@pytest.mark.parametrize(
    ("vendor_type", "raw"),
    [
        ("text", ""),
        ("numeric", ""),
        ("numeric", "NaN"),
        ("numeric", "three"),
        ("date", "soon"),
        ("date_time", 10**30),
        ("text", None),
    ],
)
def test_an_empty_or_unreadable_value_is_absent(vendor_type: str, raw: Any) -> None:
    """An empty field is absent, never an empty value."""
    assert read(vendor_type, raw) is None


def test_no_fields_at_all_is_no_error() -> None:
    """The vendor shows null where nothing is filled in."""
    assert read_fields(None) == {}


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        (SELECT, "rehau", [{"enum_id": 31}]),
        (
            FieldSchema("4", "Опции", FieldKind.MULTISELECT, SELECT.options),
            ("VEKA", "REHAU"),
            [{"enum_id": 32}, {"enum_id": 31}],
        ),
        (FieldSchema("2", "N", FieldKind.NUMBER), Decimal("1E+3"), [{"value": "1000"}]),
        (FieldSchema("2", "N", FieldKind.MONEY), Decimal("0.10"), [{"value": "0.10"}]),
        (FieldSchema("5", "F", FieldKind.CHECKBOX), False, [{"value": False}]),
        (
            FieldSchema("8", "T", FieldKind.DATETIME),
            datetime(2020, 6, 12, 12, 34, 56, tzinfo=UTC),
            [{"value": 1591965296}],
        ),
        (FieldSchema("9", "U", FieldKind.URL), "https://x.test", [{"value": "https://x.test"}]),
    ],
)
def test_a_value_is_written_as_the_vendor_documents(field: FieldSchema, value: FieldValue, written: list[Json]) -> None:
    """Options by id, numbers as text without an exponent, flags as flags."""
    assert write_values(field, value, DateFormat.UNIX) == written


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (SELECT, "KBE", "no option"),
        (FieldSchema("1", "City", FieldKind.TEXT), "x" * 257, "at most 256"),
        (FieldSchema("1", "City", FieldKind.TEXT, read_only=True), "x", "cannot be changed"),
        (FieldSchema("1", "Phone", FieldKind.CONTACTS), ("1",), "cannot be changed"),
        (FieldSchema("1", "N", FieldKind.NUMBER), Decimal("Infinity"), "does not fit"),
        (FieldSchema("1", "N", FieldKind.NUMBER), "3", "does not fit"),
        (FieldSchema("1", "D", FieldKind.DATE), datetime(2026, 1, 1, tzinfo=UTC), "does not fit"),
        (FieldSchema("1", "F", FieldKind.CHECKBOX), "yes", "does not fit"),
    ],
)
def test_a_value_that_does_not_fit_is_a_sentence_for_the_model(
    field: FieldSchema, value: FieldValue, words: str
) -> None:
    """It names the field; nothing is converted in silence."""
    with pytest.raises(ChangeRefused, match=words) as refused:
        write_values(field, value, DateFormat.UNIX)

    assert field.name in str(refused.value)


@pytest.mark.parametrize(
    ("row", "kind", "read_only"),
    [
        ({"type": "numeric", "is_computed": True}, FieldKind.NUMBER, True),
        ({"type": "tracking_data"}, FieldKind.TEXT, True),
        ({"type": "smart_address"}, FieldKind.ADDRESS, True),
        ({"type": "streetaddress"}, FieldKind.ADDRESS, False),
        ({"type": "something new"}, FieldKind.UNSUPPORTED, False),
        ({"type": "textarea", "is_api_only": True}, FieldKind.LONG_TEXT, False),
    ],
)
def test_a_field_s_kind_is_mapped(row: Json, kind: FieldKind, read_only: bool) -> None:
    """Types that we do not know are shown as text and never written."""
    field = field_schema({"id": 1, "name": "F", "code": None, "enums": None, **row})

    assert (field.kind, field.read_only) == (kind, read_only)
