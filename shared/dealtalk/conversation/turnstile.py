"""Before a conversation calls its CRM it passes here: one account takes no more than its share of the workers.

The account's RATE item holds the slots that are taken (`slot_<i>`: by whom, until when) and those who wait for one
(`wait_<conversation>`: since when its customer waits, until when it is called). A slot is taken in the same update as
the turn's calls are reserved, and expires by itself where its worker dies. Who gives a slot back rings for those who
have waited longest; a call keeps a slot free until its doorbell has come. All of it stands in one item, so whoever
stands in line sees in the answer to that very write whether a slot has become free meanwhile.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.conversation.doorbell import counted_dedup
from dealtalk.conversation.rate import BOOKED, CALLS_PER_TURN, Reservation, calls_per_second, rate_key, reserve
from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import ConditionFailed, Update, equals
from dealtalk.conversation.timer import Postponed
from dealtalk.errors import Booked
from dealtalk.messages import ConversationKey

if TYPE_CHECKING:
    from datetime import datetime

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Table
    from dealtalk.ports import Clock, Doorbell

SLOT = "slot_"
WAIT = "wait_"
CALLED = "called"
"""The reason of the ring by which one who waits is called."""

TRIES = 8
CALL_LASTS = timedelta(seconds=30)
"""How long a slot is kept free for one who was called: longer than a doorbell takes to come."""

MOST_CALLS = 3
"""After so many calls that brought nobody, the conversation's timer is left to bring it back."""

LONGEST_LINE = 50
"""Who finds the line so long, and nobody in it younger, waits for the sweeper; so does who must make room."""

LOOK_AFTER = timedelta(seconds=90)
"""When the sweeper looks for one who stands in line: a call may be lost."""

ENTER_WAIT = 5.0
"""Seconds that a turn which has not begun waits for the account's calls, its slot in hand."""

OLD_AFTER = timedelta(minutes=2)
BACKLOG_SHARE = 0.7
"""What a customer has waited for longer than `OLD_AFTER` goes at this share of the account's rate.

3.5 of amoCRM's 7 calls a second: after an outage the other half is for those who write now, and for the people.
"""

GRACE = timedelta(seconds=5)


def slots_of(maximum_concurrency: int) -> int:
    """Return how many of so many workers one account may take: half of them, but one at least; of none, none."""
    return max(1, maximum_concurrency // 2) if maximum_concurrency else 0


@dataclass(frozen=True, slots=True)
class Waiter:
    """One who stands in line; times are milliseconds. `called_until` is 0 where it was not called."""

    conversation: str
    since: int
    called_until: int = 0
    calls: int = 0

    def as_item(self) -> Item:
        """Return the attribute's value."""
        return {"since": self.since, "called_until": self.called_until, "calls": self.calls}


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Who works and who waits, as the account's item says it at the moment `now` (milliseconds)."""

    free: tuple[str, ...]
    line: tuple[Waiter, ...]
    now: int

    @classmethod
    def of(cls, item: Item | None, slots: int, now: int) -> Occupancy:
        """Read the item; `slots` is how many the account may take. The line is sorted: longest wait first."""
        item = item or {}
        names = (f"{SLOT}{number}" for number in range(slots))
        free = tuple(name for name in names if name not in item or item[name]["until"] <= now)
        line = [
            Waiter(name.removeprefix(WAIT), value["since"], value["called_until"], value["calls"])
            for name, value in item.items()
            if name.startswith(WAIT)
        ]
        return cls(free, tuple(sorted(line, key=_rank)), now)

    def waiter(self, conversation: str) -> Waiter | None:
        """Return how a conversation stands in line."""
        return next((each for each in self.line if each.conversation == conversation), None)

    def is_called(self, conversation: str) -> bool:
        """Return whether a conversation was called a moment ago."""
        mine = self.waiter(conversation)
        return mine is not None and mine.called_until > self.now

    def may_go(self, conversation: str, since: int) -> bool:
        """Return whether a slot is free that is not for one who was called or has waited longer."""
        if self.is_called(conversation):
            return bool(self.free)
        mine = _rank(Waiter(conversation, since))
        before = [w for w in self.line if w.conversation != conversation and (self._called(w) or _rank(w) < mine)]
        return len(self.free) > len(before)

    def to_call(self) -> tuple[Waiter, ...]:
        """Return those who have waited longest, as many as slots are free and kept for nobody."""
        called = [waiter for waiter in self.line if self._called(waiter)]
        uncalled = [waiter for waiter in self.line if not self._called(waiter)]
        return tuple(uncalled[: max(0, len(self.free) - len(called))])

    def has_room(self, conversation: str, since: int) -> bool:
        """Return whether a conversation may stand in line: it does, the line is short, or others are younger."""
        if len(self.line) < LONGEST_LINE or self.waiter(conversation) is not None:
            return True
        return _rank(Waiter(conversation, since)) < _rank(self.line[-1])

    def beyond(self, conversation: str) -> list[str]:
        """Return who must leave the line's end for a conversation that joins it."""
        others = [waiter.conversation for waiter in self.line if waiter.conversation != conversation]
        return others[LONGEST_LINE - 1 :]

    def _called(self, waiter: Waiter) -> bool:
        return waiter.called_until > self.now


@dataclass(slots=True)
class Turnstile:
    """One wake-up's way in and out. `slots` is the account's share of the workers; 0: nobody is counted.

    `item` is the account's RATE item as the wake-up read it. `closed`: the account is not to be called at the moment,
    so nobody is called to it.
    """

    table: Table
    clock: Clock
    doorbell: Doorbell
    connection: Connection
    conversation: ConversationKey
    slots: int
    item: Item | None
    closed: bool = False
    _held: tuple[str, Item] | None = field(init=False, default=None)
    _waits: bool = field(init=False, default=False)

    def enter(self, since: datetime, seconds_left: float) -> float:
        """Take a slot, reserve a turn's calls and return the seconds until the first of them.

        `since`: when the customer began to wait; `seconds_left`: how long this worker may live. Raises Postponed where
        others come first (it stands in line then), Booked, TableBusy.
        """
        if not self.slots:
            return reserve(self.table, self.clock, self.connection, self.item)
        me, rank = self.conversation.id, milliseconds(since)
        for _ in range(TRIES):
            seen = self._seen()
            if not seen.may_go(me, rank):
                self._stand_in_line(rank)
                continue
            wished = self._reservation(since)
            if wished.wait > ENTER_WAIT:
                break
            now, slot = milliseconds(self.clock.now()), random.choice(seen.free)  # noqa: S311 (it only spreads workers)
            until = self.clock.now() + timedelta(seconds=seconds_left) + GRACE
            mine = {"until": milliseconds(until), "by": me}
            update = Update(
                rate_key(self.connection),
                {**wished.values, slot: mine, WAIT + me: None},
                increments=wished.increments,
                where=(*wished.where, equals(slot, (self.item or {}).get(slot))),
            )
            # It is given back even where the answer to this write is lost.
            self._held = (slot, mine)
            try:
                self.item = self.table.update(update)
            except ConditionFailed as failure:
                self.item = failure.old
                if self.item.get(slot) != mine:
                    self._held = None
                    continue
            return wished.seconds(self.item, now)
        raise Booked(BOOKED)

    def wait_here(self, since: datetime, *, called: bool) -> None:
        """Stand in line without asking for a slot; `called`: it comes back by itself, and finds one kept for it."""
        if self.slots:
            self._line_up(milliseconds(since), called=called)

    @property
    def is_called(self) -> bool:
        """Whether this conversation was called, or comes back by itself."""
        return self._seen().is_called(self.conversation.id)

    def leave(self) -> None:
        """Give the slot back, or the place in line that is not needed any more, and call those who may go now.

        Raises TableBusy, Retryable.
        """
        me, key = self.conversation.id, rate_key(self.connection)
        if self._held is not None:
            slot, mine = self._held
            self._held = None
            try:
                self.item = self.table.update(Update(key, {slot: None}, where=(equals(slot, mine),)))
            except ConditionFailed as failure:
                self.item = failure.old
        elif not self._waits and self._seen().waiter(me) is not None:
            self.item = self.table.update(Update(key, {WAIT + me: None}))
        else:
            return
        self._call_next()

    def _seen(self) -> Occupancy:
        return Occupancy.of(self.item, self.slots, milliseconds(self.clock.now()))

    def _reservation(self, since: datetime) -> Reservation:
        now, per_second = self.clock.now(), calls_per_second(self.connection)
        share = BACKLOG_SHARE if now - since > OLD_AFTER else 1.0
        return Reservation.of(self.item, milliseconds(now), CALLS_PER_TURN, per_second * share)

    def _stand_in_line(self, since: int) -> None:
        """Stand in line; raise Postponed unless a slot has become free meanwhile."""
        now, me = self.clock.now(), self.conversation.id
        if self._seen().has_room(me, since):
            self._line_up(since, called=False)
            if self._seen().may_go(me, since):
                return
        self._call_next()
        raise Postponed(now + LOOK_AFTER, "waits_for_a_slot")

    def _line_up(self, since: int, *, called: bool) -> None:
        now, mine = self.clock.now(), self._seen().waiter(self.conversation.id)
        until = milliseconds(now + CALL_LASTS) if called else 0
        waiter = Waiter(self.conversation.id, since, until, mine.calls if mine else 0)
        beyond = self._seen().beyond(self.conversation.id)
        values = {WAIT + self.conversation.id: waiter.as_item(), **{WAIT + each: None for each in beyond}}
        self.item = self.table.update(Update(rate_key(self.connection), values))
        self._waits = True

    def _call_next(self) -> None:
        """Ring for those who may go now: each is called by one worker only, and rung for after that is written.

        When a call ends is new for each call, so it serves as the ring's count.
        """
        if self.closed:
            return
        now = self.clock.now()
        for waiter in self._seen().to_call():
            name = WAIT + waiter.conversation
            called = Waiter(waiter.conversation, waiter.since, milliseconds(now + CALL_LASTS), waiter.calls + 1)
            value = called.as_item() if called.calls <= MOST_CALLS else None
            unchanged = equals(name, waiter.as_item())
            try:
                self.table.update(Update(rate_key(self.connection), {name: value}, where=(unchanged,)))
            except ConditionFailed:
                continue
            if value is not None:
                self._ring(called)

    def _ring(self, waiter: Waiter) -> None:
        conversation = ConversationKey(self.conversation.crm, self.conversation.account, waiter.conversation)
        self.doorbell.ring(
            conversation,
            connection=self.connection.id,
            arrival=0,
            dedup=counted_dedup(conversation, CALLED, waiter.called_until),
            reason=CALLED,
        )


def _rank(waiter: Waiter) -> tuple[int, str]:
    return waiter.since, waiter.conversation
