"""One company with its own CRM: deals, chats, people, and the events that it has taken."""

from __future__ import annotations

import itertools
import threading
import zlib
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.simulators.clock import Clock

Json = dict[str, Any]

ABILITIES = ("deal_changes", "deal_request", "event_status", "person_needed")


@dataclass(slots=True)
class Settings:
    """How the company's program behaves.

    `supports`: what it says it understands; it refuses the rest with 422. `sends_deals`: its messages carry the deal;
    `sends_schema`: and what may be chosen. `dedupes_messages` is what receivers of the public protocol do not promise.
    `answers_deal`: its answer to a change brings the deal as it is now. `allowed_stages`: what it lets a deal be moved
    to, None is everything. `signing_secret`: it signs, and checks signatures. `retry_seconds`: after how long it sends
    a message again that was not taken.
    """

    platform: str = "own"
    supports: list[str] = field(default_factory=lambda: list(ABILITIES))
    sends_deals: bool = True
    sends_schema: bool = True
    dedupes_messages: bool = True
    answers_deal: bool = True
    allowed_stages: list[str] | None = None
    signing_secret: str | None = None
    retry_seconds: float = 30.0
    retries: int = 5

    def change(self, switches: Json) -> None:
        """Set switches by name. Raises KeyError."""
        known = {each.name for each in fields(self)}
        for name, value in switches.items():
            if name not in known:
                raise KeyError(name)
            setattr(self, name, value)


@dataclass(slots=True)
class Deal:
    """A deal of the company, its values as the protocol writes them."""

    id: str
    title: str
    pipeline_id: str
    stage_id: str
    responsible_id: str
    price: str | None = None
    tags: list[str] = field(default_factory=list)
    fields: Json = field(default_factory=dict)
    contact: str = ""
    contact_fields: Json = field(default_factory=dict)
    version: int = 1
    deleted: bool = False
    notes: list[Json] = field(default_factory=list)
    tasks: list[Json] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """A line of a chat; `who` is customer, employee or bot."""

    id: str
    who: str
    author: str
    text: str
    created_at: int
    attachment: Json | None = None

    def as_json(self) -> Json:
        """Return the line for the control API."""
        return asdict(self) | {"outgoing": self.who != "customer", "via": "callback" if self.who == "bot" else "desk"}


@dataclass(slots=True)
class Chat:
    """A customer's chat. `left_to_person`: how often a person was asked for; `for_people`: what they were told."""

    id: str
    contact: str
    origin: str
    deal_id: str | None
    lines: list[Line] = field(default_factory=list)
    left_to_person: int = 0
    for_people: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Webhook:
    """Where the company posts its messages, and the token that it shows there."""

    url: str
    token: str


@dataclass(slots=True)
class Company:
    """All of a company. Whoever reads or changes it holds `lock`."""

    subdomain: str
    name: str
    clock: Clock
    schema: Json
    settings: Settings = field(default_factory=Settings)
    token: str = ""
    base_url: str = ""
    lang: str = "ru"
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 0
    deals: dict[str, Deal] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    taken: dict[str, Json] = field(default_factory=dict)
    webhook: Webhook | None = None
    id: int = field(init=False)
    _ids: itertools.count[int] = field(init=False)

    def __post_init__(self) -> None:
        """Start the ids at a number of the company's own, so that no two companies share a deal's id."""
        self.id = 1000 + zlib.crc32(self.subdomain.encode()) % 9000
        self._ids = itertools.count(self.id)

    def new_id(self, prefix: str) -> str:
        """Return a new id."""
        return f"{prefix}{next(self._ids)}"

    def touch(self) -> None:
        """Note that something visible changed."""
        self.version += 1

    def person(self, person_id: str | None) -> str:
        """Return a person's name."""
        return next((each["name"] for each in self.schema["people"] if each["id"] == person_id), str(person_id))

    def stage(self, pipeline_id: str, stage_id: str) -> Json | None:
        """Return a stage."""
        pipeline = next((each for each in self.schema["pipelines"] if each["id"] == pipeline_id), None)
        return next((each for each in pipeline["stages"] if each["id"] == stage_id), None) if pipeline else None

    def field(self, field_id: str) -> Json | None:
        """Return a field of deals."""
        return next((each for each in self.schema["fields"] if each["id"] == field_id), None)

    def deal(self, deal_id: str) -> Deal | None:
        """Return a deal unless it is not there or was deleted."""
        deal = self.deals.get(deal_id)
        return None if deal is None or deal.deleted else deal

    def deal_json(self, deal: Deal) -> Json:
        """Return a deal as the protocol writes it."""
        shown: Json = {
            name: getattr(deal, name)
            for name in ("id", "version", "title", "pipeline_id", "stage_id", "responsible_id", "tags", "fields")
        }
        shown["contact"] = {"id": f"contact-{deal.id}", "name": deal.contact, "fields": deal.contact_fields}
        if deal.price is not None:
            shown["price"] = deal.price
        if self.settings.allowed_stages is not None:
            pipeline = next(each for each in self.schema["pipelines"] if each["id"] == deal.pipeline_id)
            shown["allowed_stages"] = [
                stage for stage in pipeline["stages"] if stage["id"] in self.settings.allowed_stages
            ]
        return shown

    def card(self, deal: Deal) -> Json:
        """Return a deal as a person sees it: names instead of ids."""
        stage = self.stage(deal.pipeline_id, deal.stage_id)
        pipeline = next(each for each in self.schema["pipelines"] if each["id"] == deal.pipeline_id)
        return {
            "id": deal.id,
            "name": deal.title,
            "pipeline": pipeline["name"],
            "stage": stage["name"] if stage else deal.stage_id,
            "price": deal.price,
            "currency": self.schema.get("currency"),
            "responsible": self.person(deal.responsible_id),
            "tags": list(deal.tags),
            "fields": {each["name"]: in_words(deal.fields.get(each["id"])) for each in self.schema["fields"]},
            "contacts": [deal.contact],
            "notes": list(deal.notes),
            "tasks": list(deal.tasks),
            "history": list(deal.history),
            "closed_at": None,
        }


def in_words(value: object) -> str | None:
    """Return a value as a person reads it."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or None
    return None if value is None else str(value)


def _stages(*names: tuple[str, str]) -> list[Json]:
    ends = {"won": "won", "lost": "lost"}
    return [{"id": stage, "name": name} | ({"outcome": ends[stage]} if stage in ends else {}) for stage, name in names]


RUSSIAN_SCHEMA: Json = {
    "pipelines": [
        {
            "id": "sales",
            "name": "Продажи",
            "stages": _stages(
                ("inbox", "Неразобранное"),
                ("new", "Новый"),
                ("qualification", "Квалификация"),
                ("measurement", "Замер"),
                ("contract", "Договор"),
                ("won", "Успешно реализовано"),
                ("lost", "Закрыто и не реализовано"),
            ),
        },
        {
            "id": "support",
            "name": "Поддержка",
            "stages": _stages(("request", "Обращение"), ("urgent", "Срочно"), ("won", "Решено"), ("lost", "Закрыто")),
        },
    ],
    "fields": [
        {"id": "product", "name": "Товар", "type": "text"},
        {"id": "quantity", "name": "Количество", "type": "number"},
        {"id": "city", "name": "Город", "type": "text"},
        {"id": "frame", "name": "Профиль", "type": "select", "options": ["REHAU", "VEKA", "KBE", "Melke"]},
        {"id": "extras", "name": "Опции", "type": "multiselect", "options": ["Подоконник", "Отлив", "Монтаж"]},
        {"id": "visit_date", "name": "Дата замера", "type": "date"},
        {"id": "visit_time", "name": "Время замера", "type": "datetime"},
        {"id": "installation", "name": "Нужен монтаж", "type": "checkbox"},
        {"id": "source", "name": "Источник", "type": "text", "read_only": True},
    ],
    "people": [
        {"id": "u1", "name": "Анна Смирнова"},
        {"id": "u2", "name": "Олег"},
        {"id": "u3", "name": "Мария Кузнецова"},
        {"id": "u4", "name": "Пётр Волков", "active": False},
    ],
    "currency": "RUB",
}


def russian_company(clock: Clock, subdomain: str = "oknamaster", **switches: Any) -> Company:
    """Return a window seller with a program of its own: two pipelines, fields of every kind, four people."""
    company = Company(subdomain, "Окна Мастер", clock, RUSSIAN_SCHEMA)
    company.settings.change(switches)
    return company


FACTORIES = {"russian": russian_company}
