"""The policy: what a model may change, and what it is told where it may not."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dealtalk.agent.policy import plan_note, plan_task, plan_update
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, RemoveTag, SetField, SetPrice
from tests.unit.agent.accounts import NOW, SCHEMA, deal, profile

BOT = profile(
    """
timezone: Asia/Yekaterinburg
changes:
  stages:
    Новый: [Квалификация, Поддержка / Срочно]
    Квалификация: [Замер, Закрыто и не реализовано]
  fields:
    - {name: Товар}
    - {name: Количество, policy: overwrite, min: 1, max: 500}
    - {name: Город, values: [Уфа, Казань]}
    - {name: Профиль, policy: overwrite}
    - {name: Опции}
    - {name: Дата замера}
    - {name: Время замера}
    - {name: Нужен монтаж}
    - {name: Адрес}
    - {name: Проект}
    - {name: Предоплата, min: -100}
    - {name: Комментарий}
    - {name: Реквизиты}
    - {name: Телефон}
    - {name: utm_source}
    - {name: Двойное}
    - {name: Новое поле}
  price: {max: 100000}
  tags: {add: [ии, риск], remove: [нет ответа]}
  people: [Олег, Пётр Волков]
  tasks: {allowed: true, people: [Олег], max_days_ahead: 7}
"""
)
ZONE = ZoneInfo("Asia/Yekaterinburg")


def updates(arguments: dict[str, Any], **changes: Any) -> list[Any]:
    """Return the updates that are allowed for these arguments, having checked that nothing was refused."""
    plan = plan_update(BOT, SCHEMA, deal(**changes), arguments)
    assert plan.refusals == []
    return plan.updates


def refusal(arguments: dict[str, Any], **changes: Any) -> str:
    """Return the one refusal of these arguments, having checked that nothing is changed."""
    plan = plan_update(BOT, SCHEMA, deal(**changes), arguments)
    assert plan.updates == []
    assert len(plan.refusals) == 1
    return plan.refusals[0]


@pytest.mark.parametrize(
    ("name", "move"),
    [
        ("Квалификация", MoveStage("p1", "12")),
        (" квалификация ", MoveStage("p1", "12")),
        ("Продажи / Квалификация", MoveStage("p1", "12")),
        ("Поддержка / Срочно", MoveStage("p2", "23")),
        ("Поддержка/Срочно", MoveStage("p2", "23")),
        ("Срочно", MoveStage("p2", "23")),
    ],
)
def test_a_stage_is_moved_to_along_the_graph(name: str, move: MoveStage) -> None:
    """A reachable stage is known by its own name or with its pipeline's."""
    assert updates({"stage": name}) == [move]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Замер", "may not be moved"),
        ("Договор", "may not be moved"),
        ("Успешно реализовано", "may not be moved"),
        ("Won", "may not be moved"),
        ("Квалифицированный", 'did you mean "Квалификация"?'),
        ("Новый", "already in the stage"),
        ("142", "may not be moved"),
        ("", "must not be empty"),
    ],
)
def test_a_stage_outside_the_graph_is_refused(name: str, told: str) -> None:
    """Only the profile's graph from the present stage counts, closed stages not excepted."""
    assert told in refusal({"stage": name})


def test_a_closed_stage_is_reached_where_the_graph_names_it() -> None:
    """A lost deal may be closed by a bot that was allowed to."""
    assert updates({"stage": "Закрыто и не реализовано"}, stage_id="12") == [MoveStage("p1", "143")]


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("Товар", "окна\x00 ПВХ\n", "окна ПВХ"),
        ("товар", 7, "7"),
        ("Количество", 3, Decimal(3)),
        ("Количество", Decimal("3.0"), Decimal(3)),
        ("Количество", "1 5", Decimal(15)),
        ("Количество", "2,5", Decimal("2.5")),
        ("Город", " уфа", "Уфа"),
        ("Профиль", "rehau", "REHAU"),
        ("Опции", ["отлив", "Отлив", "Монтаж"], ("Отлив", "Монтаж")),
        ("Опции", "Монтаж", ("Монтаж",)),
        ("Дата замера", "2026-12-01", date(2026, 12, 1)),
        ("Время замера", "2026-12-01T18:15", datetime(2026, 12, 1, 18, 15, tzinfo=ZONE)),
        ("Время замера", "2026-12-01T13:15Z", datetime(2026, 12, 1, 18, 15, tzinfo=ZONE)),
        ("Нужен монтаж", True, True),
        ("Нужен монтаж", "нет", False),
        ("Адрес", "Ленина\n5", "Ленина 5"),
        ("Проект", "https://example.org/a", "https://example.org/a"),
        ("Предоплата", -50, Decimal(-50)),
        ("Комментарий", "раз\r\nдва", "раз\nдва"),
        ("Телефон", "+7 (917) 123-45-67", ("+79171234567",)),
        ("Телефон", ["a@b.ru"], ("a@b.ru",)),
    ],
)
def test_a_value_becomes_the_fields_type(name: str, written: object, value: object) -> None:
    """What a model writes in any usual way is stored as the CRM's kind of field wants it."""
    (update,) = updates({"fields": {name: written}})
    assert isinstance(update, SetField)
    assert update.value == value
    assert type(update.value) is type(value)


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("Товар", "", "must not be empty"),
        ("Товар", "\x00\u200b ", "must not be empty"),
        ("Товар", "x" * 251, "at most 250 characters"),
        ("Товар", ["a"], "must be a text"),
        ("Товар", True, "must be a text"),
        ("Количество", 0, "at least 1 and at most 500"),
        ("Количество", -3, "at least 1"),
        ("Количество", "3 штуки", "without words"),
        ("Количество", True, "without words"),
        ("Количество", Decimal("1e999999999"), "absurdly large"),
        ("Количество", Decimal("1.000001"), "at most 4 decimals"),
        ("Количество", {"a": 1}, "without words"),
        ("Город", "Москва", "not among the allowed values"),
        ("Профиль", "REHAV", 'did you mean "REHAU"?'),
        ("Опции", [], "between 1 and 20"),
        ("Опции", ["Отлив", "Крыша"], "no such option"),
        ("Дата замера", "завтра", "must be a date"),
        ("Дата замера", "0001-01-01", "impossible year"),
        ("Время замера", "2026-12-01", "must name the time too"),
        ("Время замера", "18:15", "must be a date and time"),
        ("Нужен монтаж", "может быть", "true or false"),
        ("Проект", "javascript:alert(1)", "must be a link"),
        ("Проект", "https://user:pw@example.org/", "must be a link"),
        ("Телефон", "позвоните", "phone number"),
        ("Телефон", "12", "phone number"),
        ("Реквизиты", "x", "cannot be written"),
        ("utm_source", "x", "cannot be written"),
        ("Двойное", "x", "several of this name"),
        ("Секрет", "x", "may not be set"),
        ("Тавар", "x", 'did you mean "Товар"'),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(name: str, written: object, told: str) -> None:
    """Nothing is silently replaced, shortened or dropped."""
    assert told in refusal({"fields": {name: written}})


def test_a_filled_field_is_kept_and_its_value_told() -> None:
    """fill_empty protects what a person wrote."""
    assert refusal({"fields": {"Товар": "двери"}}, fields={"f1": "окна"}) == (
        'The field "Товар" already holds "окна" and may not be replaced.'
    )


def test_an_overwritable_field_is_replaced() -> None:
    """The other policy does what it says."""
    assert updates({"fields": {"Количество": 5}}, fields={"f2": Decimal(3)}) == [SetField("f2", Decimal(5))]


def test_an_equal_value_is_not_written_again() -> None:
    """A model that repeats itself causes no CRM call."""
    assert "already holds" in refusal({"fields": {"Количество": 3}}, fields={"f2": Decimal("3.0")})


@pytest.mark.parametrize(
    ("present", "wished", "expected"),
    [(None, 500, [SetPrice(Decimal(500))]), (Decimal(0), "500", [SetPrice(Decimal(500))])],
)
def test_an_empty_price_is_filled(present: Decimal | None, wished: object, expected: list[Any]) -> None:
    """A price of nothing counts as empty."""
    assert updates({"price": wished}, price=present) == expected


@pytest.mark.parametrize(
    ("present", "wished", "told"),
    [(Decimal(9), 5, "may not be replaced"), (None, -1, "at least 0"), (None, 100001, "at most 100000")],
)
def test_a_price_outside_its_rule_is_refused(present: Decimal | None, wished: object, told: str) -> None:
    """Limits and policy hold for money."""
    assert told in refusal({"price": wished}, price=present)


def test_no_price_rule_means_no_price() -> None:
    """What the profile does not name cannot be changed."""
    plan = plan_update(
        profile(), SCHEMA, deal(), {"price": 1, "stage": "Замер", "add_tags": ["x"], "responsible": "Олег"}
    )
    assert plan.updates == []
    assert len(plan.refusals) == 4


def test_tags_come_from_the_allow_list_in_its_spelling() -> None:
    """A tag is put on as the profile writes it; others are refused with the nearest."""
    plan = plan_update(BOT, SCHEMA, deal(), {"add_tags": ["ИИ", "vip"], "remove_tags": ["нет ответа"]})
    assert plan.updates == [AddTag("ии")]
    assert [told.split(";")[0] for told in plan.refusals] == [
        'The tag "vip" may not be added',
        'The tag "нет ответа" is not on the deal.',
    ]


def test_a_tag_is_removed_in_the_deals_spelling() -> None:
    """The CRM knows tags by its own spelling."""
    assert updates({"remove_tags": ["нет ответа"]}, tags=("Нет ответа",)) == [RemoveTag("Нет ответа")]


def test_only_allowed_active_people_become_responsible() -> None:
    """A name outside the list, and a person who left, are refused."""
    assert updates({"responsible": "олег"}) == [Assign("u1")]
    assert "may not be made responsible" in refusal({"responsible": "Мария Кузнецова"})
    assert "no such active person" in refusal({"responsible": "Пётр Волков"})


@pytest.mark.parametrize(
    ("arguments", "unknown"),
    [
        ({"fields": {"Новое поле": "x"}}, True),
        ({"fields": {"Профиль": "MELKE"}}, True),
        ({"responsible": "Пётр Волков"}, True),
        ({"fields": {"Секрет": "x"}}, False),
        ({"fields": {"Город": "Москва"}}, False),
        ({"stage": "Договор"}, False),
        ({"add_tags": ["vip"]}, False),
    ],
)
def test_a_fresher_schema_is_asked_for_only_where_it_can_help(arguments: dict[str, Any], *, unknown: bool) -> None:
    """A name that the profile knows and the schema lacks may be new in the CRM; a forbidden one stays forbidden."""
    assert plan_update(BOT, SCHEMA, deal(), arguments).unknown_names is unknown


def test_a_new_stage_of_the_profile_asks_for_a_fresher_schema() -> None:
    """A stage made a minute ago works without anybody pressing refresh."""
    bot = profile("changes: {stages: {Новый: [Рассрочка]}}")
    assert plan_update(bot, SCHEMA, deal(), {"stage": "Рассрочка"}).unknown_names


def test_the_allowed_rest_proceeds() -> None:
    """One bad value does not lose the good ones."""
    plan = plan_update(BOT, SCHEMA, deal(), {"fields": {"Товар": "окна", "Количество": -1}, "id": "99", "stage": None})
    assert plan.updates == [SetField("f1", "окна")]
    assert len(plan.refusals) == 2


def test_a_task_is_due_in_local_time() -> None:
    """A model's clock is the profile's."""
    plan = plan_task(BOT, SCHEMA, NOW, {"text": "Позвонить", "due_at": "2026-11-21T10:00", "person": "Олег"})
    assert plan.additions == [AddTask("Позвонить", datetime(2026, 11, 21, 10, tzinfo=ZONE), "", "u1")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"text": "x", "due_at": (NOW - timedelta(minutes=1)).isoformat()}, "in the future"),
        ({"text": "x", "due_at": (NOW + timedelta(days=8)).isoformat()}, "at most 7 days ahead"),
        ({"text": "x"}, "due_at must be a date"),
        ({"due_at": (NOW + timedelta(days=1)).isoformat()}, "text must be a text"),
        (
            {"text": "x", "due_at": (NOW + timedelta(days=1)).isoformat(), "person": "Мария Кузнецова"},
            "may not be given a task",
        ),
    ],
)
def test_a_task_outside_its_rules_is_refused(arguments: dict[str, Any], told: str) -> None:
    """Past, far and foreign tasks are not made."""
    plan = plan_task(BOT, SCHEMA, NOW, arguments)
    assert plan.additions == []
    assert told in plan.refusals[0]


def test_notes_and_tasks_can_be_forbidden() -> None:
    """What the profile forbids is refused, whatever the model calls."""
    bot = profile("changes: {notes: false}")
    assert plan_note(bot, {"text": "x"}).additions == []
    assert plan_task(bot, SCHEMA, NOW, {"text": "x", "due_at": "2026-11-21T10:00"}).additions == []


def test_a_note_is_cleaned_and_left_without_marker() -> None:
    """The caller's journal marks it."""
    assert plan_note(BOT, {"text": "раз\x07\r\nдва"}).additions == [AddNote("раз\nдва", "")]
