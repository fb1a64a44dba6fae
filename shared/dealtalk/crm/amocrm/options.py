"""What a connection to amoCRM or Kommo can be told in its `options`, with each platform's defaults.

Facts of the vendor that nobody could verify stand here as switches; docs/crm/amocrm.md lists which.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.crm.option_values import SHARED, TakeoverSource, digits, flag, limits, number, read_options
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Mapping


class Way(StrEnum):
    """How a reply reaches the customer's channel."""

    TALKS = "talks"
    """POST /api/v4/talks/{id}/send_message (Kommo's Chats API add-on)."""

    SALESBOT = "salesbot"
    """The text goes into a field of the lead, then a Salesbot of one step sends that field."""

    WIDGET = "widget"
    """A Salesbot that waits on the lead (`widget_request`) goes on with the text as `{{json.reply}}`."""


class SalesbotRun(StrEnum):
    """Which call starts a Salesbot."""

    V2 = "v2"
    """POST /api/v2/salesbot/run, on both platforms."""

    V4 = "v4"
    """POST /api/v4/bots/{id}/run, Kommo only."""


class History(StrEnum):
    """Where outgoing messages are looked up."""

    TALKS = "talks"
    """GET /api/v4/talks/{id}/messages: texts and authors (Kommo, scope "External chat history")."""

    EVENTS = "events"
    """GET /api/v4/events: that a message went out and who made it, no text."""


class NoteType(StrEnum):
    """How a note looks in the lead's feed."""

    COMMON = "common"
    SERVICE = "service_message"
    EXTENDED = "extended_service_message"


class DateFormat(StrEnum):
    """How a date is written into a field; the vendor documents both."""

    UNIX = "unix"
    RFC3339 = "rfc3339"


@dataclass(frozen=True, slots=True)
class AmocrmOptions:
    """The adapter's settings for one connection, already completed from the platform's defaults.

    `platform`: "amocrm.ru" or "kommo.com"; chooses the defaults below.
    `send_order`: ways of sending, first to last (Kommo: talks, salesbot; amocrm.ru: salesbot).
    `salesbot_run`: the call that starts the bot.
    `reply_field_id`, `bot_id`: the lead's textarea field and the one-step bot that sends it; both, or no such way.
    `takeover_source`: see TakeoverSource; amocrm.ru documents no outgoing webhook, so `auto` polls there.
    `poll_with`: where `employee_wrote` and `was_sent` look (History).
    `message_limit`: characters of one message, `channel_limits` by `origin` ("telegram", "waba", ...) [unverified].
    `note_type`, `note_service`: the kind of note, and the name that service notes show.
    `task_type_id`: 1 call, 2 meeting, or the account's own.
    `bot_user_ids`: users whose outgoing messages are a robot's, besides user 0.
    `cooldown_seconds`: how long nobody calls after a 403 that names no reason (a ban).
    `contact_fields`: also read the contacts' fields into the schema (one more call per read).
    `lead_from_contact`: look for the contact's only open lead where the talk names none.
    `as_robot`: changes are shown as made by a robot (`updated_by: 0`).
    `date_format`: see DateFormat.
    `unread_after_minutes`: how old a customer's message without a webhook must be, where its text cannot be read, until
    a person is asked to look: the CRM resends after 5 and 20 minutes.
    `widget_minutes`: how long a bot that called us is taken to wait [unverified].
    `widget_step`: the step of the widget's own steps where the bot goes on; 0: it is told the data and no step.
    """

    platform: str
    send_order: tuple[Way, ...] = (Way.SALESBOT,)
    salesbot_run: SalesbotRun = SalesbotRun.V2
    reply_field_id: str | None = None
    bot_id: str | None = None
    takeover_source: TakeoverSource = TakeoverSource.AUTO
    poll_with: History = History.EVENTS
    message_limit: int = 1000
    channel_limits: Mapping[str, int] = field(default_factory=dict)
    note_type: NoteType = NoteType.COMMON
    note_service: str = "Dealtalk"
    task_type_id: int = 1
    bot_user_ids: tuple[str, ...] = ()
    cooldown_seconds: int = 300
    contact_fields: bool = False
    lead_from_contact: bool = True
    as_robot: bool = True
    date_format: DateFormat = DateFormat.UNIX
    unread_after_minutes: int = 30
    widget_minutes: int = 60
    widget_step: int = 1

    def limit(self, channel: str | None) -> int:
        """Return how many characters one message into this channel may hold."""
        return self.channel_limits.get(channel or "", self.message_limit)


PLATFORMS: Mapping[str, Mapping[str, Any]] = {
    "amocrm.ru": {},
    "kommo.com": {"send_order": (Way.TALKS, Way.SALESBOT), "poll_with": History.TALKS},
}
"""What differs between the two platforms, as data. Each key can be overridden by the connection."""

NOT_OURS = SHARED | {"accepted_subdomains", "client_uuid"}
"""Options that others read: `option_values.SHARED`, and the webhooks' side (amocrm/inbound.py, amocrm/widget.py)."""


def amocrm_options(given: Mapping[str, Any]) -> AmocrmOptions:
    """Return the settings of a connection. Raises NeedsAttention with the key that is unknown or cannot be read."""
    platform = str(given.get("platform", "amocrm.ru"))
    if platform not in PLATFORMS:
        msg = f"option platform: {' or '.join(PLATFORMS)}"
        raise NeedsAttention(msg)
    defaults = {"platform": platform, **PLATFORMS[platform]}
    return read_options(AmocrmOptions, given, _READERS, crm="amoCRM", defaults=defaults, not_ours=NOT_OURS)


def _ways(value: object) -> tuple[Way, ...]:
    names = value.split(",") if isinstance(value, str) else value
    ways = tuple(Way(str(name).strip()) for name in names)  # type: ignore[attr-defined]  # TypeError is the answer
    if not ways:
        raise ValueError
    return ways


_READERS: Mapping[str, Any] = {
    "platform": str,
    "send_order": _ways,
    "salesbot_run": SalesbotRun,
    "reply_field_id": digits,
    "bot_id": digits,
    "takeover_source": TakeoverSource,
    "poll_with": History,
    "message_limit": number(20, 20_000),
    "channel_limits": limits(20, 20_000),
    "note_type": NoteType,
    "note_service": str,
    "task_type_id": number(1, 2**53),
    "bot_user_ids": lambda value: tuple(digits(each) for each in value),
    "cooldown_seconds": number(1, 86_400),
    "contact_fields": flag,
    "lead_from_contact": flag,
    "as_robot": flag,
    "date_format": DateFormat,
    "unread_after_minutes": number(1, 1440),
    "widget_minutes": number(1, 1440),
    "widget_step": number(0, 99),
}
