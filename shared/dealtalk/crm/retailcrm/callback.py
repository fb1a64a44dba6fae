"""The module's activity callback: the CRM tells that somebody switched our module off, froze it, or switched it on.

A form with `clientId`, `activity` ({"active": bool, "freeze": bool} as JSON) and `systemUrl`. Only the client id proves
the caller: it is the connection's key, whose hash is the connection's id. The address in `systemUrl` is not followed:
whoever moves the account connects it again. Follows docs.simla.com, integration modules, "activity".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dealtalk.connections import ConnectionState, connection_id
from dealtalk.ingress.events import ParsedEvents
from dealtalk.ingress.signatures import same
from dealtalk.ingress.values import scalar

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connection_store import ConnectionStore
    from dealtalk.connections import Connection
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request

SWITCHED_OFF = "the module was switched off in RetailCRM"
TAKEN = {"success": True}
MAX_ACTIVITY = 1000
_YES = frozenset({"true", "1", "yes", "on"})


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:  # noqa: ARG001 (as every adapter)
    """Return whether the client id is this connection's key."""
    return same(connection_id(scalar(payload.get("clientId"))), connection.id)


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:  # noqa: ARG001 (as every adapter)
    """Return that there are no messages, and the answer that the CRM waits for."""
    return ParsedEvents(ignored={} if activity(payload) is not None else {"unknown_event": 1}, told=TAKEN)


def activity(payload: Payload) -> bool | None:
    """Return whether the module may work; None where the body does not say."""
    given = payload.get("activity")
    if isinstance(given, str) and len(given) <= MAX_ACTIVITY:
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    if not isinstance(given, dict) or "active" not in given:
        return None
    return _yes(given["active"]) and not _yes(given.get("freeze"))


class ActivityKeeper:
    """Writes down whether the account can be worked with."""

    def __init__(self, connections: ConnectionStore) -> None:
        self._connections = connections

    def keep(self, connection: Connection, payload: Payload, events: ParsedEvents) -> None:  # noqa: ARG002 (as `Keep`)
        """Mark the connection as what the CRM says. Raises TableBusy: the CRM is answered 500 then."""
        active = activity(payload)
        if active is False:
            self._connections.needs_attention(connection, SWITCHED_OFF)
        elif active:
            now = self._connections.load(connection.crm, connection.id)
            if now is not None and now.state is ConnectionState.NEEDS_ATTENTION:
                self._connections.recovered(now)


def _yes(value: Any) -> bool:  # noqa: ANN401 (any JSON)
    return value is True or (isinstance(value, str | int) and str(value).lower() in _YES)
