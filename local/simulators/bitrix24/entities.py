"""What a portal consists of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

Json = dict[str, Any]


class EntityType(IntEnum):
    """The numbers of CRM's kinds of item."""

    LEAD = 1
    DEAL = 2
    CONTACT = 3


@dataclass(slots=True)
class User:
    """A person of the company, a bot, or a customer behind a connector."""

    id: int
    name: str
    last_name: str = ""
    active: bool = True
    is_admin: bool = False
    is_bot: bool = False
    is_connector: bool = False

    @property
    def full_name(self) -> str:
        """The name as chats show it."""
        return f"{self.name} {self.last_name}".strip()


@dataclass(slots=True)
class Stage:
    """A stage: STATUS_ID, and S, F or nothing as its meaning."""

    id: str
    name: str
    sort: int
    semantics: str | None = None


@dataclass(slots=True)
class Category:
    """A pipeline of deals; id 0 is the portal's first."""

    id: int
    name: str
    stages: list[Stage]


@dataclass(slots=True)
class UserField:
    """A custom field: UF_CRM_…, its type, and (id, value) pairs of an enumeration."""

    name: str
    title: str
    type: str
    multiple: bool = False
    items: list[tuple[int, str]] = field(default_factory=list)
    entity: EntityType = EntityType.DEAL
    mandatory: bool = False


@dataclass(slots=True)
class Item:
    """A lead, deal or contact; `values` are as the REST interface shows them, custom fields by their own names."""

    id: int
    entity: EntityType
    values: Json
    deleted: bool = False
    history: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Comment:
    """A comment of an item's timeline."""

    id: int
    entity: EntityType
    owner_id: int
    text: str
    author_id: int
    created: float


@dataclass(slots=True)
class Todo:
    """A universal activity of an item."""

    id: int
    entity: EntityType
    owner_id: int
    title: str
    description: str
    deadline: str
    responsible_id: int
    created: float


@dataclass(slots=True)
class Line:
    """An open line with the settings that concern bots."""

    id: int
    name: str
    queue: list[int]
    active: bool = True
    welcome_bot_enable: str = "N"
    welcome_bot_id: int = 0
    welcome_bot_join: str = "first"
    welcome_bot_time: int = 600
    welcome_bot_left: str = "queue"


@dataclass(slots=True)
class Bot:
    """A registered bot.

    `api` is "v1" or "v2", `token` its CLIENT_ID or botToken (None: an app's), `owner` who made it.
    """

    id: int
    code: str
    api: str
    type: str
    token: str | None
    owner: str
    event_mode: str = "fetch"
    webhook_url: str = ""
    openline: bool = False
    handlers: dict[str, str] = field(default_factory=dict)
    queue: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Message:
    """A message of a chat. `via` tells a page how it came: customer, employee, bot, system."""

    id: int
    author_id: int
    text: str
    created: float
    via: str
    files: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Dialog:
    """An open line's chat: who is in it, who leads it (0: nobody), which session runs."""

    chat_id: int
    line_id: int
    connector: str
    external_id: str
    user_id: int
    session_id: int
    owner: int = 0
    closed: bool = False
    deal_id: int = 0
    lead_id: int = 0
    contact_id: int = 0
    members: set[int] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    started: dict[int, float] = field(default_factory=dict)
    activities: dict[int, int] = field(default_factory=dict)

    @property
    def entity_id(self) -> str:
        """CHAT_ENTITY_ID: connector, line, external chat, connector user."""
        return f"{self.connector}|{self.line_id}|{self.external_id}|{self.user_id}"

    @property
    def entity_data_1(self) -> str:
        """CHAT_ENTITY_DATA_1: has CRM, main entity, its id, pause, wait, session, created, 0, 0, 0."""
        main = ("DEAL", self.deal_id) if self.deal_id else ("LEAD", self.lead_id) if self.lead_id else ("NONE", 0)
        created = int(self.started.get(self.session_id, 0))
        return f"{'Y' if main[1] else 'N'}|{main[0]}|{main[1]}|N|N|{self.session_id}|{created}|0|0|0"

    @property
    def entity_data_2(self) -> str:
        """CHAT_ENTITY_DATA_2: pairs of kind and id; empty where the dialog has no CRM."""
        if not (self.deal_id or self.lead_id or self.contact_id):
            return ""
        return f"LEAD|{self.lead_id}|COMPANY|0|CONTACT|{self.contact_id}|DEAL|{self.deal_id}"


@dataclass(slots=True)
class Access:
    """Who calls: an incoming webhook (`secret`) or an app (`client_id`), the user and the scopes."""

    user_id: int
    scopes: frozenset[str]
    secret: str | None = None
    client_id: str | None = None

    @property
    def owner(self) -> str:
        """What a bot that this caller registers belongs to."""
        return self.client_id or f"webhook:{self.secret}"


@dataclass(slots=True)
class App:
    """A local app with its tokens."""

    client_id: str
    client_secret: str
    application_token: str
    scopes: frozenset[str]
    user_id: int
    install_url: str = ""
    access: dict[str, float] = field(default_factory=dict)
    refresh: dict[str, float] = field(default_factory=dict)
