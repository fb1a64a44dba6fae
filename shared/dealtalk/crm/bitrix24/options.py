"""What a connection to Bitrix24 can be told in its `options`.

Facts of the vendor that nobody could verify stand here as switches; docs/crm/bitrix24.md lists which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.crm.http import checked_base
from dealtalk.crm.option_values import SHARED, TakeoverSource, digits, flag, limits, number, read_options
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Mapping


class Interface(StrEnum):
    """Which interface registered the bot; a bot belongs to one."""

    V1 = "v1"
    V2 = "v2"


class Handover(StrEnum):
    """What is done in the open line when a person is to lead."""

    OPERATOR = "operator"
    """imopenlines.bot.session.operator: the line's queue gets the dialog."""

    TRANSFER = "transfer"
    """imopenlines.bot.session.transfer: to `transfer_to`, else to the line `transfer_line`."""

    LEAVE = "leave"
    """The bot leaves the chat."""

    NONE = "none"
    """Nothing: the note and the task are all."""


class FlagFormat(StrEnum):
    """How a yes-or-no field is written."""

    LETTERS = "letters"
    DIGITS = "digits"


@dataclass(frozen=True, slots=True)
class BitrixOptions:
    """The adapter's settings for one connection.

    `bot_id`: our bot's user; `interface`: what registered it.
    `takeover_source`: `poll` asks before the first effect whether an operator has the dialog, `webhook` relies on
    events, `auto` asks until an operator's message came by an event.
    `owner_leads`: an operator who is the chat's owner leads it [unverified: what stands there while the bot leads].
    `message_limit`: characters of one message, `channel_limits` by the connector's code ("telegrambot", ...).
    `tags_field`: the deals' custom field (a text with several values) that holds tags; Bitrix24 itself has none.
    `lead_pipeline`: the name under which leads are worked with as a pipeline; without it a dialog that has only a lead
    is answered without a deal.
    `handover`, `transfer_to`, `transfer_line`: see Handover.
    `contact_fields`: also read the contacts' fields into the schema.
    `currency`: of money fields whose deal names none.
    `flag_format`: see FlagFormat [unverified].
    `oauth_base`: the authorization server.
    `cooldown_seconds`: how long nobody calls after a manual block (OVERLOAD_LIMIT).
    """

    bot_id: str
    interface: Interface = Interface.V2
    takeover_source: TakeoverSource = TakeoverSource.POLL
    owner_leads: bool = True
    message_limit: int = 3_500
    channel_limits: Mapping[str, int] = field(default_factory=dict)
    tags_field: str | None = None
    lead_pipeline: str | None = None
    handover: Handover = Handover.OPERATOR
    transfer_to: str | None = None
    transfer_line: str | None = None
    contact_fields: bool = False
    currency: str = "RUB"
    flag_format: FlagFormat = FlagFormat.LETTERS
    oauth_base: str = "https://oauth.bitrix.info"
    cooldown_seconds: int = 300

    def limit(self, channel: str | None) -> int:
        """Return how many characters one message into this channel may hold."""
        return self.channel_limits.get(channel or "", self.message_limit)


NOT_OURS = SHARED | {"application_token_sha256", "domain", "accepted_domains", "member_id", "line_id"}
"""Options that others read: the webhook's side (bitrix24/inbound.py), the command line, the account's rate."""

AUTH_HOSTS = frozenset({"https://oauth.bitrix.info", "https://oauth.bitrix24.tech"})


def bitrix_options(given: Mapping[str, Any]) -> BitrixOptions:
    """Return the settings of a connection. Raises NeedsAttention with the key that is missing or cannot be read."""
    if not given.get("bot_id"):
        msg = "the connection names no bot"
        raise NeedsAttention(msg)
    return read_options(BitrixOptions, given, _READERS, crm="Bitrix24", not_ours=NOT_OURS)


def custom_field(value: object) -> str:
    """Return the name of a custom field. Raises ValueError where it is none."""
    name = str(value)
    if not re.fullmatch(r"UF_CRM_[A-Z0-9_]{1,43}", name):
        raise ValueError
    return name


def _auth_host(value: object) -> str:
    """Return an authorization server that may be trusted with the app's secret: the vendor's, or this machine's."""
    base = str(value).rstrip("/")
    if base not in AUTH_HOSTS and not re.match(r"http://(127\.0\.0\.1|localhost|\[::1\])[:/]", base + "/"):
        raise ValueError
    return checked_base(base)


def _name(value: object) -> str:
    name = " ".join(str(value).split())
    if not name:
        raise ValueError
    return name


_READERS: Mapping[str, Any] = {
    "bot_id": digits,
    "interface": Interface,
    "takeover_source": TakeoverSource,
    "owner_leads": flag,
    "message_limit": number(20, 20_000),
    "channel_limits": limits(20, 20_000),
    "tags_field": custom_field,
    "lead_pipeline": _name,
    "handover": Handover,
    "transfer_to": digits,
    "transfer_line": digits,
    "contact_fields": flag,
    "currency": lambda value: str(value).upper(),
    "flag_format": FlagFormat,
    "oauth_base": _auth_host,
    "cooldown_seconds": number(1, 86_400),
}
