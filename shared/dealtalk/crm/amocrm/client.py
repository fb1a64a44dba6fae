"""amoCRM and Kommo as a `ports.Crm`: one adapter, two platforms, the differences in `options.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dealtalk.connections import Auth
from dealtalk.crm.amocrm import additions, changes, deal, schema
from dealtalk.crm.amocrm.api import Api
from dealtalk.crm.amocrm.auth import refresher
from dealtalk.crm.amocrm.history import ChatHistory
from dealtalk.crm.amocrm.options import AmocrmOptions, amocrm_options
from dealtalk.crm.amocrm.record import AccountRecord
from dealtalk.crm.amocrm.sending import Sender
from dealtalk.crm.amocrm.waiting import WaitingBots
from dealtalk.crm.http import BearerHttp, Http
from dealtalk.crm.oauth import OAuthTokens, StaticToken, token_key
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.deals import AddTask, Assign, MoveStage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.oauth import TokenSource
    from dealtalk.crm.registry import Opening
    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty, Receipt


class AmocrmCrm:
    """See `ports.Crm`. Opened for one turn; `calls` counts its requests, `fallbacks` the ways of sending left behind.

    Calls: read_schema 3 (4 with contact fields, more where a list has pages), read_deal 1 (2 with contact),
    update_deal 2, add 1, send 1 by talks and 2 by Salesbot, was_sent and employee_wrote 1, find_deal 0, or 1 by talk.
    """

    def __init__(self, api: Api, options: AmocrmOptions, sender: Sender, *, reply_limit: int) -> None:
        self._api = api
        self._options = options
        self._sender = sender
        self._responsible: dict[str, str | None] = {}
        self.reply_limit = reply_limit

    @property
    def calls(self) -> int:
        """How many requests were sent to the CRM."""
        return self._api.calls

    @property
    def fallbacks(self) -> dict[tuple[str, str], int]:
        """How often a way of sending was left, by way and reason."""
        return dict(self._sender.fallbacks)

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`: the lead that the message names, the talk's, or the contact's only open one."""
        return deal.find_deal(self._api, chat, from_contact=self._options.lead_from_contact)

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        return schema.read_schema(self._api, contact_fields=self._options.contact_fields)

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""
        found = deal.read_deal(self._api, deal_id, with_contact=with_contact)
        self._responsible[deal_id] = found.responsible_id
        return found

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`: the vendor validates whole requests, so it is all or nothing."""
        if any(isinstance(update, Assign | MoveStage) for update in updates):
            self._responsible.pop(deal.id, None)  # a stage's automation may assign too
        return changes.update_deal(self._api, deal, updates, schema, self._options)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`. A task without a person goes to the deal's responsible."""
        responsible = self._responsible.get(deal_id) if isinstance(addition, AddTask) else None
        return additions.add(self._api, deal_id, addition, self._options, responsible)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        return additions.was_added(self._api, deal_id, addition, since)

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:
        """See `ports.Crm` and `Sender.send`."""
        return self._sender.send(chat, deal_id, text)

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`: the chat's contact."""
        return additions.contact_place(chat.contact_id) if chat.contact_id else None

    def reply_lane(self, chat: Chat, deal_id: str | None) -> str | None:
        """See `ports.SharesReplies`: a Salesbot sends what stands in the lead's field, whichever chat it is for."""
        return self._sender.lane(chat, deal_id)

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:
        """See `ports.Crm` and `Sender.was_sent`."""
        return self._sender.was_sent(chat, deal_id, text, since)

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`. The CRM keeps whole seconds: a message in the very second of `since` counts as earlier."""
        seen = self._sender.history.outgoing(chat, chat.deal_id, since)
        return seen is not None and any(each.by_person and each.at > since for each in seen.messages)

    def leave_to_person(self, chat: Chat) -> None:
        """Do nothing: amoCRM has no such thing; the note and the task tell the person."""


def open_crm(connection: Connection, opening: Opening) -> AmocrmCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = amocrm_options(connection.options)
    history = _chat_history(connection, opening, options)
    sender = Sender(
        history.api,
        options,
        history,
        connection.partition,
        history.ways,
        WaitingBots(opening.table, opening.clock, connection),
        opening.on_fallback,
        fallbacks={},
    )
    return AmocrmCrm(history.api, options, sender, reply_limit=options.limit(opening.channel))


def open_history(connection: Connection, opening: Opening) -> AccountRecord:
    """Return the account's record of messages. Raises NeedsAttention where its settings are unusable."""
    options = amocrm_options(connection.options)
    talks = _chat_history(connection, opening, options)
    return AccountRecord(talks.api, connection, options, talks, opening.clock)


def _chat_history(connection: Connection, opening: Opening, options: AmocrmOptions) -> ChatHistory:
    http = Http(connection.api_base, seconds_left=opening.seconds_left, before_call=opening.before_call)
    signed = BearerHttp(http, token_source(connection, opening, http, options))
    host = urlsplit(connection.api_base).netloc
    api = Api(signed, host=host, account=connection.account, cooldown=options.cooldown_seconds)
    return ChatHistory(api, options, connection.partition, opening.reply_ways or ReplyWays(opening.clock))


def token_source(connection: Connection, opening: Opening, http: Http, options: AmocrmOptions) -> TokenSource:
    """Return the connection's token: the long-lived one of its secret, or OAuth's pair under its lease."""
    if connection.auth is Auth.TOKEN:
        return StaticToken(opening.secrets, connection.secret)
    return OAuthTokens(
        opening.table,
        token_key(connection.crm, connection.account),
        clock=opening.clock,
        exchange=refresher(http, opening.secrets, connection.secret, opening.clock, options.cooldown_seconds),
        seconds_left=opening.seconds_left,
    )
