"""The account's webhook subscriptions: ours among them, registered, repaired and removed.

Follows crm_platform/webhooks-api: a subscription's key is its destination, and posting one that exists updates it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.connections import connection_id
from dealtalk.crm.amocrm.api import embedded
from dealtalk.crm.amocrm.errors import Refused
from dealtalk_cli.errors import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dealtalk_cli.amocrm.account import AmocrmAccount

PATH = "/api/v4/webhooks"
MESSAGE = "add_message"
OUTGOING = "add_outgoing_message"
WANTED = (MESSAGE, OUTGOING)
MOST_TRIES = 6


@dataclass(frozen=True, slots=True)
class Hook:
    """A subscription. Its destination may hold a key: it is never printed but by `connect`."""

    destination: str
    events: tuple[str, ...]
    disabled: bool

    @property
    def key(self) -> str:
        """The last part of the path, in ours the connection's key."""
        return urlsplit(self.destination).path.rstrip("/").rpartition("/")[2]

    @property
    def connection(self) -> str:
        """The id of the connection that this would be, if it is one of ours."""
        return connection_id(self.key)


def hooks(account: AmocrmAccount) -> list[Hook]:
    """Return all subscriptions of the account. Raises Trouble."""
    with account.doing("to show its webhooks", what="admin"):
        rows = embedded(account.api.get(PATH) or {}, "webhooks")
    return [
        Hook(str(row.get("destination", "")), tuple(map(str, row.get("settings") or ())), bool(row.get("disabled")))
        for row in rows
    ]


def own(found: Iterable[Hook], connection: str, api_url: str) -> Hook | None:
    """Return the connection's subscription; one that leads to this API comes before one that leads elsewhere."""
    mine = [hook for hook in found if hook.connection == connection]
    mine.sort(key=lambda hook: not leads_here(hook, api_url))
    return mine[0] if mine else None


def leads_here(hook: Hook, api_url: str) -> bool:
    """Return whether the subscription is one of this stack's."""
    return hook.destination.startswith(f"{api_url}/amocrm/")


def subscribe(account: AmocrmAccount, destination: str, found: Iterable[Hook]) -> Hook | None:
    """Make sure that messages are sent to `destination` and return the subscription as the account then shows it.

    `found` are the account's subscriptions as they were just read.
    Asks for both events, for less where the account refuses one, and takes none away that is there already (a person
    may have ticked in the page what the API refuses). None: it is not there, since the API takes no message event.
    Raises Trouble.
    """
    present = _at(found, destination)
    have = present.events if present else ()
    events = [*have, *(event for event in WANTED if event not in have)]
    for _ in range(MOST_TRIES):
        if not set(events) - set(have) and present and not present.disabled:
            return present
        if MESSAGE not in events:
            return present
        refused = _post(account, destination, events)
        if not refused:
            return _enabled(account, destination, events)
        events = [event for event in events if event not in refused]
        if refused & set(have):
            return present
    return present


def remove(account: AmocrmAccount, destination: str) -> None:
    """Remove a subscription; one that is not there is as good. Raises Trouble."""
    with account.doing("to remove the webhook", what="webhook"):
        try:
            account.api.write("DELETE", PATH, {"destination": destination})
        except Refused as refused:
            if refused.status != 404:  # noqa: PLR2004 (Not Found)
                raise


def _at(found: Iterable[Hook], destination: str) -> Hook | None:
    return next((hook for hook in found if hook.destination == destination), None)


def _post(account: AmocrmAccount, destination: str, events: Sequence[str]) -> set[str]:
    """Subscribe and return the events that the account refuses, none where it took them all."""
    with account.doing("the webhook", what="webhook"):
        try:
            account.api.write("POST", PATH, {"destination": destination, "settings": list(events)})
        except Refused as refused:
            if any("destination" in complaint.path for complaint in refused.complaints):
                raise Trouble(
                    f"{account.product} does not accept the webhook's address",
                    "It must be reachable from outside, by https, on a host in Latin letters: see --api-url.",
                ) from None
            named = {event for complaint in refused.complaints for event in _named(complaint.path, events)}
            if not named and len(events) > 1 and events[-1] in WANTED:
                named = {events[-1]}
            if not named and events == [MESSAGE]:
                named = {MESSAGE}
            if not named:
                raise
            return named
    return set()


def _named(path: str, events: Sequence[str]) -> list[str]:
    name, _, index = path.rpartition(".")
    number = int(index) if name.endswith("settings") and index.isascii() and index.isdigit() else -1
    return [events[number]] if 0 <= number < len(events) else []


def _enabled(account: AmocrmAccount, destination: str, events: Sequence[str]) -> Hook | None:
    """Return the subscription, made anew where an update leaves it switched off."""
    shown = _at(hooks(account), destination)
    if shown is None or not shown.disabled:
        return shown
    remove(account, destination)
    _post(account, destination, events)
    return _at(hooks(account), destination)
