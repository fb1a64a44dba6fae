"""One portal with all its data, its ids and its lock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from local.simulators.bitrix24.limits import Budget

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from local.simulators.bitrix24.entities import (
        Access,
        App,
        Bot,
        Category,
        Comment,
        Dialog,
        EntityType,
        Item,
        Json,
        Line,
        Stage,
        Todo,
        User,
        UserField,
    )
    from local.simulators.bitrix24.settings import PortalSettings
    from local.simulators.clock import Clock

ZONE = timezone(timedelta(hours=3))
"""The portal's zone: a date comes as midnight there, which is another day in UTC."""


@dataclass(slots=True)
class Portal:
    """One portal. Everything that reads or changes it holds `lock`."""

    subdomain: str
    name: str
    settings: PortalSettings
    clock: Clock
    rng: random.Random
    member_id: str = ""
    domain: str = ""
    base_url: str = ""
    currency: str = "RUB"
    lang: str = "ru"
    lock: threading.RLock = field(default_factory=threading.RLock)
    version: int = 0
    budget: Budget = field(default_factory=Budget)
    post: Callable[[str, str, Json], None] = lambda _url, _event, _body: None
    after: Callable[[float, Callable[[], None]], None] = lambda _seconds, _job: None
    users: dict[int, User] = field(default_factory=dict)
    categories: dict[int, Category] = field(default_factory=dict)
    lead_stages: list[Stage] = field(default_factory=list)
    fields: dict[str, UserField] = field(default_factory=dict)
    items: dict[tuple[EntityType, int], Item] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    todos: dict[int, Todo] = field(default_factory=dict)
    lines: dict[int, Line] = field(default_factory=dict)
    bots: dict[int, Bot] = field(default_factory=dict)
    dialogs: dict[int, Dialog] = field(default_factory=dict)
    hooks: dict[str, Access] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    _last_ids: dict[str, int] = field(default_factory=dict)

    def new_id(self, kind: str) -> int:
        """Return a new id: small and rising, with a start of its own per kind and portal."""
        start = 100 + sum(map(ord, kind + self.subdomain)) % 900
        self._last_ids[kind] = self._last_ids.get(kind, start) + self.rng.randrange(1, 4)
        return self._last_ids[kind]

    def new_secret(self, length: int = 16) -> str:
        """Return random letters and digits."""
        return "".join(self.rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))

    def touch(self) -> None:
        """Note that something visible changed."""
        self.version += 1

    def item(self, entity: EntityType, item_id: int) -> Item | None:
        """Return the item unless it does not exist or was deleted."""
        found = self.items.get((entity, item_id))
        return None if found is None or found.deleted else found

    def fields_of(self, entity: EntityType) -> list[UserField]:
        """Return the custom fields of a kind of item."""
        return [each for each in self.fields.values() if each.entity is entity]

    def stages(self, category: int) -> list[Stage]:
        """Return the stages of a pipeline."""
        return self.categories[category].stages

    def iso(self, moment: float) -> str:
        """Return a time as the portal writes it, in its own zone."""
        return datetime.fromtimestamp(moment, UTC).astimezone(ZONE).isoformat(timespec="seconds")

    def people(self) -> list[User]:
        """Return the company's people: neither bots nor customers."""
        return [each for each in self.users.values() if not each.is_bot and not each.is_connector]
