"""What a message whose author is known says about its conversation, for whoever stores that: webhook or responder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dealtalk.connections import Mode
from dealtalk.conversation.state import chat_item, milliseconds
from dealtalk.messages import Author, normalised_hash

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.conversation.state import State
    from dealtalk.messages import InboundMessage


@dataclass(slots=True)
class Learnt:
    """The values that META takes, given META as it was last read; `employee_no` is the newest of a person so far."""

    state: State
    values: dict[str, Any] = field(default_factory=dict)
    takeovers: int = 0
    employee_no: int = field(init=False)

    def __post_init__(self) -> None:
        self.employee_no = self.state.employee_no

    def hear(self, arrival: int, message: InboundMessage, stored_at: datetime) -> None:
        """Take in that the message with this number, stored at that moment, is the customer's or a person's."""
        if message.author is Author.CUSTOMER:
            if arrival > self.values.get("customer_no", self.state.customer_no):
                self.values["customer_no"] = arrival
                self.values["chat"] = chat_item(message.chat)
        elif message.author in (Author.EMPLOYEE, Author.UNKNOWN):
            # An author that is not known counts as a person: silence can be mended, speaking over a person cannot.
            self._take_over(arrival, stored_at)

    def _take_over(self, arrival: int, stored_at: datetime) -> None:
        self.takeovers += 1
        self.employee_no = max(arrival, self.employee_no)
        self.values["employee_no"] = self.employee_no
        if self.state.resumed_at is not None and self.state.resumed_at >= stored_at:
            return  # Who resumed the bot knew of it.
        self.values["employee_at"] = milliseconds(max(stored_at, self.state.employee_at or stored_at))
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
            return False
        if message.author is not Author.BOT:
            self.values["provisional"] = [*self.values.get("provisional", self.state.provisional), message.id]
        self.values["confirmed"] = max(open_.turn, self.state.confirmed)
        return True

    @property
    def judges_the_reply(self) -> bool:
        """Whether it holds only as long as the turn is the same: a commit in this instant would know by id."""
        return "provisional" in self.values or "confirmed" in self.values
