"""From a connection to its adapter. No other place chooses by vendor."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.crm.reply_ways import OnFallback, ReplyWays
    from dealtalk.crm.secrets import Secrets
    from dealtalk.deals import DealSchema
    from dealtalk.ports import Clock, Crm, History

ADAPTERS = {
    "amocrm": "dealtalk.crm.amocrm.client",
    "bitrix24": "dealtalk.crm.bitrix24.client",
    "custom": "dealtalk.crm.custom.client",
    "getcourse": "dealtalk.crm.getcourse.client",
    "hubspot": "dealtalk.crm.hubspot.client",
    "retailcrm": "dealtalk.crm.retailcrm.client",
}
"""CRM name to the module whose `open_crm(connection, opening)` returns the adapter; imported when it is needed."""

HISTORIES = {
    "amocrm": "dealtalk.crm.amocrm.client",
    "bitrix24": "dealtalk.crm.bitrix24.client",
    "retailcrm": "dealtalk.crm.retailcrm.client",
}
"""CRM name to the module whose `open_history(connection, opening)` returns its `ports.History`."""

POLLED = frozenset({"retailcrm"})
"""CRMs whose history is the only way in: a poller of their own reads them, the reconciler leaves them alone."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What an adapter is opened with, for one turn.

    `seconds_left` is the turn's own deadline. `channel` is the chat's channel as its message named it. `reply_ways` is
    the process's memory of ways of sending that do not work; `on_fallback` is told when one is left. `before_call`
    waits until the account's rate allows one more request. `known_schema` returns the account's schema where one is
    remembered: some CRMs show deals in codes that mean nothing without it.
    """

    table: Table
    secrets: Secrets
    clock: Clock
    seconds_left: Callable[[], float]
    channel: str | None = None
    reply_ways: ReplyWays | None = None
    on_fallback: OnFallback | None = None
    before_call: Callable[[], None] | None = None
    known_schema: Callable[[], DealSchema | None] | None = None


def open_crm(connection: Connection, opening: Opening) -> Crm:
    """Return the connection's adapter. Raises NeedsAttention where the CRM is unknown or its settings are unusable."""
    module = ADAPTERS.get(connection.crm)
    if module is None:
        msg = f"no adapter for the CRM {connection.crm}"
        raise NeedsAttention(msg)
    adapter: Crm = import_module(module).open_crm(connection, opening)
    return adapter


def open_history(connection: Connection, opening: Opening) -> History:
    """Return the account's own record. Raises NeedsAttention where it has none or its settings are unusable."""
    module = HISTORIES.get(connection.crm)
    if module is None:
        msg = f"no history for the CRM {connection.crm}"
        raise NeedsAttention(msg)
    history: History = import_module(module).open_history(connection, opening)
    return history
