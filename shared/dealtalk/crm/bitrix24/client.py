"""Bitrix24 as a `ports.Crm`: by an incoming webhook or by a local app, with a bot of either interface."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.connections import Auth
from dealtalk.crm.bitrix24 import additions, changes, deal, schema
from dealtalk.crm.bitrix24.api import Api
from dealtalk.crm.bitrix24.auth import AppDoor, HookDoor, refresher
from dealtalk.crm.bitrix24.chats import Chats
from dealtalk.crm.bitrix24.deal import Deals
from dealtalk.crm.bitrix24.entity import CONTACT
from dealtalk.crm.bitrix24.options import bitrix_options
from dealtalk.crm.bitrix24.record import LinesRecord
from dealtalk.crm.http import Http
from dealtalk.crm.oauth import OAuthTokens, StaticToken, token_key
from dealtalk.deals import Assign, MoveStage
from dealtalk.errors import NeedsAttention

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.bitrix24.auth import Door
    from dealtalk.crm.bitrix24.options import BitrixOptions
    from dealtalk.crm.registry import Opening
    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty, Receipt


class BitrixCrm:
    """See `ports.Crm`. Opened for one turn; `calls` counts its requests.

    Calls: read_schema 2 (more where a list has pages), read_deal 1, update_deal 1, add 1, send 1, was_sent and
    employee_wrote 1 (2 where the message named no session), find_deal 0, or 1 where the message named no deal.
    """

    def __init__(self, api: Api, options: BitrixOptions, chats: Chats, *, reply_limit: int) -> None:
        self._api = api
        self._options = options
        self._chats = chats
        self._deals = Deals(api, options)
        self.reply_limit = reply_limit

    @property
    def calls(self) -> int:
        """How many requests were sent to the CRM."""
        return self._api.calls

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`: the deal that the message names, else the one that the dialog is tied to by now."""
        return deal.find_deal(self._api, chat, self._options)

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        return schema.read_schema(self._api, self._options)

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""
        return self._deals.read(deal_id, with_contact=with_contact)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`: the vendor checks all fields before it writes any."""
        if any(isinstance(update, Assign | MoveStage) for update in updates):
            self._deals.responsible.pop(deal.id, None)  # a stage's automation may assign too
        return changes.update_deal(self._api, self._deals, deal, updates, schema)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`. A task without a person goes to the deal's responsible."""
        return additions.add(self._api, self._deals, deal_id, addition)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        return additions.was_added(self._api, deal_id, addition, since)

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:  # noqa: ARG002 (a chat is enough here)
        """See `ports.Crm` and `Chats.send`."""
        return self._chats.send(chat, text)

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:  # noqa: ARG002 (a chat is enough here)
        """See `ports.Crm` and `Chats.was_sent`."""
        return self._chats.was_sent(chat, text, since)

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm` and `Chats.person_leads`."""
        return self._chats.person_leads(chat, since)

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`: the dialog's lead, else its contact."""
        return chat.route or (CONTACT + chat.contact_id if chat.contact_id else None)

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm` and `Chats.leave_to_person`."""
        self._chats.leave_to_person(chat)


def open_crm(connection: Connection, opening: Opening) -> BitrixCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = bitrix_options(connection.options)
    api = open_api(connection, opening, options)
    chats = Chats(api, options, bot_token(connection, opening))
    return BitrixCrm(api, options, chats, reply_limit=options.limit(opening.channel))


def open_history(connection: Connection, opening: Opening) -> LinesRecord:
    """Return the portal's own record. Raises NeedsAttention where the connection's settings are unusable."""
    api = open_api(connection, opening, bitrix_options(connection.options))
    return LinesRecord(api, connection, opening.clock)


def open_api(connection: Connection, opening: Opening, options: BitrixOptions) -> Api:
    """Return the portal's interface, entered by the connection's own way."""
    http = Http(connection.api_base, seconds_left=opening.seconds_left, before_call=opening.before_call)
    host = urlsplit(connection.api_base).netloc
    return Api(http, door(connection, opening, options), host=host, cooldown=options.cooldown_seconds)


def door(connection: Connection, opening: Opening, options: BitrixOptions) -> Door:
    """Return how calls are signed in: the incoming webhook of the secret, or OAuth's pair under its lease."""
    if connection.auth is Auth.TOKEN:
        return HookDoor(StaticToken(opening.secrets, connection.secret))
    server = Http(options.oauth_base, seconds_left=opening.seconds_left)
    member_id = str(connection.options.get("member_id") or connection.account)
    tokens = OAuthTokens(
        opening.table,
        token_key(connection.crm, connection.account),
        clock=opening.clock,
        exchange=refresher(server, opening.secrets, connection.secret, opening.clock, member_id),
        seconds_left=opening.seconds_left,
    )
    return AppDoor(tokens)


def bot_token(connection: Connection, opening: Opening) -> str | None:
    """Return what the bot's calls are signed in with beside the webhook; None for an app. Raises NeedsAttention."""
    if connection.auth is not Auth.TOKEN:
        return None
    token = opening.secrets.read(connection.secret).get("bot_token")
    if not token:
        msg = "the connection's secret holds no bot_token"
        raise NeedsAttention(msg)
    return token
