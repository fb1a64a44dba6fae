"""GetCourse as a `ports.Crm`: the custom channel for what is said, the import API for what is done to orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.custom.callback import open_callback
from dealtalk.crm.custom.channel import Channel
from dealtalk.crm.custom.client import CustomCrm
from dealtalk.crm.custom.deal_store import DealStore
from dealtalk.crm.custom.options import custom_options
from dealtalk.crm.getcourse.importing import ImportApi
from dealtalk.crm.getcourse.options import NAMES, getcourse_options
from dealtalk.crm.getcourse.orders import Orders, import_key
from dealtalk.crm.http import Http

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk.crm.registry import Opening


def open_crm(connection: Connection, opening: Opening) -> CustomCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = custom_options(connection.options, also=NAMES)
    callback = open_callback(connection, opening, options)
    channel = Channel(callback, opening.table, opening.clock, connection, options)
    api = open_import(connection, opening)
    orders = Orders(api, DealStore(opening.table, opening.clock, connection), getcourse_options(connection.options))
    return CustomCrm(channel, orders, lambda: callback.calls + api.calls)


def open_import(connection: Connection, opening: Opening) -> ImportApi:
    """Return the account's import API. Raises NeedsAttention where its address is unusable."""
    http = Http(
        connection.api_base,
        seconds_left=opening.seconds_left,
        before_call=opening.before_call,
        public_only=True,
    )
    return ImportApi(http, lambda: import_key(dict(opening.secrets.read(connection.secret))))
