"""Sending the reply: each part is a guarded step, begun before it is sent, and never sent twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dealtalk.agent.reply import split_reply
from dealtalk.conversation.journal import StepKind, StepState
from dealtalk.conversation.state import OpenReply, State, meta_key
from dealtalk.conversation.timeline import Done, EntryKind
from dealtalk.errors import DealtalkError, OutcomeUnknown
from dealtalk.messages import normalised_hash
from dealtalk.ports import Certainty, SharesReplies

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.conversation.journal import Journal, Step
    from dealtalk.conversation.table import Table
    from dealtalk.messages import Chat
    from dealtalk.ports import Clock, Crm

SEEN_WITHIN_SECONDS = 20
LOOK_EVERY_SECONDS = 1.0
UNCERTAIN = "part of the reply may not have reached the customer"


@dataclass(frozen=True, slots=True)
class Sent:
    """A reply that is out: its text, the vendor's ids of its messages and the way; `last` is its last, unwritten step.

    `uncertain`: the CRM could not say whether it was sent. `unconfirmed`: it must yet be seen in the chat.
    """

    text: str
    ways: tuple[str, ...]
    own_ids: tuple[str, ...]
    last: Step
    uncertain: bool
    unconfirmed: OpenReply | None

    def entry(self) -> Done:
        """Return the reply as the timeline keeps it."""
        return Done(EntryKind.REPLY, "r", self.text, {"own_ids": list(self.own_ids), "way": self.ways[-1]})


@dataclass(slots=True)
class Sending:
    """The reply of one turn, as its journal knows it."""

    table: Table
    crm: Crm
    journal: Journal
    chat: Chat
    clock: Clock

    def is_begun(self) -> bool:
        """Return whether a part of the reply was sent."""
        return bool(self.journal.steps(StepKind.REPLY, StepState.DONE))

    def send(self, text: str, *, before_effect: Callable[[], bool]) -> Sent:
        """Send the text in parts of at most the channel's length; the last part's step is left to the commit.

        Raises Stopped before a part where the guard does not hold, Postponed where another chat's reply is under way
        in the same place, and what the CRM raises.
        """
        return self._send(list(split_reply(text, self.crm.reply_limit)), before_effect)

    def go_on(self) -> Sent:
        """Send the parts that are left of a reply that was begun. Raises as `send`."""
        return self._send(list(self.journal.steps(StepKind.REPLY)[0].data["parts"]), lambda: False)

    def so_far(self) -> Sent:
        """Return the reply as far as it is out; what is left of it is given up."""
        steps = self.journal.steps(StepKind.REPLY, StepState.DONE)
        return self._sent([step.data["text"] for step in steps], steps, uncertain=False)

    def _send(self, parts: list[str], before_effect: Callable[[], bool]) -> Sent:
        steps: list[Step] = []
        for number, text in enumerate(parts):
            step = self.journal.step(f"r{number}")
            if step is None or step.state is not StepState.DONE:
                if steps and not self._is_seen(steps[-1]):
                    return self._sent(parts, steps, uncertain=True)
                fresh = before_effect() if number == 0 else False
                step = self._send_part(parts, number, text, fresh=fresh)
            steps.append(step)
        return self._sent(parts, steps, uncertain=any(step.data.get("uncertain") for step in steps))

    def _send_part(self, parts: list[str], number: int, text: str, *, fresh: bool) -> Step:
        data: dict[str, Any] = {"text": text, "parts": parts}
        opened = OpenReply(self.journal.claim.turn, _hashes(parts), self.clock.now())
        lane = (
            self.crm.reply_lane(self.chat, self.journal.claim.deal_id) if isinstance(self.crm, SharesReplies) else None
        )
        step = self.journal.start(f"r{number}", StepKind.REPLY, data, fresh=fresh, reply=opened, lane=lane)
        try:
            receipt = self.crm.send(self.chat, self.journal.claim.deal_id, text)
        except OutcomeUnknown:
            raise
        except DealtalkError:
            self.journal.cancel(step)
            raise
        came = {"message_id": receipt.message_id, "confirmed": receipt.confirmed, "way": receipt.way}
        if number < len(parts) - 1:
            self.journal.finish(step, came)
        return replace(step, state=StepState.DONE, data={**data, **came})

    def _is_seen(self, step: Step) -> bool:
        """Return whether a part has reached the chat: one that was only queued must be seen before the next is sent."""
        if step.data["confirmed"]:
            return True
        conversation, turn = self.journal.claim.state.conversation, self.journal.claim.turn
        for _ in range(int(SEEN_WITHIN_SECONDS / LOOK_EVERY_SECONDS)):
            item = self.table.read([meta_key(conversation)]).get(meta_key(conversation))
            if State.from_item(conversation, item).confirmed >= turn:
                return True
            self.clock.sleep(LOOK_EVERY_SECONDS)
        asked = self.crm.was_sent(self.chat, self.journal.claim.deal_id, step.data["text"], step.at)
        return asked is Certainty.YES

    def _sent(self, parts: list[str], steps: list[Step], *, uncertain: bool) -> Sent:
        last = steps[-1]
        waiting = None
        if not last.data["confirmed"] and not uncertain:
            waiting = OpenReply(self.journal.claim.turn, _hashes(parts), last.at, parts[0])
        return Sent(
            text=" ".join(step.data["text"] for step in steps),
            ways=tuple(step.data["way"] for step in steps),
            own_ids=tuple(step.data["message_id"] for step in steps if step.data["message_id"]),
            last=last,
            uncertain=uncertain,
            unconfirmed=waiting,
        )


def _hashes(parts: list[str]) -> tuple[str, ...]:
    return tuple(normalised_hash(part) for part in parts)
