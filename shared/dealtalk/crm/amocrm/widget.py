"""A Salesbot's `widget_request`: the step of a bot that calls us, waits, and goes on with what it is told.

The request brings no message: the account's webhook does, with its id, chat and author. It brings the right to answer
once through the waiting bot, which is kept until a reply is sent (see `sending.Way.WIDGET`).

Follows https://www.amocrm.ru/developers/content/digital_pipeline/salesbot (widget_request) and the vendor's PHP SDK for
the token. Bodies come as JSON, as a form with `data[...]`, or with `data` as one JSON text; only the signed token and
`return_url` are read, since nothing vouches for `data`.

Options of a connection that are read here:
- `client_uuid`: the integration's id; where it is set, tokens of other integrations are refused.
The connection's `signing_secret` is the integration's secret key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dealtalk.crm.amocrm.waiting import WaitingBots, return_path
from dealtalk.ingress.events import ParsedEvents
from dealtalk.ingress.jwt import verified_claims
from dealtalk.ingress.signatures import same
from dealtalk.ingress.values import number_id, scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Table
    from dealtalk.ingress.events import Payload
    from dealtalk.ingress.http import Request
    from dealtalk.ports import Clock

LEADS = frozenset({"2", "lead", "leads"})
INTEGRATION_CLAIMS = ("client_uuid", "client_uid")
"""The integration's id: the first in the SDK, the second in Kommo's pages."""


def authenticate(connection: Connection, request: Request, payload: Payload, now: datetime) -> bool:  # noqa: ARG001 (the protocol's)
    """Return whether the token was signed by this connection's integration, for this account, and is current."""
    return _claims(connection, payload, now) is not None


def parse(connection: Connection, payload: Payload, now: datetime) -> ParsedEvents:
    """Return no messages, and why the request is of no use where it is not: `foreign_return_url`, `no_lead`."""
    claims = _claims(connection, payload, now) or {}
    if _lead(claims) is None:
        return ParsedEvents(ignored={"no_lead": 1})
    if _path(connection, payload) is None:
        return ParsedEvents(ignored={"foreign_return_url": 1})
    return ParsedEvents()


def keeper(table: Table, clock: Clock) -> Callable[[Connection, Payload, ParsedEvents], None]:
    """Return what stores the bot that waits. It raises TableBusy: the bot's call then fails, and the bot ends."""

    def keep(connection: Connection, payload: Payload, events: ParsedEvents) -> None:
        if events.ignored:
            return
        lead, path = _lead(_claims(connection, payload, clock.now()) or {}), _path(connection, payload)
        if lead is not None and path is not None:
            WaitingBots(table, clock, connection).keep(lead, path)

    return keep


def _claims(connection: Connection, payload: Payload, now: datetime) -> Mapping[str, Any] | None:
    token, secret = scalar(payload.get("token")).strip(), connection.signing_secret
    claims = verified_claims(token, secret, now) if secret else None
    if claims is None or not same(scalar(claims.get("account_id")), connection.account):
        return None
    issued_to = next((scalar(claims[name]) for name in INTEGRATION_CLAIMS if scalar(claims.get(name))), "")
    wanted = scalar(connection.options.get("client_uuid"))
    return claims if issued_to and (not wanted or same(issued_to, wanted)) else None


def _lead(claims: Mapping[str, Any]) -> str | None:
    return number_id(claims.get("entity_id")) if scalar(claims.get("entity_type")).lower() in LEADS else None


def _path(connection: Connection, payload: Payload) -> str | None:
    return return_path(connection, scalar(payload.get("return_url")).strip())
