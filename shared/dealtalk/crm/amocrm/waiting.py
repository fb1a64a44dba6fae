"""Salesbots that wait: a bot's widget step has called us, and goes on when it is told what to say.

Each is an item of its connection, found by the lead; the newest one counts. Only the path of its `return_url` is kept,
checked: with it nothing can be called but the account's own host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.conversation.state import expiry, milliseconds
from dealtalk.conversation.table import Absent, ConditionFailed, Put, Update, equals

if TYPE_CHECKING:
    from datetime import timedelta

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Key, Table
    from dealtalk.ports import Clock

PATH = re.compile(r"/api/v4/(?:salesbot|marketingbot)/[0-9]{1,20}/continue/[A-Za-z0-9_-]{1,64}")
"""What a return_url's path looks like: the bot's number, and that of its waiting."""

VENDORS = ("amocrm.ru", "amocrm.com", "kommo.com")
MAX_URL = 500
KEPT_DAYS = 2


@dataclass(frozen=True, slots=True)
class WaitingBots:
    """The bots that wait in one account. All methods raise TableBusy."""

    table: Table
    clock: Clock
    connection: Connection

    def keep(self, lead: str, path: str) -> None:
        """Remember that a bot waits on this lead, in place of an earlier one."""
        now = self.clock.now()
        item = {"path": path, "since": milliseconds(now), "expires_at": expiry(now, KEPT_DAYS)}
        self.table.write(Put(self._key(lead), item))

    def take(self, lead: str, longest: timedelta) -> str | None:
        """Return the path by which the lead's bot is told to go on, for one caller once; None where none waits."""
        key = self._key(lead)
        item = self.table.read([key]).get(key)
        earliest = milliseconds(self.clock.now() - longest)
        if item is None or "taken" in item or item["since"] < earliest:
            return None
        mine = Update(key, {"taken": True}, where=(equals("path", item["path"]), Absent("taken")))
        try:
            self.table.write(mine)
        except ConditionFailed:
            return None
        return str(item["path"])

    def _key(self, lead: str) -> Key:
        return (self.connection.partition, f"WAITING#{lead}")


def return_path(connection: Connection, url: str) -> str | None:
    """Return the path of a bot's `return_url`; None unless it leads to the connected account, by https, to a bot.

    The account's host is that of `api_base`, or one of its subdomains on any of the vendor's domains: links of Kommo
    accounts still say amocrm.com.
    """
    if len(url) > MAX_URL or not url.isascii():
        return None
    base = connection.api_base.rstrip("/")
    if url.startswith(f"{base}/"):
        path = url.removeprefix(base)
    else:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme != "https" or parts.username or parts.query or parts.fragment or port not in {None, 443}:
            return None
        if parts.hostname not in _hosts(connection):
            return None
        path = parts.path
    return path if PATH.fullmatch(path) else None


def _hosts(connection: Connection) -> set[str]:
    accepted = connection.options.get("accepted_subdomains") or []
    names = [accepted] if isinstance(accepted, str) else list(accepted)
    own = [name for name in [connection.options.get("subdomain"), *names] if name]
    return {f"{str(name).lower()}.{vendor}" for name in own for vendor in VENDORS}
