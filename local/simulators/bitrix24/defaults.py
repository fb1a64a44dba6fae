"""A ready portal: a Russian seller of windows, with pipelines, custom fields of every kind, people and an open line."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from local.simulators.bitrix24.entities import Category, EntityType, Line, Stage, User, UserField
from local.simulators.bitrix24.settings import PortalSettings
from local.simulators.bitrix24.state import Portal

if TYPE_CHECKING:
    from local.simulators.clock import Clock

OPEN_CODES = ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE")
FIELDS: tuple[tuple[str, str, bool, tuple[str, ...]], ...] = (
    ("Товар", "string", False, ()),
    ("Количество", "double", False, ()),
    ("Город", "string", False, ()),
    ("Профиль", "enumeration", False, ("REHAU", "VEKA", "KBE", "Melke")),
    ("Опции", "enumeration", True, ("Подоконник", "Отлив", "Москитная сетка", "Монтаж")),
    ("Дата замера", "date", False, ()),
    ("Время замера", "datetime", False, ()),
    ("Нужен монтаж", "boolean", False, ()),
    ("Адрес", "address", False, ()),
    ("Проект", "url", False, ()),
    ("Предоплата", "money", False, ()),
    ("Этажи", "integer", False, ()),
    ("Телефоны", "string", True, ()),
    ("Договор", "file", False, ()),
    ("Менеджер", "employee", False, ()),
)
TAGS_FIELD = "UF_CRM_TAGS"


def russian_portal(clock: Clock, subdomain: str = "okna", **switches: Any) -> Portal:
    """Return a window seller's portal in the cloud: two pipelines, four people, a line for Telegram without a bot."""
    rng = random.Random(zlib.crc32(subdomain.encode()))  # noqa: S311 - repeatable ids, not secrets
    one = Portal(subdomain, "Окна Мастер", PortalSettings(), clock, rng)
    one.settings.change(switches)
    one.domain = f"{subdomain}.bitrix24.ru"
    one.member_id = "".join(rng.choices("0123456789abcdef", k=32))
    names = (("Анна", "Смирнова"), ("Олег", ""), ("Мария", "Кузнецова"), ("Пётр", "Волков"))
    for number, (name, last_name) in enumerate(names):
        active = number != len(names) - 1
        user = User(number * 2 + 1, name, last_name, active=active, is_admin=number == 0)
        one.users[user.id] = user
    sales = ("Неразобранное", "Новый", "Квалификация", "Замер", "Договор")
    one.categories[0] = Category(0, "Продажи", _stages("", sales))
    number = 5
    one.categories[number] = Category(number, "Поддержка", _stages(f"C{number}:", ("Обращение", "В работе", "Срочно")))
    one.lead_stages = [
        Stage("NEW", "Не обработан", 10),
        Stage("IN_PROCESS", "В работе", 20),
        Stage("CONVERTED", "Качественный лид", 30, "S"),
        Stage("JUNK", "Некачественный лид", 40, "F"),
    ]
    for title, kind, multiple, choices in FIELDS:
        items = [(one.new_id("enum"), value) for value in choices]
        name = f"UF_CRM_{1_700_000_000 + one.new_id('field')}"
        one.fields[name] = UserField(name, title, kind, multiple, items)
    one.fields[TAGS_FIELD] = UserField(TAGS_FIELD, "Теги", "string", multiple=True)
    contact = UserField(
        f"UF_CRM_{1_700_000_000 + one.new_id('field')}", "Должность", "string", entity=EntityType.CONTACT
    )
    one.fields[contact.name] = contact
    one.lines[1] = Line(1, "Telegram", [1, 3])
    return one


def _stages(prefix: str, names: tuple[str, ...]) -> list[Stage]:
    opened = [Stage(prefix + OPEN_CODES[n], name, 10 * (n + 1)) for n, name in enumerate(names)]
    won = Stage(f"{prefix}WON", "Успешно реализовано", 90, "S")
    return [*opened, won, Stage(f"{prefix}LOSE", "Закрыто и не реализовано", 100, "F")]
