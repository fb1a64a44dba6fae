"""One portal with its app: people, pipelines, properties, objects, threads, and the switches of what is not known."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from local.simulators.hubspot.entities import Event, Json, Message, Pipeline, Property, Thing, Thread, User

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from local.simulators.clock import Clock

ALL_SCOPES = (
    "conversations.read",
    "conversations.write",
    "crm.objects.deals.read",
    "crm.objects.deals.write",
    "crm.objects.contacts.read",
    "crm.objects.owners.read",
    "crm.schemas.deals.read",
)


@dataclass(slots=True)
class Settings:
    """The switches.

    `own_client`: what the app's own messages show as `client.clientType` (a private app's is not known).
    `reply_assigns`: whether the app's reply assigns the thread to its sender. `per_ten_seconds` and `per_day`: limits.
    `batch_seconds`: how long events are gathered into one delivery. `patch_shows`: whether a PATCH answers with what
    was written. `new_assigned_to`: the user to whom a new thread is assigned by itself.
    """

    own_client: str = "INTEGRATION"
    reply_assigns: bool = False
    per_ten_seconds: int = 100
    per_day: int = 250_000
    batch_seconds: float = 0.05
    patch_shows: bool = True
    new_assigned_to: int | None = None
    platform: str = "hubspot"

    def change(self, switches: Json) -> None:
        """Set switches by name. Raises ValueError for an unknown one."""
        for name, value in switches.items():
            if name not in self.__slots__:
                msg = f"no such switch: {name}"
                raise ValueError(msg)
            setattr(self, name, value)

    def as_json(self) -> Json:
        """Return the switches."""
        return asdict(self)


@dataclass(slots=True)
class App:
    """The private app: what it is known by, where its events go, what it subscribed to."""

    id: int
    client_secret: str
    target_url: str = ""
    subscriptions: dict[int, str] = field(default_factory=dict)
    tokens: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Portal:
    """One portal. Hold `lock` while reading or changing it."""

    id: int
    subdomain: str
    name: str
    lang: str
    currency: str
    time_zone: str
    settings: Settings
    app: App
    clock: Clock
    rng: random.Random
    base_url: str = ""
    users: dict[int, User] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    properties: dict[str, Property] = field(default_factory=dict)
    objects: dict[str, dict[str, Thing]] = field(
        default_factory=lambda: {"contacts": {}, "deals": {}, "notes": {}, "tasks": {}}
    )
    threads: dict[str, Thread] = field(default_factory=dict)
    channels: dict[str, Json] = field(default_factory=dict)
    history: dict[str, list[Json]] = field(default_factory=dict)
    version: int = 0
    emit: Callable[[Event], None] = lambda _: None
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: list[float] = field(default_factory=list)
    today: int = 0
    _last_id: int = 9_000_000_000

    def now(self) -> float:
        """Return the portal's time."""
        return self.clock.now()

    def touch(self) -> None:
        """Say that something changed."""
        self.version += 1

    def new_id(self) -> str:
        """Return an id beyond 32 bits."""
        self._last_id += self.rng.randrange(1, 50)
        return str(self._last_id)

    def new_message_id(self) -> str:
        """Return a message's id: 32 hex digits."""
        return f"{self.rng.getrandbits(128):032x}"

    def thing(self, kind: str, thing_id: str) -> Thing | None:
        """Return an object that is not archived."""
        found = self.objects[kind].get(thing_id)
        return None if found is None or found.archived else found

    def user_of_owner(self, owner_id: str | None) -> User | None:
        """Return the user with this owner id."""
        return next((each for each in self.users.values() if str(each.owner_id) == owner_id), None)

    def create(self, kind: str, properties: dict[str, str]) -> Thing:
        """Create an object."""
        now = self.now()
        made = Thing(self.new_id(), dict(properties), now, now)
        self.objects[kind][made.id] = made
        self.touch()
        return made

    def link(self, kind: str, thing: Thing, to_kind: str, other: Thing) -> None:
        """Associate two objects."""
        thing.linked.setdefault(to_kind, []).append(other.id)
        other.linked.setdefault(kind, []).append(thing.id)

    def add_row(self, thread: Thread, row: Message, message_type: str) -> None:
        """Put a row into a thread and tell the subscribers of a message."""
        thread.rows.append(row)
        self.touch()
        if message_type:
            body = {"objectId": int(thread.id), "messageId": row.id, "messageType": message_type}
            self.emit(Event("conversation.newMessage", body | {"changeFlag": "NEW_MESSAGE"}))

    def assign(self, thread: Thread, actor: str | None) -> None:
        """Assign a thread to an agent, or take it from them."""
        if thread.assigned_to == actor:
            return
        before, thread.assigned_to = thread.assigned_to, actor
        row = {"type": "ASSIGNMENT", "assignedTo": actor, "assignedFrom": before}
        self.add_row(thread, Message(self.new_message_id(), "ASSIGNMENT", self.now(), row), "")
        value = (actor or "").removeprefix("A-")
        body = {"objectId": int(thread.id), "propertyName": "assignedTo", "propertyValue": value}
        self.emit(Event("conversation.propertyChange/assignedTo", body | {"changeSource": "CRM_UI"}))
