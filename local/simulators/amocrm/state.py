"""One account with all its data, its ids and its lock."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.simulators.amocrm.entities import (
    Actor,
    Bot,
    BotRun,
    Change,
    Chat,
    Contact,
    EntityType,
    Event,
    FieldDef,
    Hook,
    HookEvent,
    Integration,
    Lead,
    Note,
    OneTimeToken,
    Pipeline,
    Tag,
    Talk,
    Task,
    Token,
    User,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from local.simulators.amocrm.settings import AccountSettings
    from local.simulators.clock import Clock


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
    history: dict[int, list[Change]] = field(default_factory=dict)
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
        """Append to the lead's history."""
        self.history.setdefault(change.lead_id, []).append(change)
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
