"""An account's live schema and a deal in it, as the agent's tests need them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dealtalk.agent.profile import Profile, parse_profile
from dealtalk.deals import (
    Contact,
    Deal,
    DealSchema,
    FieldKind,
    FieldSchema,
    Option,
    Outcome,
    Person,
    Pipeline,
    Stage,
)

PROFILES = Path(__file__).parents[3] / "profiles"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
"""A Friday."""


def pipeline(number: int, name: str, *stages: str) -> Pipeline:
    """Return a pipeline with these open stages, a won and a lost one."""
    opened = [Stage(f"{number}{index}", stage) for index, stage in enumerate(stages)]
    closed = [Stage("142", "Успешно реализовано", Outcome.WON), Stage("143", "Закрыто и не реализовано", Outcome.LOST)]
    return Pipeline(f"p{number}", name, (*opened, *closed))


def field(number: int, name: str, kind: FieldKind, *options: str, read_only: bool = False) -> FieldSchema:
    """Return a field with these options."""
    choices = tuple(Option(f"o{number}{index}", option) for index, option in enumerate(options))
    return FieldSchema(f"f{number}", name, kind, choices, read_only=read_only)


SCHEMA = DealSchema(
    pipelines=(
        pipeline(1, "Продажи", "Неразобранное", "Новый", "Квалификация", "Замер", "Договор"),
        pipeline(2, "Поддержка", "Неразобранное", "Обращение", "В работе", "Срочно"),
    ),
    fields=(
        field(1, "Товар", FieldKind.TEXT),
        field(2, "Количество", FieldKind.NUMBER),
        field(3, "Город", FieldKind.TEXT),
        field(4, "Профиль", FieldKind.SELECT, "REHAU", "VEKA", "KBE"),
        field(5, "Опции", FieldKind.MULTISELECT, "Подоконник", "Отлив", "Монтаж"),
        field(6, "Дата замера", FieldKind.DATE),
        field(7, "Время замера", FieldKind.DATETIME),
        field(8, "Нужен монтаж", FieldKind.CHECKBOX),
        field(9, "Адрес", FieldKind.ADDRESS),
        field(10, "Проект", FieldKind.URL),
        field(11, "Предоплата", FieldKind.MONEY),
        field(12, "Комментарий", FieldKind.LONG_TEXT),
        field(13, "Реквизиты", FieldKind.UNSUPPORTED),
        field(14, "Телефон", FieldKind.CONTACTS),
        field(15, "utm_source", FieldKind.TEXT, read_only=True),
        field(16, "Двойное", FieldKind.TEXT),
        field(17, "Двойное", FieldKind.TEXT),
    ),
    people=(Person("u1", "Олег"), Person("u2", "Мария Кузнецова"), Person("u3", "Пётр Волков", active=False)),
    contact_fields=(field(20, "Телефон", FieldKind.CONTACTS),),
    currency="RUB",
)


def deal(**changes: Any) -> Deal:
    """Return a deal in Продажи / Новый with these differences."""
    values: dict[str, Any] = {
        "id": "4711",
        "title": "Сделка с сайта",
        "pipeline_id": "p1",
        "stage_id": "11",
        "responsible_id": "u2",
        "contact": Contact("9001", "Иван"),
        **changes,
    }
    return Deal(**values)


def profile(text: str = "") -> Profile:
    """Return a small profile with the blocks of `text` added."""
    return parse_profile(
        f"name: Бот\ninstructions: Продавай окна.\nworks_in: [{{pipeline: Продажи}}]\n{text}", source="test"
    )


def example(name: str) -> Profile:
    """Return one of the repository's example profiles."""
    path = PROFILES / name
    return parse_profile(path.read_text(encoding="utf-8"), source=name)
