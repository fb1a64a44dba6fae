"""What a connection to HubSpot can be told in its `options`.

Facts of the vendor that nobody could verify stand here as switches; docs/crm/hubspot.md lists which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.crm.option_values import SHARED, digits, flag, number, read_options

if TYPE_CHECKING:
    from collections.abc import Mapping


class OtherBots(StrEnum):
    """What a chatflow's or an assistant's answer means."""

    SOMEONE = "someone"
    """Somebody answered: the bot leaves the conversation to them, as to a person."""

    NOTED = "noted"
    """It stands in the prompt and stops nothing."""


class ReadBack(StrEnum):
    """From what a written deal is judged."""

    ANSWER = "answer"
    """The answer to the PATCH, where it shows every property that was written; else the deal is read."""

    GET = "get"
    """The deal is always read again: one call more for each change."""


@dataclass(frozen=True, slots=True)
class HubspotOptions:
    """The adapter's settings for one connection.

    `app_id`: the private app's id; messages that it sent are the bot's own.
    `bot_user_id`: the user (not the owner) in whose name the bot writes; must be an agent of the inbox.
    `pipeline_ids`: only deals of these pipelines belong to a chat; empty: of all.
    `tags_property`: the deal property (multiple checkboxes) that stands for tags; HubSpot's deals have none.
    `other_bots`: see OtherBots. `read_back`: see ReadBack.
    `assignment_is_takeover`: a thread that is assigned to another user is theirs.
    `own_domains`: mail domains of the company; a mail from there is an employee's, whatever its direction says.
    `handoff_user_id`: to whom a thread is assigned when the bot hands over; none: nobody.
    `message_limit`: characters of one message [unverified].
    `time_zone`: the account's, by whose midnight the daily limit ends.
    """

    app_id: str
    bot_user_id: str
    pipeline_ids: tuple[str, ...] = ()
    tags_property: str | None = None
    other_bots: OtherBots = OtherBots.SOMEONE
    read_back: ReadBack = ReadBack.ANSWER
    assignment_is_takeover: bool = True
    own_domains: tuple[str, ...] = ()
    handoff_user_id: str | None = None
    message_limit: int = 2000
    time_zone: str = "UTC"

    @property
    def bot_actor(self) -> str:
        """The bot's user as an actor of a thread."""
        return f"A-{self.bot_user_id}"


NOT_OURS = SHARED | {"public_url", "takeover_source"}
"""Options that others read: `option_values.SHARED`, and the webhook's side (hubspot/inbound.py)."""


def hubspot_options(given: Mapping[str, Any]) -> HubspotOptions:
    """Return the settings of a connection. Raises NeedsAttention with the key that is missing, unknown or unusable."""
    needed = {name: given.get(name) or "" for name in ("app_id", "bot_user_id")}
    return read_options(HubspotOptions, {**given, **needed}, _READERS, crm="HubSpot", not_ours=NOT_OURS)


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 (stored JSON)
    names = value.split(",") if isinstance(value, str) else value
    return tuple(str(each).strip().lower() for each in names)


def _ids(value: Any) -> tuple[str, ...]:  # noqa: ANN401 (stored JSON)
    return tuple(str(each).strip() for each in (value.split(",") if isinstance(value, str) else value))


_READERS: Mapping[str, Any] = {
    "app_id": digits,
    "bot_user_id": digits,
    "pipeline_ids": _ids,
    "tags_property": str,
    "other_bots": OtherBots,
    "read_back": ReadBack,
    "assignment_is_takeover": flag,
    "own_domains": _names,
    "handoff_user_id": digits,
    "message_limit": number(20, 65_000),
    "time_zone": str,
}
