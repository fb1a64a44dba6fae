"""What a portal holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class User:
    """A person of the company: `id` is the user's, `owner_id` the owner's; they differ."""

    id: int
    owner_id: int
    first: str
    last: str
    email: str
    archived: bool = False

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.first} {self.last}".strip()


@dataclass(slots=True)
class Stage:
    """A stage of one pipeline; its id belongs to no other."""

    id: str
    label: str
    closed: bool = False
    probability: str = "0.2"


@dataclass(slots=True)
class Pipeline:
    """A pipeline of deals."""

    id: str
    label: str
    stages: list[Stage]

    def stage(self, stage_id: str) -> Stage | None:
        """Return the stage with this id."""
        return next((each for each in self.stages if each.id == stage_id), None)


@dataclass(slots=True)
class Property:
    """A property of deals; `options` maps an option's value to its label."""

    name: str
    label: str
    type: str
    field_type: str
    options: dict[str, str] = field(default_factory=dict)
    read_only: bool = False
    hidden: bool = False
    own: bool = True


@dataclass(slots=True)
class Thing:
    """A contact, deal, note or task: its properties as text, and the ids that it is associated with, by type."""

    id: str
    properties: dict[str, str]
    created_at: float
    updated_at: float
    archived: bool = False
    linked: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    """A row of a thread's list; `body` is as the API shows it, `text` as a person reads it."""

    id: str
    type: str
    created_at: float
    body: Json
    who: str = ""
    author: str = ""
    via: str = ""


@dataclass(slots=True)
class Thread:
    """A conversation of the inbox."""

    id: str
    contact_id: str
    channel_id: str
    account_id: str
    visitor: str
    created_at: float
    assigned_to: str | None = None
    status: str = "OPEN"
    spam: bool = False
    archived: bool = False
    rows: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class Event:
    """What subscribers are told: `name` is the subscription's type, and a property's name behind a slash."""

    name: str
    body: Json
