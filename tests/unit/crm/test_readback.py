"""Comparing a deal with what was wished, by meaning and in names."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from dealtalk.crm.readback import holds, judge, same_value, value_in_words
from dealtalk.deals import (
    AddTag,
    Assign,
    Deal,
    DealSchema,
    DealUpdate,
    FieldKind,
    FieldSchema,
    FieldValue,
    MoveStage,
    Option,
    Person,
    Pipeline,
    RemoveTag,
    SetField,
    SetPrice,
    Stage,
)

SCHEMA = DealSchema(
    pipelines=(Pipeline("1", "Продажи", (Stage("11", "Новый"), Stage("12", "Замер"))),),
    fields=(
        FieldSchema("5", "Профиль", FieldKind.SELECT, (Option("51", "REHAU"),)),
        FieldSchema("6", "Город", FieldKind.TEXT),
    ),
    people=(Person("7", "Олег"),),
)
DEAL = Deal("1", "Окна", "1", "12", "7", tags=("VIP",), fields={"5": "REHAU", "6": "Уфа"})


@pytest.mark.parametrize(
    ("update", "there"),
    [
        (MoveStage("1", "12"), True),
        (MoveStage("2", "12"), False),
        (SetPrice(Decimal(0)), True),
        (SetPrice(Decimal(1)), False),
        (SetField("5", "rehau"), True),
        (SetField("6", "уфа"), False),
        (SetField("6", " Уфа "), True),
        (SetField("9", "x"), False),
        (AddTag("vip"), True),
        (RemoveTag("vip"), False),
        (RemoveTag("none"), True),
        (Assign("7"), True),
        (Assign("8"), False),
    ],
)
def test_a_wish_is_judged_by_meaning(update: DealUpdate, there: bool) -> None:
    """Options and tags without case, texts with it, no price as 0."""
    assert holds(DEAL, update, SCHEMA) is there


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Decimal("1.0"), Decimal(1), True),
        (("a", "b"), ("B", "a"), True),
        (("a",), ("a", "b"), False),
        (True, Decimal(1), False),
        ("a\r\nb", "a\nb", True),
        (
            datetime(2026, 1, 1, 12, tzinfo=UTC),
            datetime(2026, 1, 1, 15, 0, 0, 9, tzinfo=timezone(timedelta(hours=3))),
            True,
        ),
        (date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), False),
    ],
)
def test_values_are_the_same_by_what_they_mean(one: FieldValue, other: FieldValue, same: bool) -> None:
    """Amounts, instants and sets; a flag is no number."""
    assert same_value(one, other) is same


def test_a_result_tells_old_and_new_in_names() -> None:
    """Ids are for machines; a value that did not stay is not claimed."""
    before = Deal("1", "Окна", "1", "11", None)

    moved, assigned, priced = judge(before, DEAL, [MoveStage("1", "12"), Assign("7"), SetPrice(Decimal(5))], SCHEMA)

    assert (moved.old, moved.new, moved.applied) == ("Продажи / Новый", "Продажи / Замер", True)
    assert (assigned.old, assigned.new) == (None, "Олег")
    assert not priced.applied
    assert priced.refusal


@pytest.mark.parametrize(
    ("value", "words"),
    [(Decimal("1E+3"), "1000"), (True, "yes"), (("a", "b"), "a, b"), (date(2026, 11, 2), "2026-11-02"), ("x", "x")],
)
def test_a_value_in_words_is_what_a_person_reads(value: FieldValue, words: str) -> None:
    """No exponents, no Python names."""
    assert value_in_words(value) == words
