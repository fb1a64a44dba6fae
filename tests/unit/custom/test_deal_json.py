"""Deals as the protocol writes them, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dealtalk.crm.custom.deal_json import (
    MAX_DEAL_BYTES,
    Unusable,
    as_json,
    checked_deal,
    checked_schema,
    deal_of,
    packed,
    schema_of,
    schema_with,
    with_changes,
)
from dealtalk.deals import FieldKind, Outcome
from events import custom

KINDS: dict[str, tuple[Any, Any]] = {
    "text": ("Уфа", "Уфа"),
    "number": (3, Decimal(3)),
    "money": ("18900.50", Decimal("18900.50")),
    "checkbox": (True, True),
    "select": ("REHAU", "REHAU"),
    "multiselect": (["a", "b"], ("a", "b")),
    "date": ("2026-11-20", date(2026, 11, 20)),
    "datetime": ("2026-11-20T15:30:00+00:00", datetime(2026, 11, 20, 15, 30, tzinfo=UTC)),
    "contacts": (["+7917"], ("+7917",)),
}


def schema_of_kind(kind: str) -> dict[str, Any]:
    """Return a schema with one field."""
    return checked_schema({"pipelines": [{"id": "p", "stages": ["s"]}], "fields": [{"id": "f", "type": kind}]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_read_by_its_fields_kind_and_written_back_the_same(kind: str) -> None:
    """What was read and written again is what stood there."""
    told, meant = KINDS[kind]
    schema = schema_of(schema_of_kind(kind))
    deal = deal_of(checked_deal({"id": "D", "stage_id": "s", "fields": {"f": told}}), schema, with_contact=False)
    assert deal.fields["f"] == meant
    again = checked_deal({"id": "D", "stage_id": "s", "fields": {"f": as_json(deal.fields["f"])}})
    assert deal_of(again, schema, with_contact=False).fields["f"] == meant


@pytest.mark.parametrize("kind", ["number", "date", "datetime"])
@pytest.mark.parametrize("garbage", ["soon", "NaN", "1e400", "2026-13-45", "2026-11-20T10:00"])
def test_a_value_that_is_not_of_its_kind_is_left_out(kind: str, garbage: str) -> None:
    """An unreadable value is no value; a time without a zone is no moment."""
    if (kind, garbage) == ("date", "2026-11-20T10:00"):
        return
    schema = schema_of(schema_of_kind(kind))
    deal = deal_of(checked_deal({"id": "D", "stage_id": "s", "fields": {"f": garbage}}), schema, with_contact=False)
    assert deal.fields == {}


def test_a_deal_is_told_with_its_contact_only_where_asked() -> None:
    """As every adapter does."""
    document, schema = checked_deal(custom.DEAL), schema_of(checked_schema(custom.SCHEMA))
    assert deal_of(document, schema, with_contact=False).contact is None
    contact = deal_of(document, schema, with_contact=True).contact
    assert contact is not None
    assert contact.name == "Олег"


def test_a_schema_names_outcomes_people_and_options() -> None:
    """A text is id and name at once."""
    schema = schema_of(checked_schema(custom.SCHEMA))
    assert schema.pipelines[0].stages[2].outcome is Outcome.WON
    assert [person.active for person in schema.people] == [True, False]
    assert [option.name for option in schema.fields[2].options] == ["REHAU", "VEKA"]


def test_an_unknown_kind_is_read_as_text_and_not_written() -> None:
    """A kind of tomorrow does no harm."""
    assert schema_of(schema_of_kind("hologram")).fields[0].kind is FieldKind.UNSUPPORTED


def test_a_sender_without_a_schema_gets_one_from_its_deals() -> None:
    """The stages that it allows, and the one where the deal stands."""
    deal = checked_deal({"id": "D", "stage_id": "new", "allowed_stages": [{"id": "paid", "name": "Оплачен"}]})
    schema = schema_of(schema_with({}, deal))
    assert [(stage.id, stage.name) for stage in schema.pipelines[0].stages] == [("new", "new"), ("paid", "Оплачен")]
    later = checked_deal({"id": "D", "stage_id": "paid", "allowed_stages": ["won"]})
    again = schema_of(schema_with(schema_with({}, deal), later))
    assert [stage.id for stage in again.pipelines[0].stages] == ["new", "paid", "won"]


def test_changes_keep_what_the_schema_does_not_know() -> None:
    """A field that nobody described stays as it was told."""
    before = checked_deal({"id": "D", "stage_id": "s", "fields": {"f": "1", "secret_of_theirs": "x"}})
    schema = schema_of(schema_of_kind("number"))
    deal = deal_of(before, schema, with_contact=False)
    assert with_changes(before, deal)["fields"] == {"f": "1", "secret_of_theirs": "x"}


def test_a_deal_that_no_table_takes_is_refused() -> None:
    """An item holds 400 KB."""
    fields = {str(number): "я" * 4000 for number in range(200)}
    with pytest.raises(Unusable):
        checked_deal({"id": "D", "stage_id": "s", "fields": fields})


DOCUMENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
KEYS = ["title", "pipeline_id", "price", "tags", "fields", "contact", "allowed_stages", "version", "deleted"]
NAMED = st.fixed_dictionaries({"id": DOCUMENT, "stage_id": DOCUMENT}, optional=dict.fromkeys(KEYS, DOCUMENT))


@given(NAMED | DOCUMENT)
def test_whatever_is_told_becomes_a_deal_or_is_refused(document: Any) -> None:
    """No value makes the webhook fail, and what passes can be stored and read."""
    try:
        deal = checked_deal(document)
    except Unusable:
        return
    assert len(packed(deal).encode()) <= MAX_DEAL_BYTES
    if not deal.get("deleted"):
        deal_of(deal, schema_of(schema_with({}, deal)), with_contact=True)


@given(DOCUMENT | st.fixed_dictionaries({"pipelines": st.lists(DOCUMENT), "fields": st.lists(DOCUMENT)}))
def test_whatever_is_told_becomes_a_schema_or_is_refused(document: Any) -> None:
    """As above."""
    try:
        schema_of(checked_schema(document))
    except Unusable:
        return
