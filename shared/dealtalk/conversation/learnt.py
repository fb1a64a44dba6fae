"""What a message whose author is known says about its conversation, for whoever stores that: webhook or responder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from dealtalk.conversation.past import PEOPLE
from dealtalk.conversation.state import chat_item, milliseconds
from dealtalk.messages import Author, normalised_hash

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.conversation.past import Past
    from dealtalk.conversation.state import State
    from dealtalk.conversation.table import Item
    from dealtalk.messages import Chat, InboundMessage


@dataclass(slots=True)
class Learnt:
    """The values that META takes, given META as it was last read; `employee_no` is the newest of a person so far.

    `past`: what the messages are placed among, where they were found in the CRM's history.
    """

    state: State
    past: Past | None = None
    values: dict[str, Any] = field(default_factory=dict)
    takeovers: int = 0
    employee_no: int = field(init=False)
    employee_at: datetime | None = field(init=False)

    def __post_init__(self) -> None:
        self.employee_no = self.state.employee_no
        self.employee_at = self.state.employee_at

    def hear(self, arrival: int, message: InboundMessage, stored_at: datetime) -> None:
        """Take in that the message with this number, stored at that moment, is the customer's or a person's."""
        if message.author is Author.CUSTOMER:
            if arrival > self.values.get("customer_no", self.state.customer_no):
                self.values["customer_no"] = arrival
                self.values["chat"] = chat_item(message.chat)
        elif message.author in PEOPLE:
            # An author that is not known counts as a person: silence can be mended, speaking over a person cannot.
            self.take_over(arrival, stored_at)

    def find(self, arrival: int, message: InboundMessage, past: Past, now: datetime) -> Item:
        """Take in a message that was found, given what was said after it; return the marks of its entry."""
        marks: Item = {"late": past.is_late(message) or None}
        if message.author is Author.CUSTOMER:
            if past.is_settled(message):
                return {**marks, "settled": True}
            self.values["customer_no"] = arrival
            if not past.has_newer_customers(message) or not self.state.chat.chat_id:
                self.values["chat"] = _filled_up(message.chat, self.state.chat)
        elif message.author in PEOPLE:
            covered = past.covers(message)
            self.take_over(arrival if covered is None else covered, min(message.sent_at, now))
        return marks

    def take_over(self, arrival: int, at: datetime) -> None:
        """Let a person lead since `at`: what arrived up to `arrival` needs no answer of the bot."""
        self.takeovers += 1
        self.employee_no = max(arrival, self.employee_no)
        self.values["employee_no"] = self.employee_no or None
        if self.state.resumed_at is not None and self.state.resumed_at >= at:
            return  # Who resumed the bot knew of it.
        self.employee_at = max(at, self.employee_at or at)
        self.values["employee_at"] = milliseconds(self.employee_at)
        if self.state.mode is not Mode.OFF:
            self.values["mode"] = Mode.HUMAN.value

    def is_echo(self, message: InboundMessage) -> bool:
        """Return whether an outgoing message is our own reply coming back.

        A bot's message with the text of a reply that is open or unconfirmed is one. A person's message with that text
        may be one (some accounts show the token's owner as the author): it is provisional, and the commit judges it
        by id.
        """
        text = normalised_hash(message.text)
        waiting, open_ = self.state.unconfirmed, self.state.open_reply
        if waiting is not None and text in waiting.hashes:
            self.values["confirmed"] = max(waiting.turn, self.state.confirmed)
            return True
        if open_ is None or text not in open_.hashes:
            return self.past is not None and self.past.is_our_reply(message)
        if message.author is not Author.BOT:
            self.values["provisional"] = [*self.values.get("provisional", self.state.provisional), message.id]
        self.values["confirmed"] = max(open_.turn, self.state.confirmed)
        return True

    @property
    def judges_the_reply(self) -> bool:
        """Whether it holds only as long as the turn is the same: a commit in this instant would know by id."""
        return "provisional" in self.values or "confirmed" in self.values


def _filled_up(chat: Chat, known: Chat) -> Item:
    """Return a found message's chat, with the ids that the CRM's history leaves out and a webhook named."""
    ids = chat_item(chat)
    if chat.talk_id in {None, known.talk_id}:
        return {**chat_item(known), **ids}
    return {**({} if known.channel is None else {"channel": known.channel}), **ids}
