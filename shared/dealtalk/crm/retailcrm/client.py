"""RetailCRM (Simla) as a `ports.Crm` and a `ports.History`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.http import Http
from dealtalk.crm.retailcrm import additions, changes, deal
from dealtalk.crm.retailcrm.api import API_KEY, BOT_TOKEN, Host, MgApi, V5Api
from dealtalk.crm.retailcrm.history import MessageList
from dealtalk.crm.retailcrm.options import retailcrm_options
from dealtalk.crm.retailcrm.schema import read_schema
from dealtalk.crm.retailcrm.sending import Chats
from dealtalk.deals import AddNote

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.registry import Opening
    from dealtalk.crm.retailcrm.api import Json
    from dealtalk.crm.retailcrm.options import RetailcrmOptions
    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty, Receipt


class RetailcrmCrm:
    """See `ports.Crm` and `ports.NotesWithoutDeal`. Opened for one turn; `calls` counts its requests to both hosts.

    Calls: find_deal 2, read_deal 1 (0 just after find_deal found the order), read_schema 6, update_deal 2 (3 with
    tags), add 1 (a note 2, since it is put below the comment as it is now), send and was_sent 1, employee_wrote and
    leave_to_person 2. The schema's six come first where nobody remembers a schema: orders show codes.
    """

    def __init__(
        self,
        v5: V5Api,
        chats: Chats,
        options: RetailcrmOptions,
        *,
        reply_limit: int,
        known_schema: Callable[[], DealSchema | None] | None = None,
    ) -> None:
        self._v5 = v5
        self._chats = chats
        self._options = options
        self._known_schema = known_schema
        self._schema: DealSchema | None = None
        self._rows: dict[str, Json] = {}
        self._unread: set[str] = set()
        self._schema_is_new = False
        self.reply_limit = reply_limit

    @property
    def calls(self) -> int:
        """How many requests were sent to the CRM."""
        return self._v5.calls + self._chats.mg.calls

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`: the order of the chat's dialog, else of its customer."""
        if chat.deal_id:
            return chat.deal_id
        row = deal.find_order(self._v5, chat, self._codes, self._options.order_choice)
        if row is None:
            return None
        order_id = str(row["id"])
        self._rows[order_id] = row
        self._unread.add(order_id)
        return order_id

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        if self._schema is None or not self._schema_is_new:
            self._schema = read_schema(self._v5, self._options)
        self._schema_is_new = False
        return self._schema

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""
        if deal_id in self._unread:
            self._unread.discard(deal_id)
        else:
            self._rows[deal_id] = deal.read_order(self._v5, deal_id)
        return deal.deal_of(self._rows[deal_id], self._codes(), self._options.zone, with_contact=with_contact)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`: the order's edit is all or nothing, tags are their own request behind it."""
        if not updates:
            return []
        row = self._row(deal.id)
        self._schema = schema

        def read_back() -> Deal:
            return self.read_deal(deal.id)

        return changes.update_deal(self._v5, row, deal, updates, schema, self._options, read_back)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`."""
        row = self._row(deal_id, fresh=isinstance(addition, AddNote))
        return additions.add(self._v5, row, addition, self._options)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:  # noqa: ARG002 (the port's)
        """See `ports.Crm`. The marker alone decides, so that no time is needed."""
        row = self._row(deal_id, fresh=isinstance(addition, AddNote))
        return additions.was_added(self._v5, row, addition, self._options)

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:  # noqa: ARG002 (the port's)
        """See `ports.Crm` and `Chats.send`."""
        return self._chats.send(chat, text)

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:  # noqa: ARG002 (the port's)
        """See `ports.Crm` and `Chats.was_sent`."""
        return self._chats.was_sent(chat, text, since)

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`: a person wrote, or was made responsible for the dialog."""
        return self._chats.person_wrote(chat, since)

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`: the chat's customer."""
        return additions.customer_place(chat.contact_id) if chat.contact_id else None

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm` and `Chats.leave_to_person`."""
        self._chats.leave_to_person(chat)

    def _row(self, deal_id: str, *, fresh: bool = False) -> Json:
        """Return the order's object as it was read last; `fresh`: as it is now."""
        if deal_id.startswith(additions.CUSTOMER):
            return additions.customer_row(self._v5, deal_id)
        if fresh or deal_id not in self._rows:
            self._rows[deal_id] = deal.read_order(self._v5, deal_id)
        self._unread.discard(deal_id)
        return self._rows[deal_id]

    def _codes(self) -> DealSchema:
        """Return a schema to read codes by: the remembered one, else the account's own."""
        if self._schema is None and self._known_schema is not None:
            self._schema = self._known_schema()
        if self._schema is None:
            self._schema = read_schema(self._v5, self._options)
            self._schema_is_new = True
        return self._schema


def open_crm(connection: Connection, opening: Opening) -> RetailcrmCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = retailcrm_options(connection.options)
    v5, mg = hosts(connection, opening, options)
    return RetailcrmCrm(
        v5,
        Chats(mg, options, opening.clock),
        options,
        reply_limit=options.limit(opening.channel),
        known_schema=opening.known_schema,
    )


def open_history(connection: Connection, opening: Opening) -> MessageList:
    """Return the account's messages. Raises NeedsAttention where its settings are unusable."""
    options = retailcrm_options(connection.options)
    _, mg = hosts(connection, opening, options)
    return MessageList(mg, connection, options, opening.clock)


def hosts(connection: Connection, opening: Opening, options: RetailcrmOptions) -> tuple[V5Api, MgApi]:
    """Return the account's two hosts, each with its own key of the connection's one secret."""

    def host(base: str, key: str, header: str) -> Host:
        http = Http(base, seconds_left=opening.seconds_left, before_call=opening.before_call)
        return Host(http, opening.secrets, connection.secret, key, header)

    return (
        V5Api(host(connection.api_base, API_KEY, "X-API-KEY")),
        MgApi(host(options.mg_url, BOT_TOKEN, "X-Bot-Token")),
    )
