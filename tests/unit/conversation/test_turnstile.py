"""Slots and the line before an account: who may go, who is called, what a dead worker leaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import pytest

from dealtalk.connections import Connection
from dealtalk.conversation.rate import rate_key
from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.timer import Postponed
from dealtalk.conversation.turnstile import (
    CALL_LASTS,
    CALLED,
    LONGEST_LINE,
    MOST_CALLS,
    Occupancy,
    Turnstile,
    Waiter,
    slots_of,
)
from dealtalk.errors import Booked
from dealtalk.messages import ConversationKey
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable

CONNECTION = Connection("amocrm", "c", "1", "https://x.amocrm.ru", "secret", "profiles/x.yaml")
KEY = rate_key(CONNECTION)
WORKER_SECONDS = 87.0


@dataclass
class House:
    """One account's turnstile, seen by as many wake-ups as a test makes."""

    slots: int = 1
    clock: FakeClock = field(default_factory=FakeClock)
    table: MemoryTable = field(default_factory=MemoryTable)

    def __post_init__(self) -> None:
        self.doorbell = FakeDoorbell(self.clock)
        self.began = self.clock.now()

    def wake(self, name: str) -> Turnstile:
        """Return the turnstile as a wake-up of this conversation finds it."""
        conversation = ConversationKey("amocrm", "1", name)
        item = self.table.read([KEY]).get(KEY)
        return Turnstile(self.table, self.clock, self.doorbell, CONNECTION, conversation, self.slots, item)

    def enter(self, name: str, since: float = 0.0) -> Turnstile | None:
        """Let a conversation whose customer began to wait at `since` go in; None where it must stand in line."""
        worker = self.wake(name)
        try:
            worker.enter(self.began + timedelta(seconds=since), WORKER_SECONDS)
        except Postponed:
            worker.leave()
            return None
        return worker

    @property
    def called(self) -> list[str]:
        """Who was rung for, in order."""
        assert all(ring.reason == CALLED for ring in self.doorbell.rings)
        return [ring.conversation.id for ring in self.doorbell.rings]


def entered(worker: Turnstile | None) -> Turnstile:
    """Return the worker that must have got in."""
    assert worker is not None
    return worker


@pytest.mark.parametrize(("workers", "slots"), [(2, 1), (5, 2), (20, 10), (1, 1), (0, 0)])
def test_an_account_takes_half_of_the_workers(workers: int, slots: int) -> None:
    """Never none; where nobody says how many workers there are, nobody is counted."""
    assert slots_of(workers) == slots


def test_the_slot_is_taken_in_the_write_that_reserves_the_calls() -> None:
    """A plain reply stays within eight requests: one to go in, one to go out."""
    house = House(slots=2)
    worker = house.wake("a")
    house.table.calls.clear()
    worker.enter(house.began, WORKER_SECONDS)
    worker.leave()
    assert house.table.calls == ["update", "update"]
    assert set(house.table.items[KEY]) == {"pk", "sk", "reserved_until"}


def test_who_finds_no_slot_stands_in_line_and_is_called_when_one_is_given_back() -> None:
    """The doorbell was acknowledged: the call is a new one, and the slot is kept for it."""
    house = House()
    first = entered(house.enter("a", 0))
    assert house.enter("b", 1) is None
    assert house.called == []
    first.leave()
    assert house.called == ["b"]
    assert house.enter("c", 2) is None
    assert house.enter("b", 1) is not None


def test_those_who_have_waited_longest_are_called_first() -> None:
    """Whatever the order in which they stood in line."""
    house = House()
    worker = entered(house.enter("a", 0))
    for name, since in (("late", 9), ("early", 3), ("middle", 6)):
        assert house.enter(name, since) is None
    order = []
    for _ in range(3):
        worker.leave()
        order.append(house.called[-1])
        worker = entered(house.enter(order[-1], {"late": 9, "early": 3, "middle": 6}[order[-1]]))
    assert order == ["early", "middle", "late"]


def test_a_newcomer_does_not_take_the_slot_of_one_who_waits() -> None:
    """A slot is free, somebody has waited longer and was never called: that one is called now, the newcomer waits."""
    house = House()
    worker = entered(house.enter("a", 0))
    assert house.enter("b", 1) is None
    worker.closed = True
    worker.leave()
    assert house.called == []
    assert house.enter("c", 2) is None
    assert house.called == ["b"]


def test_a_slot_that_became_free_in_between_is_taken_at_once() -> None:
    """It was read as taken, and given back before this one stood in line: nobody would have called it."""
    house = House()
    worker = entered(house.enter("a"))
    other = house.wake("b")
    worker.leave()
    other.enter(house.began, WORKER_SECONDS)
    assert [name for name in house.table.items[KEY] if name.startswith("wait_")] == []


def test_two_workers_never_take_one_slot() -> None:
    """Both read the same item: the second sees in the refused write that it is taken."""
    house = House()
    one, two = house.wake("a"), house.wake("b")
    one.enter(house.began, WORKER_SECONDS)
    with pytest.raises(Postponed):
        two.enter(house.began, WORKER_SECONDS)


def test_a_dead_workers_slot_expires_with_its_function() -> None:
    """Nobody gives it back: the next one takes it when that worker cannot live any more, and not before."""
    house = House()
    entered(house.enter("dead"))
    house.clock.forward(seconds=WORKER_SECONDS)
    assert house.enter("b", 50) is None
    house.clock.forward(seconds=6)
    assert house.enter("b", 50) is not None


def test_a_worker_that_outlived_its_slot_does_not_free_the_next_ones() -> None:
    """Its slot has expired and is another's by now."""
    house = House()
    late = entered(house.enter("late"))
    house.clock.forward(seconds=200)
    entered(house.enter("b", 199))
    late.leave()
    assert house.enter("c", 200) is None


def test_a_call_that_was_lost_keeps_the_slot_for_a_while_only() -> None:
    """Then the next event calls again; after some calls that brought nobody the line goes on without that one."""
    house = House()
    worker = entered(house.enter("a", 0))
    assert house.enter("lost", 1) is None
    worker.leave()
    for _ in range(MOST_CALLS):
        house.clock.forward(seconds=CALL_LASTS.total_seconds() + 1)
        house.enter("b", 2)
    assert house.called == ["lost"] * MOST_CALLS
    assert house.enter("b", 2) is not None


def test_one_who_was_called_and_has_nothing_to_do_lets_the_next_one_in() -> None:
    """An employee has written meanwhile: the wake-up leaves without having gone in."""
    house = House()
    worker = entered(house.enter("a", 0))
    for name, since in (("b", 1), ("c", 2)):
        assert house.enter(name, since) is None
    worker.leave()
    house.wake("b").leave()
    assert house.called == ["b", "c"]


def test_nobody_is_called_to_an_account_that_cools_down() -> None:
    """Who was told to wait comes back by itself, with a slot kept, and calls the others after it has worked."""
    house = House()
    worker = entered(house.enter("a", 0))
    assert house.enter("b", 1) is None
    worker.closed = True
    worker.wait_here(house.began, called=True)
    worker.leave()
    assert house.called == []
    entered(house.enter("a", 0)).leave()
    assert house.called == ["b"]


def test_old_questions_go_at_a_share_of_the_accounts_rate() -> None:
    """After an outage the backlog leaves room: five calls take 1.43 s instead of 1 s."""
    house = House(slots=8)
    house.clock.forward(minutes=10)
    waits = [house.wake(f"old-{number}").enter(house.began, WORKER_SECONDS) for number in range(3)]
    assert [later - earlier for earlier, later in pairwise(waits)] == [pytest.approx(1.43, abs=0.01)] * 2


def test_calls_that_are_booked_for_long_are_not_booked_further() -> None:
    """A turn that has not begun comes back instead of sleeping with its slot, and reserves nothing."""
    house = House(slots=20)
    began = [house.wake(f"c{number}") for number in range(20)]
    going = 0
    for worker in began:
        try:
            worker.enter(house.clock.now(), WORKER_SECONDS)
        except Booked:
            continue
        going += 1
    assert going == 6
    assert house.table.items[KEY]["reserved_until"] == milliseconds(house.clock.now()) + 6000


def test_a_long_line_takes_no_more_and_leaves_the_rest_to_the_timer() -> None:
    """The item stays small, however many wait."""
    house = House()
    entered(house.enter("a", 0))
    for number in range(LONGEST_LINE + 5):
        assert house.enter(f"w{number}", number + 1) is None
    assert len(Occupancy.of(house.table.items[KEY], 1, 0).line) == LONGEST_LINE


def test_one_who_has_waited_longer_takes_the_place_of_the_youngest_in_a_full_line() -> None:
    """After an outage the sweeper's batches come in no exact order: the oldest must not wait for the next one."""
    house = House()
    worker = entered(house.enter("a", 0))
    for number in range(LONGEST_LINE):
        assert house.enter(f"w{number}", number + 10) is None
    assert house.enter("oldest", 1) is None
    line = Occupancy.of(house.table.items[KEY], 1, 0).line
    assert (line[0].conversation, line[-1].conversation) == ("oldest", f"w{LONGEST_LINE - 2}")
    worker.leave()
    assert house.called == ["oldest"]


def test_a_call_writes_nothing_into_the_conversation_that_is_called() -> None:
    """Only a doorbell: a conversation that was forgotten meanwhile is not brought back."""
    house = House()
    worker = entered(house.enter("a", 0))
    assert house.enter("gone", 1) is None
    before = {key for key in house.table.items if key != KEY}
    worker.leave()
    assert house.called == ["gone"]
    assert {key for key in house.table.items if key != KEY} == before == set()


def test_the_line_is_read_in_the_order_of_the_wait() -> None:
    """Equal waits go by the conversation's id, so that all workers see one order."""
    item = {f"wait_{name}": Waiter(name, since).as_item() for name, since in (("b", 5), ("a", 5), ("c", 1))}
    assert [each.conversation for each in Occupancy.of(item, 1, 0).line] == ["c", "a", "b"]
