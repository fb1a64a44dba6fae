"""What a connection to a CRM of one's own can be told in its `options`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.crm.http import checked_base
from dealtalk.crm.option_values import SHARED, number, read_options
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Mapping


class Ability(StrEnum):
    """What the receiver understands beside `new_messages`; it says so in its answer to `test_request`."""

    DEAL_CHANGES = "deal_changes"
    """It carries changes out, knows an event by its id when it comes again, and answers what came of each."""

    DEAL_REQUEST = "deal_request"
    """It tells a deal's present state and what may be chosen, when it is asked."""

    EVENT_STATUS = "event_status"
    """It tells which events it has taken, by their ids."""

    PERSON_NEEDED = "person_needed"
    """It lets a person know that a chat is theirs now."""


@dataclass(frozen=True, slots=True)
class CustomOptions:
    """The adapter's settings for one connection.

    `callback_url`: where events are posted, https (http on this machine only), without a query.
    `supports`: the receiver's abilities.
    `message_limit`: characters of one message.
    `message_sender`: who a reply is said to be from, as the protocol names it.
    """

    callback_url: str
    supports: frozenset[Ability] = frozenset({Ability.PERSON_NEEDED})
    message_limit: int = 2_000
    message_sender: str = "ai"

    @property
    def callback_base(self) -> str:
        """The address of the receiver's host."""
        return split_callback(self.callback_url)[0]

    @property
    def callback_path(self) -> str:
        """The path on that host."""
        return split_callback(self.callback_url)[1]


NOT_OURS = SHARED | {"token_sha256", "takeover_source"}
"""Options that others read: `option_values.SHARED`, the webhook's side (custom/inbound.py), and the core."""


def custom_options(given: Mapping[str, Any], also: frozenset[str] = frozenset()) -> CustomOptions:
    """Return the settings of a connection; `also` names options of an adapter that sends through this one.

    Raises NeedsAttention with the key that is unknown, is missing or cannot be read.
    """
    if not given.get("callback_url"):
        msg = "the connection names no callback_url"
        raise NeedsAttention(msg)
    return read_options(CustomOptions, given, _READERS, crm="a CRM of one's own", not_ours=NOT_OURS | also)


def split_callback(url: str) -> tuple[str, str]:
    """Return the host's address and the path of a callback URL. Raises ValueError for anything that is not both."""
    parts = urlsplit(url)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
    if parts.query or parts.fragment or url != base + parts.path:
        msg = "a callback URL has no query and no fragment"
        raise ValueError(msg)
    return checked_base(base), path


def _callback(value: object) -> str:
    url = str(value)
    split_callback(url)
    return url


def _abilities(value: object) -> frozenset[Ability]:
    names = value.split(",") if isinstance(value, str) else value
    return frozenset(Ability(str(name).strip()) for name in names if str(name).strip())  # type: ignore[attr-defined]  # TypeError is the answer


def _sender(value: object) -> str:
    if value not in {"ai", "employee"}:
        raise ValueError
    return str(value)


_READERS: Mapping[str, Any] = {
    "callback_url": _callback,
    "supports": _abilities,
    "message_limit": number(20, 20_000),
    "message_sender": _sender,
}
