"""A CRM of one's own as a `ports.Crm`: replies and events through its callback, deals from where they are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dealtalk.crm.custom.callback import open_callback
from dealtalk.crm.custom.channel import Channel
from dealtalk.crm.custom.deal_store import DealStore
from dealtalk.crm.custom.options import Ability, custom_options
from dealtalk.crm.custom.own_deals import OwnDeals, addition_id
from dealtalk.deals import ChangeResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.crm.custom.own_deals import Deals
    from dealtalk.crm.registry import Opening
    from dealtalk.deals import Deal, DealAddition, DealSchema, DealUpdate
    from dealtalk.messages import Chat
    from dealtalk.ports import Certainty, Receipt


CHAT = "chat:"
"""What stands before a chat's id in the place of a deal's: notes and tasks of a chat without a deal."""

NOBODY = "The CRM does not let a person know of this chat."


class CustomCrm:
    """See `ports.Crm` and `ports.NotesWithoutDeal`. Opened for one turn; `calls` counts its requests.

    `deals` may be another program's than the chats: see `Deals`. A chat without a deal has no place for notes, so what
    a person is to know of it (without a deal the bot writes nothing else) goes with `person_needed`.
    """

    def __init__(self, channel: Channel, deals: Deals, calls: Callable[[], int]) -> None:
        self._channel = channel
        self._deals = deals
        self._calls = calls
        self._called: set[str] = set()

    @property
    def calls(self) -> int:
        """How many requests were sent to the CRM."""
        return self._calls()

    @property
    def reply_limit(self) -> int:
        """See `ports.Crm`."""
        return self._channel.options.message_limit

    def find_deal(self, chat: Chat) -> str | None:
        """See `ports.Crm`."""
        return self._deals.find_deal(chat)

    def read_schema(self) -> DealSchema:
        """See `ports.Crm`."""
        return self._deals.read_schema()

    def read_deal(self, deal_id: str, *, with_contact: bool = False) -> Deal:
        """See `ports.Crm`."""
        return self._deals.read_deal(deal_id, with_contact=with_contact)

    def update_deal(self, deal: Deal, updates: Sequence[DealUpdate], schema: DealSchema) -> list[ChangeResult]:
        """See `ports.Crm`."""
        return self._deals.update_deal(deal, updates, schema) if updates else []

    def add(self, deal_id: str, addition: DealAddition) -> ChangeResult:
        """See `ports.Crm`."""
        if not deal_id.startswith(CHAT):
            return self._deals.add(deal_id, addition)
        chat_id = deal_id.removeprefix(CHAT)
        event_id = addition_id(deal_id, addition)
        if not self._channel.call_person(chat_id, event_id, addition.text):
            return ChangeResult(addition, applied=False, refusal=NOBODY)
        self._called.add(chat_id)
        return ChangeResult(addition, applied=True, new=addition.text, created_id=event_id)

    def was_added(self, deal_id: str, addition: DealAddition, since: datetime) -> Certainty:
        """See `ports.Crm`."""
        if deal_id.startswith(CHAT):
            return self._channel.was_taken(addition_id(deal_id, addition))
        return self._deals.was_added(deal_id, addition, since)

    def place_for_notes(self, chat: Chat) -> str | None:
        """See `ports.NotesWithoutDeal`."""
        return CHAT + chat.chat_id if Ability.PERSON_NEEDED in self._channel.options.supports else None

    def send(self, chat: Chat, deal_id: str | None, text: str) -> Receipt:  # noqa: ARG002 (the chat is enough)
        """See `ports.Crm`."""
        return self._channel.send(chat, text)

    def was_sent(self, chat: Chat, deal_id: str | None, text: str, since: datetime) -> Certainty:  # noqa: ARG002 (as above)
        """See `ports.Crm`."""
        return self._channel.was_sent(chat, text, since)

    def employee_wrote(self, chat: Chat, since: datetime) -> bool:
        """See `ports.Crm`."""
        return self._channel.employee_wrote(chat, since)

    def leave_to_person(self, chat: Chat) -> None:
        """See `ports.Crm`: once is enough where this turn has told a person already."""
        if chat.chat_id not in self._called:
            self._channel.leave_to_person(chat)


def open_crm(connection: Connection, opening: Opening) -> CustomCrm:
    """Return the adapter for this connection. Raises NeedsAttention where its settings are unusable."""
    options = custom_options(connection.options)
    callback = open_callback(connection, opening, options)
    channel = Channel(callback, opening.table, opening.clock, connection, options)
    deals = OwnDeals(callback, channel, DealStore(opening.table, opening.clock, connection), options)
    return CustomCrm(channel, deals, lambda: callback.calls)
