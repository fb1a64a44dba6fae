"""Ready accounts: a Russian seller of windows on amoCRM and an English one on Kommo."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from local.simulators.amocrm.entities import (
    INCOMING_STAGE,
    LOST,
    WON,
    Bot,
    EntityType,
    EnumOption,
    FieldDef,
    Pipeline,
    Status,
    User,
)
from local.simulators.amocrm.settings import AccountSettings, Plan, Platform
from local.simulators.amocrm.state import Account

if TYPE_CHECKING:
    from local.simulators.clock import Clock

FieldSpec = tuple[str, str, tuple[str, ...]]

RUSSIAN_FIELDS: tuple[FieldSpec, ...] = (
    ("Товар", "text", ()),
    ("Количество", "numeric", ()),
    ("Город", "text", ()),
    ("Ответ бота", "textarea", ()),
    ("Профиль", "select", ("REHAU", "VEKA", "KBE", "Melke")),
    ("Опции", "multiselect", ("Подоконник", "Отлив", "Москитная сетка", "Монтаж")),
    ("Дата замера", "date", ()),
    ("Время замера", "date_time", ()),
    ("Нужен монтаж", "checkbox", ()),
    ("Адрес", "streetaddress", ()),
    ("Проект", "url", ()),
    ("Удобное время", "radiobutton", ("Утро", "День", "Вечер")),
    ("Предоплата", "monetary", ()),
    ("День рождения", "birthday", ()),
    ("Комментарий", "textarea", ()),
    ("Реквизиты", "legal_entity", ()),
    ("utm_source", "tracking_data", ()),
)
ENGLISH_FIELDS: tuple[FieldSpec, ...] = (
    ("Product", "text", ()),
    ("Quantity", "numeric", ()),
    ("City", "text", ()),
    ("Bot reply", "textarea", ()),
    ("Frame", "select", ("Vinyl", "Wood", "Aluminum", "Fiberglass")),
    ("Options", "multiselect", ("Sill", "Screen", "Tinted glass", "Installation")),
    ("Visit date", "date", ()),
    ("Visit time", "date_time", ()),
    ("Needs installation", "checkbox", ()),
    ("Address", "streetaddress", ()),
    ("Project link", "url", ()),
    ("Best time", "radiobutton", ("Morning", "Afternoon", "Evening")),
    ("Deposit", "monetary", ()),
    ("Birthday", "birthday", ()),
    ("Comment", "textarea", ()),
    ("Company details", "legal_entity", ()),
    ("utm_source", "tracking_data", ()),
)
COLORS = ("#99ccff", "#ffff99", "#ffcc66", "#ffcccc", "#ccc8f9")


def russian_account(clock: Clock, subdomain: str = "oknamaster", **switches: Any) -> Account:
    """Return a window seller's account on amocrm.ru with two pipelines, fields of every kind, four people and a bot."""
    settings = AccountSettings.of(Platform.AMOCRM, **{"plan": Plan.PRO, **switches})
    one = _empty(clock, subdomain, "Окна Мастер", settings)
    _users(one, ("Анна Смирнова", "Олег", "Мария Кузнецова", "Пётр Волков"), "okna.test")
    names = ("Неразобранное", "Успешно реализовано", "Закрыто и не реализовано")
    _pipeline(one, "Продажи", ("Новый", "Квалификация", "Замер", "Договор"), names)
    _pipeline(one, "Поддержка", ("Обращение", "В работе", "Срочно"), names)
    _fields(one, RUSSIAN_FIELDS, "Телефон", "Должность")
    for reason in ("Слишком дорого", "Пропала потребность", "Купил у других"):
        one.loss_reasons[one.new_id("loss")] = reason
    one.task_types = {1: "Связаться", 2: "Встреча"}
    _bot(one, "Отправить ответ", "Ответ бота")
    return one


def english_account(clock: Clock, subdomain: str = "clearpanes", **switches: Any) -> Account:
    """Return a window seller's account on kommo.com, as rich as the Russian one, with the Chats API add-on."""
    settings = AccountSettings.of(Platform.KOMMO, **{"plan": Plan.PRO, **switches})
    one = _empty(clock, subdomain, "Clear Panes", settings)
    one.lang, one.country, one.currency, one.timezone = "en", "US", "USD", "America/New_York"
    _users(one, ("Alice Morgan", "Oliver", "Maria Lopez", "Peter Wolf"), "panes.test")
    names = ("Incoming leads", "Closed - won", "Closed - lost")
    _pipeline(one, "Sales", ("New", "Qualification", "Measurement", "Contract"), names)
    _pipeline(one, "Support", ("Request", "In progress", "Urgent"), names)
    _fields(one, ENGLISH_FIELDS, "Phone", "Position")
    for reason in ("Too expensive", "No longer needed", "Bought elsewhere"):
        one.loss_reasons[one.new_id("loss")] = reason
    one.task_types = {1: "Follow-up", 2: "Meeting"}
    _bot(one, "Send the reply", "Bot reply")
    return one


def _empty(clock: Clock, subdomain: str, name: str, settings: AccountSettings) -> Account:
    rng = random.Random(zlib.crc32(subdomain.encode()))  # noqa: S311 - repeatable ids, not secrets
    one = Account(rng.randrange(30_000_000, 33_000_000), subdomain, name, settings, clock, rng)
    one.amojo_id, one.uuid = one.new_uuid(), one.new_uuid()
    return one


def _users(one: Account, names: tuple[str, ...], domain: str) -> None:
    for index, name in enumerate(names):
        user = User(
            one.new_id("user"), name, f"user{index + 1}@{domain}", one.new_uuid(), one.lang, is_admin=index == 0
        )
        user.is_active = index != len(names) - 1
        one.users[user.id] = user


def _pipeline(one: Account, name: str, stages: tuple[str, ...], system: tuple[str, str, str]) -> None:
    incoming, won, lost = system
    statuses = [Status(one.new_id("status"), incoming, 10, "#c1c1c1", INCOMING_STAGE)]
    for index, stage in enumerate(stages):
        statuses.append(Status(one.new_id("status"), stage, 20 + 10 * index, COLORS[index % len(COLORS)]))
    statuses += [Status(WON, won, 10_000, "#CCFF66"), Status(LOST, lost, 11_000, "#D5D8DB")]
    number = len(one.pipelines) + 1
    pipeline = Pipeline(one.new_id("pipeline"), name, number, statuses, is_main=number == 1)
    one.pipelines[pipeline.id] = pipeline


def _fields(one: Account, specs: tuple[FieldSpec, ...], phone: str, position: str) -> None:
    for index, (name, kind, choices) in enumerate(specs):
        enums = [EnumOption(one.new_id("enum"), value, sort) for sort, value in enumerate(choices)] or None
        code = name.upper() if kind == "tracking_data" else None
        currency = one.currency if kind == "monetary" else None
        made = FieldDef(one.new_id("field"), name, kind, 500 + index, code=code, enums=enums, currency=currency)
        one.fields[made.id] = made
    work = ("WORK", "WORKDD", "MOB", "HOME", "OTHER")
    for sort, (name, kind, code, codes) in enumerate(
        (
            (phone, "multitext", "PHONE", work),
            ("Email", "multitext", "EMAIL", ("WORK", "PRIV", "OTHER")),
            (position, "text", "POSITION", ()),
        )
    ):
        enums = [EnumOption(one.new_id("enum"), c, n, c) for n, c in enumerate(codes)] or None
        made = FieldDef(one.new_id("field"), name, kind, sort, EntityType.CONTACTS, code, enums, is_predefined=True)
        one.fields[made.id] = made


def _bot(one: Account, name: str, field_name: str) -> None:
    bot = Bot(one.new_id("bot"), name, one.field_named(field_name).id)
    one.bots[bot.id] = bot
