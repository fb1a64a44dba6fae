"""What an account holds: people, reference books, customers, orders, tasks; channels, chats, dialogs, messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class User:
    """A person of the company, in the CRM and (another id) in the chats."""

    id: int
    mg_id: int
    first_name: str
    last_name: str
    active: bool = True

    @property
    def name(self) -> str:
        """The name as people see it."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Group:
    """A group of order statuses."""

    code: str
    name: str
    ordering: int


@dataclass(slots=True)
class Status:
    """An order status."""

    code: str
    name: str
    group: str
    ordering: int
    active: bool = True


@dataclass(slots=True)
class OrderType:
    """An order type."""

    code: str
    name: str
    default: bool = False


@dataclass(slots=True)
class Dictionary:
    """A custom reference book: element codes to names."""

    code: str
    name: str
    elements: dict[str, str]


@dataclass(slots=True)
class CustomField:
    """A custom field of orders or customers."""

    code: str
    name: str
    type: str
    entity: str = "order"
    dictionary: str | None = None


@dataclass(slots=True)
class Customer:
    """A customer of the CRM; `mg_id` is the same person's id in the chats."""

    id: int
    name: str
    mg_id: int | None
    site: str
    manager_id: int | None = None
    phone: str | None = None
    tags: list[str] = field(default_factory=list)
    values: Json = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """A position of an order; `offer_id` names a product of the catalogue."""

    id: int
    name: str
    price: Decimal
    quantity: Decimal
    offer_id: int | None = None


@dataclass(slots=True)
class Order:
    """An order."""

    id: int
    number: str
    customer_id: int
    site: str
    status: str
    order_type: str
    created_at: float
    manager_id: int | None = None
    manager_comment: str | None = None
    customer_comment: str | None = None
    dialog_id: int | None = None
    delivery_cost: Decimal = Decimal(0)
    items: list[Item] = field(default_factory=list)
    values: Json = field(default_factory=dict)
    deleted: bool = False

    @property
    def total(self) -> Decimal:
        """What the customer pays."""
        return sum((each.price * each.quantity for each in self.items), self.delivery_cost)


@dataclass(slots=True)
class Task:
    """A task of a person."""

    id: int
    text: str
    commentary: str
    due: str
    performer_id: int
    created_at: float
    order_id: int | None = None
    customer_id: int | None = None
    complete: bool = False


@dataclass(slots=True)
class Note:
    """A note on a customer."""

    id: int
    customer_id: int
    text: str
    manager_id: int | None
    created_at: float


@dataclass(slots=True)
class Change:
    """A line of an order's history, in words."""

    at: float
    who: str
    what: str
    old: str | None
    new: str | None


@dataclass(slots=True)
class Channel:
    """A channel that is joined to the CRM."""

    id: int
    type: str
    name: str
    max_chars: int
    active: bool = True


@dataclass(slots=True)
class Bot:
    """A chat bot: a module that registered."""

    id: int
    name: str
    token: str
    client_id: str
    module: str
    roles: list[str] = field(default_factory=list)
    active: bool = True


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote a message: kind is customer, user, bot or channel; `id` is the MG id."""

    kind: str
    id: int
    name: str
    is_technical: bool = False


@dataclass(slots=True)
class Message:
    """A message of a chat. `action` and `responsible` only with the type `system`."""

    id: int
    chat_id: int
    dialog_id: int | None
    sender: Sender | None
    type: str
    scope: str
    content: str
    time: float
    updated_at: float
    status: str = "received"
    items: list[Json] = field(default_factory=list)
    note: str = ""
    action: str | None = None
    responsible: Json | None = None
    quote_id: int | None = None
    error: Json | None = None
    via: str = "channel"


@dataclass(slots=True)
class Dialog:
    """A conversation within a chat."""

    id: int
    chat_id: int
    created_at: float
    responsible: Json | None = None
    closed_at: float | None = None


@dataclass(slots=True)
class Chat:
    """A customer's chat in one channel."""

    id: int
    channel_id: int
    mg_customer_id: int
    contact: str
    dialog_ids: list[int] = field(default_factory=list)
    message_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class ApiKey:
    """A key of API v5."""

    value: str
    scopes: frozenset[str]
    revoked: bool = False


@dataclass(slots=True)
class Module:
    """A registered integration module."""

    code: str
    client_id: str
    name: str
    active: bool
    base_url: str | None = None
    activity: str | None = None
    frozen: bool = False
