"""The turn's journal: each LLM answer and each effect is a step, `started` before it happens and `done` after.

A step's start is one transaction with the guard: it is written only while the mode, the employee's number, the deal
and the fence are those that this worker claimed with, and, where asked, while no newer message of the customer has
come. So no effect begins after a person spoke, and none is begun by a worker that was overtaken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dealtalk.conversation import reply_lane
from dealtalk.conversation.state import (
    KEEP_CONVERSATION_DAYS,
    OpenReply,
    State,
    expiry,
    meta_key,
    milliseconds,
    moment,
    turn_key,
)
from dealtalk.conversation.table import Absent, Check, Condition, ConditionFailed, Item, Table, Update, Write, equals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from dealtalk.connections import Mode
    from dealtalk.conversation.timeline import Done
    from dealtalk.ports import Clock

STEP = "step_"
HEARINGS = 5
"""How often one effect waits for what was just said to be read; then the doorbell rings again."""

FORGOTTEN = "forgotten"
"""The attribute of a turn whose conversation was forgotten: a worker that still holds it writes nothing more."""


class StepKind(StrEnum):
    """What a step is. An `ANSWER` is the model's and needs no start; the others are effects."""

    ANSWER = "answer"
    UPDATE = "update"
    ADDITION = "addition"
    REPLY = "reply"


class StepState(StrEnum):
    """How far a step is.

    `CANCELLED` steps did not happen and may be started again. `UNSEEN`: sent, not yet seen in the chat.
    """

    STARTED = "started"
    DONE = "done"
    CANCELLED = "cancelled"


class Stopped(Exception):
    """The guard did not hold: this worker may start nothing more in this turn."""


class FenceLost(Stopped):
    """Another worker claimed the conversation, or it was forgotten."""


class TakenOver(Stopped):
    """A person wrote, or the mode was changed."""


class Unread(Stopped):
    """Something was said of which neither author nor text are known yet."""


class Superseded(Stopped):
    """The customer wrote again: the answer would be stale."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the turn; `data` is the step's own (an answer, changes and their results, a part of the reply)."""

    name: str
    kind: StepKind
    state: StepState
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_item(self) -> Item:
        """Return the attribute's value."""
        return {
            "kind": self.kind.value,
            "state": self.state.value,
            "at": milliseconds(self.at),
            "data": dict(self.data),
        }

    @classmethod
    def from_item(cls, name: str, item: Mapping[str, Any]) -> Step:
        """Return the step of an attribute's value."""
        return cls(name, StepKind(item["kind"]), StepState(item["state"]), moment(item["at"]), item["data"])


@dataclass(frozen=True, slots=True)
class Claim:
    """What this worker claimed the conversation with. `seen` is the newest customer's message that the turn answers."""

    state: State
    turn: int
    fence: int
    seen: int
    mode: Mode | None
    deal_id: str | None

    def guard(self, *, fresh: bool, heard: bool = True) -> tuple[Condition, ...]:
        """Return the conditions on META under which an effect may start.

        `fresh`: only while the customer has written nothing newer. `heard`: only while the author of everything that
        was said is known.
        """
        conditions = [
            equals("fence", self.fence),
            equals("mode", self.mode.value if self.mode else None),
            equals("employee_no", self.state.employee_no or None),
            equals("deal_id", self.deal_id),
        ]
        if heard:
            conditions.append(equals("pending_no", self.state.read_no or None))
        if fresh:
            conditions.append(equals("customer_no", self.seen))
        return tuple(conditions)

    def why_stopped(self, old: Item) -> Stopped:
        """Return which part of the guard did not hold in the META item `old`."""
        now = State.from_item(self.state.conversation, old)
        if now.fence != self.fence or now.deal_id != self.deal_id:
            return FenceLost()
        if now.mode != self.mode or now.employee_no != self.state.employee_no:
            return TakenOver()
        return Unread() if now.pending_no != self.state.read_no else Superseded()


class Journal:
    """The steps of one turn of one conversation, written under the worker's claim.

    `polled_at`: when the CRM was asked about employees' messages, and there were none; the commit writes it. `hear`
    reads what was said without author and text, and returns the conversation as it then stands.
    """

    def __init__(
        self,
        table: Table,
        clock: Clock,
        claim: Claim,
        item: Item | None,
        hear: Callable[[Journal], State] | None = None,
    ) -> None:
        self.claim = claim
        self._hear = hear
        self.polled_at: datetime | None = None
        self._table = table
        self._clock = clock
        self._steps = {
            name.removeprefix(STEP): Step.from_item(name.removeprefix(STEP), value)
            for name, value in (item or {}).items()
            if name.startswith(STEP)
        }
        self._held: list[Step] = []

    def step(self, name: str) -> Step | None:
        """Return a step."""
        return self._steps.get(name)

    def steps(self, kind: StepKind, state: StepState | None = None) -> list[Step]:
        """Return the steps of a kind (and state), in the order in which they were begun."""
        found = [s for s in self._steps.values() if s.kind is kind and state in (None, s.state)]
        return sorted(found, key=lambda step: (step.at, step.name))

    def hold(self, name: str, kind: StepKind, data: Mapping[str, Any]) -> None:
        """Remember a step that needs no start; it is written together with the next write of this journal."""
        step = Step(name, kind, StepState.DONE, self._clock.now(), data)
        self._held.append(step)
        self._steps[name] = step

    def start(
        self,
        name: str,
        kind: StepKind,
        data: Mapping[str, Any],
        *,
        fresh: bool,
        reply: OpenReply | None = None,
        lane: str | None = None,
    ) -> Step:
        """Write that an effect is about to happen.

        What was said meanwhile by nobody knows whom is read first. `lane`: what the reply passes through in the CRM,
        see `reply_lane`. Raises Stopped where the guard does not hold, Postponed where the lane is taken, TableBusy,
        and what reading raises.
        """
        for _ in range(HEARINGS):
            try:
                step = Step(name, kind, StepState.STARTED, self._clock.now(), data)
                return self._start(step, reply, lane, fresh=fresh)
            except Unread:
                if self._hear is None:
                    raise
                heard = self._hear(self)
                state = replace(self.claim.state, pending_no=heard.pending_no, read_no=heard.read_no)
                self.claim = replace(self.claim, state=state)
        raise Unread

    def _start(self, step: Step, reply: OpenReply | None, lane: str | None, *, fresh: bool) -> Step:
        claim = self.claim
        meta = meta_key(claim.state.conversation)
        guarded: Write = Check(meta, claim.guard(fresh=fresh))
        if reply is not None:
            # Whether it was seen in the chat is told from here on: an earlier reply's sign must not count for this one.
            values = {"open_reply": reply.as_item(), "confirmed": None}
            guarded = Update(meta, values, where=claim.guard(fresh=fresh))
        writes = [guarded, self._update(step)]
        if lane is not None:
            writes.append(reply_lane.taking(claim.state.conversation, lane, step.at))
        try:
            self._table.write(*writes)
        except ConditionFailed as failure:
            if failure.index > 0:
                # The answer would have been written with this step: it is not to be bought again.
                self.flush()
                raise reply_lane.postponed(failure.old) from None
            raise claim.why_stopped(failure.old) from None
        self._written(step)
        return step

    @property
    def sent_ids(self) -> frozenset[str]:
        """The vendor's ids of the parts of this turn's reply that are out."""
        steps = self.steps(StepKind.REPLY, StepState.DONE)
        return frozenset(step.data["message_id"] for step in steps if step.data.get("message_id"))

    def finish(self, step: Step, data: Mapping[str, Any], done: Sequence[Done] = ()) -> None:
        """Write that an effect happened, with what it left in the timeline.

        Raises FenceLost where forgotten, TableBusy.
        """
        finished = replace(step, state=StepState.DONE, data={**step.data, **data})
        self._write(self._update(finished), *self.entries(done))
        self._written(finished)

    def cancel(self, step: Step) -> None:
        """Write that an effect surely did not happen. Raises FenceLost where forgotten, TableBusy."""
        cancelled = replace(step, state=StepState.CANCELLED)
        self._write(self._update(cancelled))
        self._written(cancelled)

    def flush(self, done: Sequence[Done] = ()) -> None:
        """Write what is held, with what is to stand in the timeline.

        Answers and plans are no facts but intents: who was overtaken must not put its own in the place of the new
        owner's. Raises FenceLost where overtaken or forgotten, TableBusy.
        """
        if self._held:
            owned = Check(meta_key(self.claim.state.conversation), (equals("fence", self.claim.fence),))
            self._write(owned, self._update(), *self.entries(done))
            self._written()

    def size(self) -> int:
        """Return about how many bytes the turn's item has: the table takes 400 KB of one."""
        return len(
            json.dumps([step.as_item() for step in self._steps.values()], ensure_ascii=False, default=str).encode()
        )

    def closing(self, step: Step | None, values: Mapping[str, Any]) -> Update:
        """Return the write that ends the turn with its last step and all that is held, for the caller's commit."""
        return self._update(*([step] if step else []), values=values)

    def entries(self, done: Sequence[Done]) -> list[Write]:
        """Return the timeline's writes for what was done."""
        claim, now = self.claim, self._clock.now()
        return [each.put(claim.state.conversation, arrival=claim.seen, turn=claim.turn, now=now) for each in done]

    def _update(self, *steps: Step, values: Mapping[str, Any] | None = None) -> Update:
        attributes = {STEP + step.name: step.as_item() for step in (*self._held, *steps)}
        return Update(
            turn_key(self.claim.state.conversation, self.claim.turn),
            {**attributes, **(values or {})},
            defaults={"seen": self.claim.seen, "expires_at": expiry(self._clock.now(), KEEP_CONVERSATION_DAYS)},
            where=(Absent(FORGOTTEN),),
        )

    def _write(self, *writes: Write) -> None:
        """Do writes that no guard stops, since what they tell has happened; only a forgotten turn takes none."""
        try:
            self._table.write(*writes)
        except ConditionFailed:
            raise FenceLost from None

    def _written(self, *steps: Step) -> None:
        self._held.clear()
        for step in steps:
            self._steps[step.name] = step
