"""Ready portals: a Russian seller of windows and an English one."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from local.simulators.hubspot.entities import Pipeline, Property, Stage, User
from local.simulators.hubspot.portal import App, Portal, Settings

if TYPE_CHECKING:
    from local.simulators.clock import Clock

Spec = tuple[str, str, str, str, tuple[str, ...]]

RUSSIAN: tuple[Spec, ...] = (
    ("product", "Товар", "string", "text", ()),
    ("quantity", "Количество", "number", "number", ()),
    ("city", "Город", "string", "text", ()),
    ("frame", "Профиль", "enumeration", "select", ("REHAU", "VEKA", "KBE", "Melke")),
    ("window_options", "Опции", "enumeration", "checkbox", ("Подоконник", "Отлив", "Москитная сетка", "Монтаж")),
    ("visit_date", "Дата замера", "date", "date", ()),
    ("visit_time", "Время замера", "datetime", "date", ()),
    ("installation", "Нужен монтаж", "enumeration", "booleancheckbox", ()),
    ("comment_text", "Комментарий", "string", "textarea", ()),
    ("bot_tags", "Метки", "enumeration", "checkbox", ("ии", "фото", "риск", "VIP", "never was")),
)
ENGLISH: tuple[Spec, ...] = (
    ("product", "Product", "string", "text", ()),
    ("quantity", "Quantity", "number", "number", ()),
    ("city", "City", "string", "text", ()),
    ("frame", "Frame", "enumeration", "select", ("Vinyl", "Wood", "Aluminum", "Fiberglass")),
    ("window_options", "Options", "enumeration", "checkbox", ("Sill", "Screen", "Tinted glass", "Installation")),
    ("visit_date", "Visit date", "date", "date", ()),
    ("visit_time", "Visit time", "datetime", "date", ()),
    ("installation", "Needs installation", "bool", "booleancheckbox", ()),
    ("comment_text", "Comment", "string", "textarea", ()),
    ("bot_tags", "Labels", "enumeration", "checkbox", ("ai", "VIP", "never was")),
)
STANDARD = (
    Property("dealname", "Deal Name", "string", "text", own=False),
    Property("amount", "Amount", "number", "number", own=False),
    Property("pipeline", "Pipeline", "enumeration", "select", own=False),
    Property("dealstage", "Deal Stage", "enumeration", "radio", own=False),
    Property("hubspot_owner_id", "Deal owner", "enumeration", "select", own=False),
    Property("closedate", "Close Date", "datetime", "date", own=False),
    Property("hs_is_closed", "Is Deal Closed?", "bool", "calculation_read_time", read_only=True, own=False),
    Property("hs_object_id", "Record ID", "number", "number", read_only=True, own=False),
    Property("hs_secret_score", "Score", "number", "number", hidden=True, own=False),
)


def russian_portal(clock: Clock, subdomain: str = "oknamaster", **switches: Any) -> Portal:
    """Return a window seller's portal: two pipelines, properties of every kind, four people and the bot's user."""
    one = _empty(clock, subdomain, "Окна Мастер", switches)
    one.lang, one.currency, one.time_zone = "ru", "RUB", "Europe/Moscow"
    _users(one, (("Анна", "Смирнова"), ("Олег", ""), ("Мария", "Кузнецова"), ("Пётр", "Волков"), ("Бот", "")))
    _pipeline(
        one,
        "default",
        "Продажи",
        ("Неразобранное", "Новый", "Квалификация", "Замер", "Договор"),
        ("Выиграно", "Проиграно"),
    )
    _pipeline(one, "876", "Поддержка", ("Обращение", "В работе", "Срочно"), ("Решено", "Отменено"))
    _properties(one, RUSSIAN)
    return one


def english_portal(clock: Clock, subdomain: str = "clearpanes", **switches: Any) -> Portal:
    """Return an English window seller's portal, as rich as the Russian one."""
    one = _empty(clock, subdomain, "Clear Panes", switches)
    _users(one, (("Alice", "Morgan"), ("Oliver", ""), ("Maria", "Lopez"), ("Peter", "Wolf"), ("Bot", "")))
    _pipeline(
        one, "default", "Sales", ("Incoming leads", "New", "Qualification", "Measurement", "Contract"), ("Won", "Lost")
    )
    _pipeline(one, "876", "Support", ("Request", "In progress", "Urgent"), ("Solved", "Cancelled"))
    _properties(one, ENGLISH)
    return one


def _empty(clock: Clock, subdomain: str, name: str, switches: dict[str, Any]) -> Portal:
    rng = random.Random(zlib.crc32(subdomain.encode()))  # noqa: S311 - repeatable ids, not secrets
    settings = Settings()
    settings.change(switches)
    app = App(rng.randrange(10**6, 10**7), f"{rng.getrandbits(128):032x}")
    one = Portal(
        rng.randrange(10**7, 10**8), subdomain, name, "en", "USD", "America/New_York", settings, app, clock, rng
    )
    one.channels = {
        "1000": {"name": "Live Chat", "account": "44001"},
        "1001": {"name": "Facebook Messenger", "account": "44002"},
        "1002": {"name": "Email", "account": "44003"},
    }
    return one


def _users(one: Portal, names: tuple[tuple[str, str], ...]) -> None:
    for index, (first, last) in enumerate(names):
        user = User(5_000_000 + 7 * index, 70_000 + 13 * index, first, last, f"user{index + 1}@panes.test")
        user.archived = index == len(names) - 2
        one.users[user.id] = user


def _pipeline(one: Portal, pipeline_id: str, label: str, stages: tuple[str, ...], closing: tuple[str, str]) -> None:
    made = [Stage(f"{pipeline_id}stage{number}", stage) for number, stage in enumerate(stages)]
    won = Stage(f"{pipeline_id}closedwon", closing[0], closed=True, probability="1.0")
    lost = Stage(f"{pipeline_id}closedlost", closing[1], closed=True, probability="0.0")
    one.pipelines[pipeline_id] = Pipeline(pipeline_id, label, [*made, won, lost])


def _properties(one: Portal, specs: tuple[Spec, ...]) -> None:
    for each in STANDARD:
        one.properties[each.name] = each
    for name, label, kind, field_type, choices in specs:
        options = {f"{name}_{number}": choice for number, choice in enumerate(choices)}
        if field_type == "booleancheckbox":
            options = {"true": "Yes", "false": "No"}
        one.properties[name] = Property(name, label, kind, field_type, options)
