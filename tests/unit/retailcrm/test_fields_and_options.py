"""Custom fields as the CRM shows and takes them, and what a connection can be told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dealtalk.crm.retailcrm.fields import field_schema, read_fields, write_value
from dealtalk.crm.retailcrm.options import NoteKind, OrderChoice, retailcrm_options
from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option
from dealtalk.errors import ChangeRefused, NeedsAttention

ZONE = ZoneInfo("Asia/Yekaterinburg")
BOOK = {"profiles": (Option("rehau", "REHAU"), Option("veka", "VEKA"))}
MG = {"mg_url": "https://mg-s1.retailcrm.pro"}


def field(kind: str, **changes: Any) -> FieldSchema:
    """Return a field as the list shows it."""
    return field_schema({"code": "f", "name": "Поле", "type": kind, "dictionary": "profiles", **changes}, BOOK)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("string", "Уфа", "Уфа"),
        ("integer", 3, Decimal(3)),
        ("numeric", "3.50", Decimal("3.50")),
        ("boolean", True, True),
        ("boolean", "0", False),
        ("date", "2026-11-20", date(2026, 11, 20)),
        ("datetime", "2026-11-20 15:30:00", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("datetime", "2026-11-20T15:30:00+05:00", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("dictionary", "veka", "VEKA"),
        ("dictionary", "gone", "gone"),
        ("multiselect_dictionary", ["rehau", "veka"], ("REHAU", "VEKA")),
        ("something new", ["a", 5], "a, 5"),
    ],
)
def test_a_value_is_read_as_its_kind(kind: str, raw: Any, value: FieldValue) -> None:
    """Choices by name, times in the account's zone; what a book does not know stays as it is."""
    assert read_fields({"f": raw}, (field(kind),), ZONE) == {"f": value}


@pytest.mark.parametrize("raw", [None, "", [], "not a number"])
def test_what_is_empty_or_unreadable_is_absent(raw: Any) -> None:
    """An empty field is no empty value."""
    kind = "numeric" if raw == "not a number" else "multiselect_dictionary" if raw == [] else "string"
    assert read_fields({"f": raw}, (field(kind),), ZONE) == {}


@pytest.mark.parametrize("values", [[], None, "x", 5])
def test_an_object_without_entries_may_be_a_list(values: Any) -> None:
    """PHP writes an empty one so."""
    assert read_fields(values, (field("string"),), ZONE) == {}


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("string", "Уфа", "Уфа"),
        ("numeric", Decimal("3.5"), 3.5),
        ("integer", Decimal(3), 3),
        ("boolean", True, True),
        ("date", date(2026, 11, 20), "2026-11-20"),
        ("datetime", datetime(2026, 11, 20, 10, 30, tzinfo=UTC), "2026-11-20 15:30:00"),
        ("dictionary", " veka ", "veka"),
        ("multiselect_dictionary", ("VEKA", "rehau"), ["veka", "rehau"]),
    ],
)
def test_a_value_is_written_as_the_api_takes_it(kind: str, value: FieldValue, written: object) -> None:
    """Choices by code, times as the account's clock shows them."""
    assert write_value(field(kind), value, ZONE) == written


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "x" * 256),
        ("string", Decimal(5)),
        ("dictionary", "KBE"),
        ("multiselect_dictionary", ("VEKA", "KBE")),
        ("numeric", Decimal("NaN")),
        ("datetime", datetime(2026, 11, 20, 10, 30)),  # noqa: DTZ001 (that is what is refused)
        ("date", datetime(2026, 11, 20, tzinfo=UTC)),
        ("something new", "x"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_a_sentence(kind: str, value: FieldValue) -> None:
    """The field is named, so that the model can say what is wrong."""
    with pytest.raises(ChangeRefused, match="Поле"):
        write_value(field(kind), value, ZONE)


def test_a_field_that_may_only_be_looked_at_is_read_only() -> None:
    """By its view mode."""
    assert field("string", viewMode="not_editable").read_only
    assert not field("string", viewMode="editable").read_only
    assert field("string", viewMode="editable").kind is FieldKind.TEXT


def test_options_are_read_as_they_are_stored_or_typed() -> None:
    """Texts from the command line and JSON from the table mean the same."""
    stored = retailcrm_options({**MG, "tags": False, "won_groups": ["complete", "paid"], "channels": {"3": "vk"}})
    typed = retailcrm_options({**MG, "tags": "false", "won_groups": "complete, paid", "order_choice": "newest"})
    assert (stored.tags, stored.won_groups) == (typed.tags, typed.won_groups) == (False, ("complete", "paid"))
    assert typed.order_choice is OrderChoice.NEWEST
    assert stored.note_kind is NoteKind.COMMENT
    assert stored.channels == {"3": "vk"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "mg_url"),
        ({**MG, "colour": "red"}, "colour"),
        ({**MG, "timezone": "Mars/Base"}, "timezone"),
        ({**MG, "message_limit": 5}, "message_limit"),
        ({"mg_url": "http://mg-s1.retailcrm.pro"}, "mg_url"),
        ({**MG, "channels": {"x": "vk"}}, "channels"),
        ({**MG, "handover_user_id": "Олег"}, "handover_user_id"),
    ],
)
def test_an_option_that_is_unknown_or_unusable_is_named(given: dict[str, Any], named: str) -> None:
    """It is the integrator's matter."""
    with pytest.raises(NeedsAttention, match=named):
        retailcrm_options(given)


def test_a_limit_is_the_channel_s_where_it_is_known() -> None:
    """Else the smallest that all channels take."""
    options = retailcrm_options({**MG, "channel_limits": {"telegram": 4096}})
    assert (options.limit("telegram"), options.limit("vk"), options.limit(None)) == (4096, 1000, 1000)
