"""Ready accounts: a Russian seller of windows on retailcrm.ru and an English one on simla.com."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

from local.simulators.retailcrm.entities import Channel, CustomField, Dictionary, Group, OrderType, Status, User
from local.simulators.retailcrm.settings import AccountSettings
from local.simulators.retailcrm.state import Account

if TYPE_CHECKING:
    from local.simulators.clock import Clock

FieldSpec = tuple[str, str, str, tuple[tuple[str, str], ...]]
"""Code, name, type, and the elements of its reference book."""

StatusSpec = tuple[str, str, str]
"""Code, name and group."""

RUSSIAN_STATUSES: tuple[StatusSpec, ...] = (
    ("incoming", "Неразобранное", "new"),
    ("new", "Новый", "new"),
    ("qualification", "Квалификация", "approval"),
    ("urgent", "Срочно", "approval"),
    ("measurement", "Замер", "assembling"),
    ("contract", "Договор", "assembling"),
    ("complete", "Выполнен", "complete"),
    ("no-product", "Купил у других", "cancel"),
    ("cancel-other", "Отменён", "cancel"),
)
RUSSIAN_FIELDS: tuple[FieldSpec, ...] = (
    ("product", "Товар", "string", ()),
    ("quantity", "Количество", "numeric", ()),
    ("city", "Город", "string", ()),
    (
        "profile",
        "Профиль",
        "dictionary",
        (("rehau", "REHAU"), ("veka", "VEKA"), ("kbe", "KBE"), ("melke", "Melke")),
    ),
    (
        "extras",
        "Опции",
        "multiselect_dictionary",
        (("sill", "Подоконник"), ("ebb", "Отлив"), ("net", "Москитная сетка"), ("mounting", "Монтаж")),
    ),
    ("visit_date", "Дата замера", "date", ()),
    ("visit_time", "Время замера", "datetime", ()),
    ("mounting", "Нужен монтаж", "boolean", ()),
    ("floor", "Этаж", "integer", ()),
    ("mail", "Почта для счёта", "email", ()),
    ("remark", "Примечание", "text", ()),
)
ENGLISH_STATUSES: tuple[StatusSpec, ...] = (
    ("incoming", "Incoming leads", "new"),
    ("new", "New", "new"),
    ("qualification", "Qualification", "approval"),
    ("urgent", "Urgent", "approval"),
    ("measurement", "Measurement", "assembling"),
    ("contract", "Contract", "assembling"),
    ("complete", "Completed", "complete"),
    ("cancel-other", "Cancelled", "cancel"),
)
ENGLISH_FIELDS: tuple[FieldSpec, ...] = (
    ("product", "Product", "string", ()),
    ("quantity", "Quantity", "numeric", ()),
    ("city", "City", "string", ()),
    ("frame", "Frame", "dictionary", (("vinyl", "Vinyl"), ("wood", "Wood"), ("aluminum", "Aluminum"))),
    ("extras", "Options", "multiselect_dictionary", (("sill", "Sill"), ("screen", "Screen"))),
    ("visit_date", "Visit date", "date", ()),
    ("visit_time", "Visit time", "datetime", ()),
    ("mounting", "Needs installation", "boolean", ()),
)


def russian_account(clock: Clock, subdomain: str = "oknamaster", **switches: Any) -> Account:
    """Return a window seller's account with two order types, custom fields of every type and four people."""
    one = _empty(clock, subdomain, "Окна Мастер", switches)
    one.sites = {"okna-ufa": "Окна Мастер", "okna-kazan": "Окна Мастер, Казань"}
    _users(one, (("Анна", "Смирнова"), ("Олег", ""), ("Мария", "Кузнецова"), ("Пётр", "Волков")))
    _books(
        one,
        {"new": "Новый", "approval": "Согласование", "assembling": "В работе"},
        {"complete": "Выполнен", "cancel": "Отменён"},
        RUSSIAN_STATUSES,
    )
    _types(one, {"sales": "Продажи", "support": "Поддержка"})
    _fields(one, RUSSIAN_FIELDS, ("birthplace", "Откуда узнал"))
    return one


def english_account(clock: Clock, subdomain: str = "clearpanes", **switches: Any) -> Account:
    """Return a window seller's account in English."""
    one = _empty(clock, subdomain, "Clear Panes", switches)
    one.lang, one.currency, one.timezone = "en", "USD", "America/New_York"
    one.sites = {"clear-panes": "Clear Panes"}
    _users(one, (("Alice", "Morgan"), ("Oliver", ""), ("Maria", "Lopez"), ("Peter", "Wolf")))
    _books(
        one,
        {"new": "New", "approval": "Approval", "assembling": "In work"},
        {"complete": "Completed", "cancel": "Cancelled"},
        ENGLISH_STATUSES,
    )
    _types(one, {"sales": "Sales", "support": "Support"})
    _fields(one, ENGLISH_FIELDS, ("source", "How they found us"))
    return one


def _empty(clock: Clock, subdomain: str, name: str, switches: dict[str, Any]) -> Account:
    rng = random.Random(zlib.crc32(subdomain.encode()))  # noqa: S311 - repeatable ids, not secrets
    settings = AccountSettings()
    settings.change(switches)
    one = Account(rng.randrange(100_000, 900_000), subdomain, name, settings, clock, rng)
    for kind, title, limit in (("telegram", "Telegram", 4096), ("whatsapp", "WhatsApp", 4096), ("vk", "VK", 1000)):
        channel = Channel(one.new_id("channel"), kind, title, limit)
        one.channels[channel.id] = channel
    return one


def _users(one: Account, names: tuple[tuple[str, str], ...]) -> None:
    for index, (first, last) in enumerate(names):
        user = User(one.new_id("user"), one.new_id("mg_user"), first, last, active=index != len(names) - 1)
        one.users[user.id] = user


def _books(one: Account, working: dict[str, str], final: dict[str, str], statuses: tuple[StatusSpec, ...]) -> None:
    for index, (code, name) in enumerate((working | final).items()):
        one.groups[code] = Group(code, name, 10 * (index + 1))
    for index, (code, name, group) in enumerate(statuses):
        one.statuses[code] = Status(code, name, group, 10 * (index + 1))


def _types(one: Account, names: dict[str, str]) -> None:
    for code, name in names.items():
        one.order_types[code] = OrderType(code, name, default=not one.order_types)


def _fields(one: Account, specs: tuple[FieldSpec, ...], of_customers: tuple[str, str]) -> None:
    for code, name, kind, elements in specs:
        dictionary = f"{code}_book" if elements else None
        if dictionary:
            one.dictionaries[dictionary] = Dictionary(dictionary, name, dict(elements))
        one.fields["order", code] = CustomField(code, name, kind, dictionary=dictionary)
    code, name = of_customers
    one.fields["customer", code] = CustomField(code, name, "string", entity="customer")
