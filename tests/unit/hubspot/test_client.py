"""What HubSpot's refusals mean, what a connection may be told, how properties are read and written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from dealtalk.crm.http import Answer
from dealtalk.crm.hubspot.additions import html_of, plain
from dealtalk.crm.hubspot.api import path_id
from dealtalk.crm.hubspot.errors import Refused, ScopeMissing, failure, until_midnight
from dealtalk.crm.hubspot.fields import field_schema, is_shown, read_value, write_value
from dealtalk.crm.hubspot.options import ReadBack, hubspot_options
from dealtalk.crm.markers import ends_with_mark, marked
from dealtalk.deals import FieldKind, FieldSchema, FieldValue, Option
from dealtalk.errors import ChangeRefused, CrmUnavailable, NeedsAttention, OutcomeUnknown, Permanent, RateLimited

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
NEEDED = {"app_id": 1160452, "bot_user_id": "9001"}


def meant(status: int, body: Any = None, *, acts: bool = False, retry_after: float | None = None) -> Exception:
    """Return what an answer means."""
    return failure(Answer(status, body, retry_after), acts=acts, now=NOW, time_zone="America/New_York")


def test_the_burst_limit_is_over_in_ten_seconds() -> None:
    """A little longer, so that not all come back in the same instant."""
    error = meant(429, {"policyName": "TEN_SECONDLY_ROLLING"})
    assert isinstance(error, RateLimited)
    assert error.after is not None
    assert 10 <= error.after <= 12


def test_the_daily_limit_is_over_at_midnight_of_the_account() -> None:
    """20:00 UTC is 15:00 in New York."""
    error = meant(429, {"policyName": "DAILY"})
    assert isinstance(error, RateLimited)
    assert error.after == 9 * 3600


def test_a_time_zone_that_is_not_known_here_is_an_hour() -> None:
    """Then the limit is tried again every hour."""
    assert until_midnight(NOW, "Mars/Olympus") == 3600
    assert until_midnight(NOW, "../etc") == 3600


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 523, 524])
def test_a_server_error_leaves_a_writes_outcome_unknown_and_a_read_to_be_repeated(status: int) -> None:
    """The request may have acted."""
    assert isinstance(meant(status, acts=True), OutcomeUnknown)
    assert type(meant(status)) is CrmUnavailable


def test_a_lock_and_a_migration_are_waited_for() -> None:
    """Two seconds at least; as long as the answer says."""
    locked, moving, told = meant(423, acts=True), meant(477), meant(477, retry_after=7200.0)
    assert type(locked) is CrmUnavailable
    assert locked.after == 2
    assert isinstance(moving, RateLimited)
    assert isinstance(told, RateLimited)
    assert (moving.after, told.after) == (600, 7200)


def test_a_dead_token_and_a_missing_scope_need_somebody() -> None:
    """They are told apart, since the advice differs."""
    assert type(meant(401)) is NeedsAttention
    assert isinstance(meant(403, {"category": "MISSING_SCOPES"}), ScopeMissing)
    assert type(meant(403)) is NeedsAttention


@pytest.mark.parametrize("status", [400, 404, 409, 414, 431])
def test_other_refusals_are_for_good(status: int) -> None:
    """Nothing is tried again, and no text of the answer stands in the error."""
    rows = [{"message": "bad Иван", "code": "INVALID_OPTION", "context": {"propertyName": ["frame"]}}, "x"]
    error = meant(status, {"message": "Property values were not valid: Иван", "errors": rows})
    assert isinstance(error, Refused)
    assert error.complaints[0].property == "frame"
    assert "Иван" not in str(error)


def test_a_connection_needs_app_and_user_and_knows_its_options() -> None:
    """What is unknown or unusable is named."""
    options = hubspot_options(
        {**NEEDED, "read_back": "get", "own_domains": "Panes.test, x.test", "calls_per_second": 9}
    )
    assert (options.app_id, options.bot_actor, options.read_back) == ("1160452", "A-9001", ReadBack.GET)
    assert options.own_domains == ("panes.test", "x.test")
    for wrong in ({"app_id": "x"}, {"weather": 1}, {"message_limit": 1}, {"other_bots": "shout"}):
        with pytest.raises(NeedsAttention):
            hubspot_options({**NEEDED, **wrong})
    with pytest.raises(NeedsAttention):
        hubspot_options({})


@pytest.mark.parametrize("value", ["../x", "a/b", "", "x" * 65, "%2e", "а"])
def test_an_id_that_would_lead_elsewhere_is_not_asked_for(value: str) -> None:
    """Ids stand in paths."""
    with pytest.raises(Permanent):
        path_id(value)


def field(kind: FieldKind, *options: str, read_only: bool = False) -> FieldSchema:
    """Return a property."""
    made = tuple(Option(f"v_{name}", name) for name in options)
    return FieldSchema("p", "Property", kind, made, "p", read_only=read_only)


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        (FieldKind.TEXT, "Уфа", "Уфа"),
        (FieldKind.NUMBER, Decimal("3.50"), "3.50"),
        (FieldKind.CHECKBOX, False, "false"),
        (FieldKind.DATE, date(2026, 11, 20), "1795132800000"),
        (FieldKind.DATETIME, datetime(2026, 11, 20, 15, 30, tzinfo=UTC), "1795188600000"),
    ],
)
def test_a_value_is_written_as_text_and_read_back(kind: FieldKind, value: FieldValue, written: str) -> None:
    """Times in milliseconds, a date at midnight UTC."""
    assert write_value(field(kind), value) == written
    assert read_value(field(kind), written) == value


def test_options_are_written_by_value_and_read_by_label() -> None:
    """An unknown one is refused with a sentence."""
    several = field(FieldKind.MULTISELECT, "Sill", "Screen")
    assert write_value(several, ("screen", "Sill")) == "v_Screen;v_Sill"
    assert read_value(several, "v_Screen;gone") == ("Screen", "gone")
    with pytest.raises(ChangeRefused):
        write_value(field(FieldKind.SELECT, "Vinyl"), "Gold")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldKind.NUMBER, "three"),
        (FieldKind.NUMBER, Decimal("NaN")),
        (FieldKind.DATETIME, datetime(2026, 1, 1)),  # noqa: DTZ001 (it must be refused)
        (FieldKind.UNSUPPORTED, "x"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind: FieldKind, value: FieldValue) -> None:
    """Before anything is sent."""
    with pytest.raises(ChangeRefused):
        write_value(field(kind), value)


@pytest.mark.parametrize(("kind", "text"), [(FieldKind.NUMBER, "x"), (FieldKind.DATE, "soon"), (FieldKind.TEXT, " ")])
def test_a_value_that_cannot_be_read_is_none(kind: FieldKind, text: str) -> None:
    """An empty one too."""
    assert read_value(field(kind), text) is None


@pytest.mark.parametrize(
    ("kind", "field_type", "expected"),
    [
        ("string", "text", FieldKind.TEXT),
        ("string", "phonenumber", FieldKind.TEXT),
        ("string", "textarea", FieldKind.LONG_TEXT),
        ("string", "html", FieldKind.LONG_TEXT),
        ("string", "file", FieldKind.UNSUPPORTED),
        ("number", "number", FieldKind.NUMBER),
        ("bool", "booleancheckbox", FieldKind.CHECKBOX),
        ("enumeration", "booleancheckbox", FieldKind.CHECKBOX),
        ("enumeration", "checkbox", FieldKind.MULTISELECT),
        ("enumeration", "radio", FieldKind.SELECT),
        ("date", "date", FieldKind.DATE),
        ("datetime", "date", FieldKind.DATETIME),
        ("object_coordinates", "text", FieldKind.UNSUPPORTED),
    ],
)
def test_a_propertys_kind_comes_of_both_its_types(kind: str, field_type: str, expected: FieldKind) -> None:
    """What is not known is read as text and never written."""
    made = field_schema({"name": "p", "label": "P", "type": kind, "fieldType": field_type})
    assert (made.kind, made.read_only) == (expected, expected is FieldKind.UNSUPPORTED)


def test_a_calculated_property_is_not_written() -> None:
    """Nor one that the vendor calls read-only."""
    row = {"name": "p", "type": "number", "fieldType": "number"}
    assert field_schema({**row, "calculated": True}).read_only
    assert field_schema({**row, "modificationMetadata": {"readOnlyValue": True}}).read_only


def test_figures_hidden_and_core_properties_are_not_shown() -> None:
    """The company's own and a few standard ones are."""
    assert is_shown({"name": "city"})
    assert is_shown({"name": "closedate", "hubspotDefined": True})
    for row in ({"name": "hs_x", "hubspotDefined": True}, {"name": "x", "hidden": True}, {"name": "dealstage"}):
        assert not is_shown(row)


def test_a_note_is_shown_as_it_was_written() -> None:
    """Its marker is found again, also where the CRM puts elements around it."""
    text = marked("3 < 5 & <b>bold</b>\nсегодня", "ab-1-n0")
    html = html_of(text)
    assert "<b>" not in html
    assert plain(html) == text
    assert ends_with_mark(plain(f"<div><p>{html}</p></div>"), "ab-1-n0")
