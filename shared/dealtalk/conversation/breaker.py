"""Circuit breakers: a model endpoint or a CRM account that keeps failing is left alone, then tried by one worker.

A breaker is an item that the wake-up reads anyway; while nothing fails it costs no write.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.conversation.state import milliseconds, moment
from dealtalk.conversation.table import Absent, AnyOf, Compare, ConditionFailed, Item, Key, Table, Update
from dealtalk.messages import short_hash

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection

OPENS_AFTER = 5
"""Failures in a row, over all workers, that open a breaker."""

FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=2)
PROBE = timedelta(seconds=100)
"""How long one worker alone may try; longer than a responder lives."""


def crm_breaker(connection: Connection) -> Key:
    """Return the key of an account's breaker."""
    return (connection.partition, "BREAKER")


def model_breaker(base_url: str, model: str) -> Key:
    """Return the key of a model endpoint's breaker, shared by all connections that use it."""
    return (f"MODEL#{short_hash(f'{base_url}|{model}')}", "BREAKER")


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker as it was read. `item` is empty while nothing has failed since the last success."""

    key: Key
    item: Item

    def rests_until(self, now: datetime) -> datetime | None:
        """Return until when nobody may call; None: closed, or half open."""
        until = self.item.get("open_until")
        return moment(until) if until is not None and moment(until) > now else None

    def may_probe(self, table: Table, now: datetime) -> bool:
        """Return whether this worker may call: always while closed; half open, one worker at a time.

        Raises TableBusy.
        """
        if self.item.get("open_until") is None:
            return True
        free = AnyOf((Absent("probe_until"), Compare("probe_until", "<=", milliseconds(now))))
        try:
            table.write(Update(self.key, {"probe_until": milliseconds(now + PROBE)}, where=(free,)))
        except ConditionFailed:
            return False
        return True

    def failed(self, table: Table, now: datetime) -> datetime | None:
        """Count a failure; return until when everybody rests where this one opened the breaker. Raises TableBusy."""
        item = table.update(Update(self.key, {"probe_until": None}, increments={"failures": 1}))
        if resting := Breaker(self.key, item).rests_until(now):
            return resting
        if item["failures"] < OPENS_AFTER:
            return None
        until = now + min(FIRST_REST * int(2 ** item.get("opened", 0)), LONGEST_REST)
        values = {"open_until": milliseconds(until), "expires_at": int(until.timestamp()) + 86_400}
        table.write(Update(self.key, values, increments={"opened": 1}))
        return until

    def worked(self, table: Table) -> None:
        """Close the breaker after a success; no write where nothing had failed. Raises TableBusy."""
        # It may have been opened by a failure that was counted before another worker's success: then only that is left.
        if self.item.get("failures") or self.item.get("open_until"):
            table.write(Update(self.key, removals=("failures", "open_until", "opened", "probe_until")))
