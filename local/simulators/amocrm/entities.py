"""The things that an account consists of: plain data; the rules that change it live in the other modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

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
    talk_ids: list[int] = field(default_factory=list)


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
    """A launch of a bot and what came of it.

    running, sent, nothing_to_send, dropped, stopped, hung, waiting, continued.
    """

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
