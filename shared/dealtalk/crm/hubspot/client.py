"""HubSpot as a `ports.Crm`: deals of the CRM, threads of the Conversations inbox. Plain HTTPS, no SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.http import BearerHttp, Http
from dealtalk.crm.hubspot import additions
from dealtalk.crm.hubspot.api import Api
from dealtalk.crm.hubspot.changes import Changes
from dealtalk.crm.hubspot.deal import Deals
from dealtalk.crm.hubspot.options import hubspot_options
from dealtalk.crm.hubspot.schema import read_fields, read_schema
from dealtalk.crm.hubspot.threads import Threads
from dealtalk.crm.oauth import StaticToken
from dealtalk.deals import AddTask, Assign, MoveStage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.hubspot.options import HubspotOptions
    from dealtalk.crm.registry import Opening
    from dealtalk.deals import ChangeResult, Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty, Clock, ReadMessages, Receipt


class HubspotCrm:
    """See `ports.Crm` and `ports.MessageReader`. Opened for one turn; `calls` counts its requests.

    Calls: read_messages 2 (1 more for each mail that the list shows cut), find_deal 2, read_deal 1 (none for the deal
    that was just found), update_deal 1, add 1, send 1, was_sent and employee_wrote 1, was_added 2, read_schema 4.
    Only those properties of a deal come back that are asked for: `known_schema` names them, else they are read first.
    """

    def __init__(
        self,
        connection: Connection,
        api: Api,
        options: HubspotOptions,
        clock: Clock,
        known_schema: Callable[[], DealSchema | None] | None = None,
    ) -> None:
        self._known_schema = known_schema
        self._api = api
        self._options = options
        self._clock = clock
        self._threads = Threads(api, options, connection.crm, connection.account)
        self._deals: Deals | None = None
        self._responsible: dict[str, str | None] = {}
        self.reply_limit = options.message_limit

    @property
    def calls(self) -> int:
        """How many requests were sent to the CRM."""
        return self._api.calls

    @property
    def deals(self) -> Deals:
        """The portal's deals."""
        if self._deals is None:
            known = self._known_schema() if self._known_schema else None
            self._deals = Deals(self._api, self._options, known.fields if known else read_fields(self._api))
        return self._deals

    def read_messages(self, chat: Chat, ids: Sequence[str]) -> ReadMessages:
        """See `ports.MessageReader`."""
        return self._threads.read(chat, ids)

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`: the newest open deal of the thread's contact in the configured pipelines."""
        return self.deals.find(chat) if chat.deal_id or chat.contact_id else None

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        fields = read_fields(self._api)
        if self._deals is not None:
            self._deals.fields = fields
        return read_schema(self._api, fields)

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""
        found = self.deals.read(deal_id, with_contact=with_contact)
        self._responsible[deal_id] = found.responsible_id
        return found

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`: the vendor validates whole requests, so it is all or nothing."""
        if any(isinstance(update, Assign | MoveStage) for update in updates):
            self._responsible.pop(deal.id, None)  # a workflow may assign too
        return Changes(self._api, self._options, self.deals).update(deal, updates, schema)

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`. A task without a person goes to the owner of the deal, or of the contact."""
        responsible = None
        if isinstance(addition, AddTask) and addition.person_id is None:
            responsible = self._owner(deal_id)
        return additions.add(self._api, deal_id, addition, responsible, self._clock)

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`: with the thread's contact."""
        return f"{additions.CONTACT}{chat.contact_id}" if chat.contact_id else None

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:  # noqa: ARG002 (the port's)
        """See `ports.Crm`."""
        return additions.was_added(self._api, deal_id, addition)

    def _owner(self, place: str) -> str | None:
        kind, object_id = additions.whose(place)
        if kind == "contacts":
            return self.deals.owner_of_contact(object_id)
        known = self._responsible
        return known[place] if place in known else self.read_deal(place).responsible_id

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:  # noqa: ARG002 (the port's)
        """See `ports.Crm` and `Threads.send`."""
        return self._threads.send(chat, text)

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:  # noqa: ARG002 (the port's)
        """See `ports.Crm` and `Threads.was_sent`."""
        return self._threads.was_sent(chat, text, since)

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`."""
        return self._threads.employee_wrote(chat, since)

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm`: the thread is assigned to the configured user, where there is one."""
        if self._options.handoff_user_id is not None:
            self._threads.leave_to(chat, self._options.handoff_user_id)


def open_crm(connection: Connection, opening: Opening) -> HubspotCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = hubspot_options(connection.options)
    http = Http(connection.api_base, seconds_left=opening.seconds_left, before_call=opening.before_call)
    signed = BearerHttp(http, StaticToken(opening.secrets, connection.secret))
    api = Api(signed, opening.clock, time_zone=options.time_zone)
    return HubspotCrm(connection, api, options, opening.clock, opening.known_schema)
