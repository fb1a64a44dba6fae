"""What an account consists of. Plain data; the rules that change it live in the other modules."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from local.simulators.amocrm.clock import Clock
    from local.simulators.amocrm.settings import AccountSettings

Json = dict[str, Any]

WON = 142
LOST = 143
INCOMING_STAGE = 1
"""A status' `type` where new, unsorted leads stand."""


class EntityType(StrEnum):
    """Entities as v4 paths name them."""

    LEADS = "leads"
    CONTACTS = "contacts"


@dataclass(slots=True)
class User:
    """A person with a login."""

    id: int
    name: str
    email: str
    amojo_id: str
    lang: str = "ru"
    is_admin: bool = False
    is_free: bool = False
    is_active: bool = True


@dataclass(slots=True)
class Status:
    """A stage of a pipeline."""

    id: int
    name: str
    sort: int
    color: str = "#99ccff"
    type: int = 0

    @property
    def is_editable(self) -> bool:
        """Whether it is none of the three system stages."""
        return self.id not in {WON, LOST} and self.type != INCOMING_STAGE


@dataclass(slots=True)
class Pipeline:
    """A pipeline with its stages in order."""

    id: int
    name: str
    sort: int
    statuses: list[Status]
    is_main: bool = False
    is_archive: bool = False

    def status(self, status_id: int) -> Status | None:
        """Return the stage with this id."""
        return next((s for s in self.statuses if s.id == status_id), None)


@dataclass(slots=True)
class EnumOption:
    """A choice of a field."""

    id: int
    value: str
    sort: int
    code: str | None = None


@dataclass(slots=True)
class FieldDef:
    """A custom field."""

    id: int
    name: str
    type: str
    sort: int
    entity: EntityType = EntityType.LEADS
    code: str | None = None
    enums: list[EnumOption] | None = None
    is_api_only: bool = False
    currency: str | None = None
    is_predefined: bool = False


@dataclass(slots=True)
class Tag:
    """A tag of leads."""

    id: int
    name: str


@dataclass(slots=True)
class Contact:
    """A customer. `values` maps a field id to the stored value objects."""

    id: int
    name: str
    responsible_user_id: int
    created_at: int
    values: dict[int, list[Json]] = field(default_factory=dict)
    amojo_id: str = ""


@dataclass(slots=True)
class Lead:
    """A deal. `contact_ids` begins with the main contact."""

    id: int
    name: str
    pipeline_id: int
    status_id: int
    responsible_user_id: int
    created_at: int
    updated_at: int
    price: int = 0
    created_by: int = 0
    updated_by: int = 0
    closed_at: int | None = None
    loss_reason_id: int | None = None
    is_deleted: bool = False
    contact_ids: list[int] = field(default_factory=list)
    values: dict[int, list[Json]] = field(default_factory=dict)
    tag_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Note:
    """A note of a lead or contact."""

    id: int
    entity: EntityType
    entity_id: int
    note_type: str
    params: Json
    created_by: int
    responsible_user_id: int
    created_at: int


@dataclass(slots=True)
class Task:
    """A task."""

    id: int
    text: str
    complete_till: int
    responsible_user_id: int
    created_by: int
    created_at: int
    updated_at: int
    entity_id: int | None = None
    entity_type: str | None = None
    task_type_id: int = 1
    is_completed: bool = False
    duration: int = 0
    result: str | None = None


@dataclass(slots=True)
class Talk:
    """A conversation: one piece of a chat from its opening to its closing."""

    talk_id: int
    chat_id: str
    contact_id: int
    entity_id: int | None
    entity_type: str | None
    origin: str
    created_at: int
    updated_at: int
    is_in_work: bool = True
    is_read: bool = False


@dataclass(slots=True)
class Author:
    """Who wrote a chat line: external (customer), internal (person) or bot."""

    type: str
    id: str
    name: str
    user_id: int | None = None


@dataclass(slots=True)
class ChatLine:
    """One line of a chat, as customer and manager see it."""

    id: str
    chat_id: str
    talk_id: int
    author: Author
    text: str
    created_at: int
    outgoing: bool
    message_type: str = "text"
    attachment: Json | None = None
    via: str = "channel"


@dataclass(slots=True)
class Chat:
    """A customer's chat in a channel, with all its lines."""

    id: str
    contact_id: int
    origin: str
    source_id: int
    lines: list[ChatLine] = field(default_factory=list)
    unsorted_uid: str | None = None


@dataclass(slots=True)
class Event:
    """A row of the account's event list."""

    id: str
    type: str
    entity_id: int
    entity_type: str
    created_by: int
    created_at: int
    value_after: list[Json]
    value_before: list[Json]
    contact_id: int | None = None


@dataclass(slots=True)
class Hook:
    """A webhook subscription; `invalid` holds the times of the invalid answers of the last two hours."""

    id: int
    destination: str
    settings: list[str]
    created_by: int
    created_at: int
    updated_at: int
    sort: int
    disabled: bool = False
    invalid: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Bot:
    """A one-step Salesbot: it sends the current value of a lead field, or a fixed text, to the lead's chat."""

    id: int
    name: str
    field_id: int | None = None
    text: str | None = None


@dataclass(slots=True)
class BotRun:
    """A launch of a bot and what came of it: running, sent, nothing_to_send, dropped, stopped, hung."""

    id: int
    bot_id: int
    entity_id: int
    entity_type: EntityType
    started_at: float
    outcome: str = "running"


@dataclass(slots=True)
class Integration:
    """An OAuth client as the account's admin registered it."""

    client_id: str
    client_secret: str
    redirect_uri: str
    name: str
    active: bool = True


@dataclass(slots=True)
class Token:
    """An access token. `expires_at` is unix seconds."""

    value: str
    user_id: int
    scopes: frozenset[str]
    expires_at: float
    client_id: str
    grant: str
    revoked: bool = False


@dataclass(slots=True)
class OneTimeToken:
    """A refresh token or an authorization code: good for one use."""

    value: str
    user_id: int
    scopes: frozenset[str]
    expires_at: float
    client_id: str
    grant: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A line of a lead's history: who changed what from what to what, in words."""

    time: float
    lead_id: int
    who: str
    user_id: int
    what: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, an integration with a user's rights, or a bot. `user_id` 0 is the robot."""

    name: str
    user_id: int


@dataclass(frozen=True, slots=True)
class HookEvent:
    """Something that subscribers are told: `{group: {action: items}}`, for those who ticked `code`."""

    code: str
    group: str
    action: str
    items: list[Json]
    extra: Json = field(default_factory=dict)


@dataclass(slots=True)
class Account:
    """One account with all its data. Everything that reads or changes it holds `lock`."""

    id: int
    subdomain: str
    name: str
    settings: AccountSettings
    clock: Clock
    rng: random.Random
    lang: str = "ru"
    country: str = "RU"
    currency: str = "RUB"
    timezone: str = "Europe/Moscow"
    amojo_id: str = ""
    uuid: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 0
    base_url: str = ""
    emit: Callable[[HookEvent], threading.Event | None] = lambda _event: None
    users: dict[int, User] = field(default_factory=dict)
    pipelines: dict[int, Pipeline] = field(default_factory=dict)
    fields: dict[int, FieldDef] = field(default_factory=dict)
    tags: dict[int, Tag] = field(default_factory=dict)
    loss_reasons: dict[int, str] = field(default_factory=dict)
    task_types: dict[int, str] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    leads: dict[int, Lead] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    talks: dict[int, Talk] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    hooks: dict[int, Hook] = field(default_factory=dict)
    bots: dict[int, Bot] = field(default_factory=dict)
    bot_runs: list[BotRun] = field(default_factory=list)
    integrations: dict[str, Integration] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    refresh_tokens: dict[str, OneTimeToken] = field(default_factory=dict)
    codes: dict[str, OneTimeToken] = field(default_factory=dict)
    chat_sends: list[float] = field(default_factory=list)
    _last_ids: dict[str, int] = field(default_factory=dict)

    def new_id(self, kind: str) -> int:
        """Return a new id: large, rising, with gaps, in a range of its own per kind."""
        start = {"talk": 100, "bot": 50_000, "source": 19_600_000}.get(kind)
        if start is None:
            start = 10_000_000 + sum(map(ord, kind)) * 30_011 + self.id % 9_973
        self._last_ids[kind] = self._last_ids.get(kind, start) + self.rng.randrange(1, 9) * 2
        return self._last_ids[kind]

    def new_uuid(self) -> str:
        """Return a new random UUID."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def now(self) -> int:
        """Return the unix time in whole seconds."""
        return int(self.clock.now())

    def touch(self) -> None:
        """Note that something visible changed."""
        self.version += 1

    def fields_of(self, entity: EntityType) -> list[FieldDef]:
        """Return the custom fields of leads or contacts in their order."""
        return sorted((f for f in self.fields.values() if f.entity is entity), key=lambda f: (f.sort, f.id))

    def field_named(self, name: str, entity: EntityType = EntityType.LEADS) -> FieldDef:
        """Return the field with this name. Raises KeyError."""
        found = next((f for f in self.fields_of(entity) if f.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def lead(self, lead_id: int) -> Lead | None:
        """Return the lead unless it does not exist or was deleted."""
        lead = self.leads.get(lead_id)
        return None if lead is None or lead.is_deleted else lead

    def stage_name(self, pipeline_id: int, status_id: int) -> str:
        """Return `pipeline / stage` in words."""
        pipeline = self.pipelines.get(pipeline_id)
        status = pipeline.status(status_id) if pipeline else None
        return f"{pipeline.name if pipeline else pipeline_id} / {status.name if status else status_id}"

    def user_name(self, user_id: int) -> str:
        """Return the user's name; 0 is the robot."""
        if user_id in self.users:
            return self.users[user_id].name
        return "Робот" if self.lang == "ru" else "Robot"

    def tag_by_name(self, name: str) -> Tag:
        """Return the tag with this name, created where new."""
        found = next((t for t in self.tags.values() if t.name.casefold() == name.casefold()), None)
        if found is None:
            found = Tag(self.new_id("tag"), name)
            self.tags[found.id] = found
        return found

    def record(self, change: Change) -> None:
        """Append to the leads' history."""
        self.history.append(change)
        self.touch()

    def add_event(self, kind: str, entity: tuple[str, int], actor: Actor, after: Any, before: Any = None) -> Event:
        """Append a row to the account's event list."""
        entity_type, entity_id = entity
        event = Event(
            id="01" + "".join(self.rng.choices("0123456789abcdefghjkmnpqrstvwxyz", k=24)),
            type=kind,
            entity_id=entity_id,
            entity_type=entity_type,
            created_by=actor.user_id,
            created_at=self.now(),
            value_after=after or [],
            value_before=before or [],
        )
        self.events.append(event)
        self.touch()
        return event
