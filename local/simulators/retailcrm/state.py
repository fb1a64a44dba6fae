"""One account with all its data, its ids and its lock."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import random
    from collections import deque

    from local.simulators.clock import Clock
    from local.simulators.retailcrm.entities import (
        ApiKey,
        Bot,
        Change,
        Channel,
        Chat,
        Customer,
        CustomField,
        Dialog,
        Dictionary,
        Group,
        Message,
        Module,
        Note,
        Order,
        OrderType,
        Status,
        Task,
        User,
    )
    from local.simulators.retailcrm.settings import AccountSettings

ALL_SCOPES = frozenset(
    f"{what}_{how}"
    for what in ("order", "customer", "task", "integration", "user", "reference", "custom_fields")
    for how in ("read", "write")
) - {"user_write"}


@dataclass(slots=True)
class Account:
    """An account. Hold `lock` while reading or changing it; `version` grows with what a page shows."""

    id: int
    subdomain: str
    name: str
    settings: AccountSettings
    clock: Clock
    rng: random.Random
    lang: str = "ru"
    currency: str = "RUB"
    timezone: str = "Europe/Moscow"
    base_url: str = ""
    version: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)
    sites: dict[str, str] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    order_types: dict[str, OrderType] = field(default_factory=dict)
    dictionaries: dict[str, Dictionary] = field(default_factory=dict)
    fields: dict[tuple[str, str], CustomField] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    notes: dict[int, Note] = field(default_factory=dict)
    history: dict[int, list[Change]] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    dialogs: dict[int, Dialog] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    bots: dict[int, Bot] = field(default_factory=dict)
    modules: dict[str, Module] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    _last_ids: dict[str, int] = field(default_factory=dict)
    passed: dict[str, deque[float]] = field(default_factory=dict)

    def new_id(self, kind: str) -> int:
        """Return the next id of this kind; the kinds begin far apart, so that a mistaken id is found nowhere."""
        if kind not in self._last_ids:
            self._last_ids[kind] = 1000 * (len(self._last_ids) + 1) + self.rng.randrange(1, 400)
        self._last_ids[kind] += 1
        return self._last_ids[kind]

    def new_uuid(self) -> str:
        """Return a random id, the same in every run."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def now(self) -> float:
        """Return the account's time in unix seconds."""
        return self.clock.now()

    def touch(self) -> None:
        """Note that something to be seen has changed."""
        self.version += 1

    @property
    def mg_url(self) -> str:
        """The address of the account's MG host."""
        return self.base_url + self.settings.mg_path

    def local_time(self, at: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
        """Return a time as API v5 writes it: in the account's zone, without naming it."""
        return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(self.timezone)).strftime(form)

    def user_name(self, user_id: int | None) -> str:
        """Return a person's name, empty where there is nobody."""
        return self.users[user_id].name if user_id in self.users else ""

    def default_site(self) -> str:
        """Return the first store's code."""
        return next(iter(self.sites))


def mg_time(at: float) -> str:
    """Return a time as the MG Bot API writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
