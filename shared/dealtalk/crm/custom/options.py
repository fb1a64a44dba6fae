"""What a connection to a CRM of one's own can be told in its `options`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dealtalk.crm.http import checked_base
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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


NOT_OURS = frozenset({"token_sha256", "takeover_source", "calls_per_second"})
"""Options that others read: the webhook's side (custom/inbound.py), the core, and the account's rate."""


def custom_options(given: Mapping[str, Any], also: Iterable[str] = ()) -> CustomOptions:
    """Return the settings of a connection; `also` names options of an adapter that sends through this one.

    Raises NeedsAttention with the key that is unknown or cannot be read.
    """
    known = {each.name for each in fields(CustomOptions)}
    own = {name: value for name, value in given.items() if name not in {*NOT_OURS, *also} and value is not None}
    if unknown := sorted(own.keys() - known):
        msg = f"unknown option {unknown[0]} of a connection to a CRM of one's own"
        raise NeedsAttention(msg)
    if "callback_url" not in own:
        msg = "the connection names no callback_url"
        raise NeedsAttention(msg)
    values = {}
    for name, value in own.items():
        try:
            values[name] = _READERS[name](value)
        except (TypeError, ValueError):
            msg = f"option {name} of a connection to a CRM of one's own has an unusable value"
            raise NeedsAttention(msg) from None
    return CustomOptions(**values)


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


def _limit(value: Any) -> int:  # noqa: ANN401 (stored JSON)
    number = int(value)
    if isinstance(value, bool) or not 20 <= number <= 20_000:  # noqa: PLR2004 (a word; what a message may hold)
        raise ValueError
    return number


def _sender(value: object) -> str:
    if value not in {"ai", "employee"}:
        raise ValueError
    return str(value)


_READERS: Mapping[str, Any] = {
    "callback_url": _callback,
    "supports": _abilities,
    "message_limit": _limit,
    "message_sender": _sender,
}
