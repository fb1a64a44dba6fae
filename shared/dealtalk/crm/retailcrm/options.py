"""What a connection to RetailCRM (Simla) can be told in its `options`; docs/crm/retailcrm.md describes them.

Facts of the vendor that nobody could verify stand here as switches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dealtalk.crm.http import checked_base
from dealtalk.crm.option_values import SHARED, TakeoverSource, digits, flag, limits, number, read_options
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Mapping


class OrderChoice(StrEnum):
    """Which order a chat belongs to where none is bound to its dialog."""

    ONLY = "only"
    """The customer's only open one; several are ambiguous."""

    NEWEST = "newest"
    """The customer's newest open one."""


class NoteKind(StrEnum):
    """Where a note about an order stands."""

    COMMENT = "comment"
    """Below the order's manager comment."""

    CUSTOMER = "customer"
    """A note on the order's customer."""


class Writer(StrEnum):
    """What a message counts as that was written in the messenger itself, past the CRM."""

    PERSON = "person"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class RetailcrmOptions:
    """The settings of one connection.

    `mg_url`: the account's host for chats, as module registration named it. `bot_id`: our bot's id there. `module`: the
    registered module's code. `timezone`: the account's, in which API v5 writes times. `currency`: the account's.
    `channels`: type of each channel by its id; `channel_limits`: characters of one message by type; `message_limit`:
    of all others. `won_groups`, `lost_groups`: groups of statuses that end an order. `order_choice`: see OrderChoice.
    `note_kind`: see NoteKind. `tags`: the customer's tags are the order's. `write_price`: the amount of an order
    without positions, or with one that is ours, may be set by a position called `price_item`.
    `takeover_source`: by `poll` the CRM is asked before each first effect. `assignment_is_takeover`: a person who is
    made responsible for the dialog leads it. `messenger_writer`: see Writer. `handover_user_id`: who gets a dialog
    that is left to a person (an id of the chats, not of the CRM); nobody: it is freed for the account's own rules.
    `task_manager_id`: whose a task is where neither it nor the order names anybody.
    """

    mg_url: str = ""
    bot_id: str | None = None
    module: str | None = None
    timezone: str = "Europe/Moscow"
    currency: str | None = None
    channels: Mapping[str, str] = field(default_factory=dict)
    channel_limits: Mapping[str, int] = field(default_factory=dict)
    message_limit: int = 1000
    won_groups: tuple[str, ...] = ("complete",)
    lost_groups: tuple[str, ...] = ("cancel",)
    order_choice: OrderChoice = OrderChoice.ONLY
    note_kind: NoteKind = NoteKind.COMMENT
    tags: bool = True
    write_price: bool = True
    price_item: str = "Dealtalk"
    takeover_source: TakeoverSource = TakeoverSource.POLL
    assignment_is_takeover: bool = True
    messenger_writer: Writer = Writer.PERSON
    handover_user_id: str | None = None
    task_manager_id: str | None = None

    def limit(self, channel: str | None) -> int:
        """Return how many characters one message into this channel may hold."""
        return self.channel_limits.get(channel or "", self.message_limit)

    @property
    def zone(self) -> ZoneInfo:
        """The account's time zone."""
        return ZoneInfo(self.timezone)


def retailcrm_options(given: Mapping[str, Any]) -> RetailcrmOptions:
    """Return the settings of a connection. Raises NeedsAttention with the key that is unknown or cannot be read."""
    options = read_options(RetailcrmOptions, given, _READERS, crm="RetailCRM", not_ours=SHARED)
    if not options.mg_url:
        msg = "option mg_url of a connection to RetailCRM is missing: connect the account again"
        raise NeedsAttention(msg)
    return options


def _zone(value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError from None


def _codes(value: Any) -> tuple[str, ...]:  # noqa: ANN401 (stored JSON)
    names = value.split(",") if isinstance(value, str) else value
    return tuple(str(name).strip() for name in names)


_READERS: Mapping[str, Any] = {
    "mg_url": checked_base,
    "bot_id": digits,
    "module": str,
    "timezone": _zone,
    "currency": str,
    "channels": lambda value: {digits(channel): str(kind) for channel, kind in value.items()},
    "channel_limits": limits(20, 20_000),
    "message_limit": number(20, 20_000),
    "won_groups": _codes,
    "lost_groups": _codes,
    "order_choice": OrderChoice,
    "note_kind": NoteKind,
    "tags": flag,
    "write_price": flag,
    "price_item": str,
    "takeover_source": TakeoverSource,
    "assignment_is_takeover": flag,
    "messenger_writer": Writer,
    "handover_user_id": digits,
    "task_manager_id": digits,
}
