"""One account's share of the workers, and short cool-downs: who must wait comes back soon, and in order."""

from __future__ import annotations

from contextlib import suppress

import pytest

from dealtalk.conversation.rules import Doing
from dealtalk.conversation.state import meta_key
from dealtalk.conversation.timer import Postponed
from dealtalk.errors import ModelUnavailable, RateLimited, Retryable
from dealtalk.messages import Chat, ConversationKey
from tests.fakes.model import says
from tests.fakes.world import World


class Killed(BaseException):
    """The worker is gone."""


def asks(world: World, name: str) -> ConversationKey:
    """Let a customer of another chat write, about the same deal."""
    key = ConversationKey.of_chat("amocrm", world.connection.account, name)
    chat = Chat(name, talk_id="77", deal_id="500", contact_id="900", channel="telegram")
    world.take(world.message("окна", conversation=key, chat=chat))
    return key


def answered(world: World) -> list[str]:
    """Return the chats that got a reply, in order."""
    return [sent.chat_id for sent in world.crm.sent]


def test_over_its_share_a_conversation_waits_without_burning_a_receive_and_is_called() -> None:
    """The doorbell is acknowledged; the release of the slot rings anew, seconds later."""
    world = World(slots=1)
    for name in ("first", "second"):
        asks(world, name)
    met = []
    world.at("read_deal", lambda: met.extend(world.work(0)))
    world.work()
    assert [(each.doing, each.why) for each in met] == [(Doing.LOOK_AGAIN, "waits_for_a_slot")]
    assert answered(world) == ["first"]
    world.work()
    assert answered(world) == ["first", "second"]


def test_those_in_line_are_answered_oldest_first() -> None:
    """Four customers wrote while one slot was taken."""
    world = World(slots=1)
    asks(world, "first")
    world.wait(seconds=5)

    def four_write() -> None:
        for name in ("b", "c", "d", "e"):
            asks(world, name)
            world.wait(seconds=0.5)
        world.work(4)

    world.at("read_deal", four_write)
    world.work(0)
    for _ in range(4):
        world.work(4)
    assert answered(world) == ["first", "b", "c", "d", "e"]


def test_a_worker_that_dies_with_its_slot_blocks_the_account_for_no_longer_than_it_could_live() -> None:
    """The slot expires; the timer of one who stood in line brings it back."""
    world = World(slots=1)
    asks(world, "first")

    def die(*_: str) -> None:
        world.table.before = die
        raise Killed

    world.at("read_deal", die)
    with pytest.raises(Killed):
        world.work()
    world.table.before = None
    other = asks(world, "second")
    world.work()
    assert answered(world) == []
    due_at = world.table.items[meta_key(other)]["due_at"]
    assert due_at - world.clock.now().timestamp() <= 91
    world.wait(seconds=91)
    world.sweep()
    world.work()
    assert answered(world) == ["first", "second"]


def test_after_a_short_cool_down_the_customer_is_answered_within_seconds() -> None:
    """A 429 with a wait of five seconds costs seconds, not the sweeper's minute."""
    world = World()
    world.crm.fail("read_deal", RateLimited("slow down", after=5))
    world.says("окна")
    (decision,) = world.work()
    assert (decision.doing, decision.why) == (Doing.RING_AGAIN, "connection_cools_down")
    began = world.clock.now()
    while not world.replies:
        world.work(1)
    assert (world.clock.now() - began).total_seconds() <= 10


def test_a_long_series_of_short_cool_downs_burns_no_receive() -> None:
    """Each ring is a new doorbell: after ten refusals nothing is nearer to the dead-letter queue."""
    world = World()
    world.crm.fail("read_deal", *[RateLimited("slow down", after=1.5)] * 10)
    world.says("окна")
    for _ in range(40):
        world.work(4)
    assert len(world.replies) == 1


def test_at_the_end_of_a_cool_down_one_tries_and_then_calls_the_others() -> None:
    """Ten chats met it: the one that was told of it goes first, alone; no more than the account's slots follow."""
    world = World(slots=2)
    world.crm.fail("read_deal", RateLimited("slow down", after=10))
    asks(world, "told")
    world.work()
    for number in range(9):
        asks(world, f"met-{number}")
    world.work()
    assert answered(world) == []
    seen: list[int] = []
    for _ in range(60):
        before = len(world.crm.sent)
        world.work(1)
        if len(world.crm.sent) > before:
            seen.append(len(world.crm.sent) - before)
    assert seen[0] == 1
    assert answered(world)[0] == "told"
    assert max(seen) <= 2
    assert sorted(answered(world)) == sorted(["told", *(f"met-{number}" for number in range(9))])


def test_a_refusal_of_the_one_who_tries_keeps_everybody_waiting() -> None:
    """The others are not called into an account that has just refused again."""
    world = World(slots=2)
    world.crm.fail("read_deal", RateLimited("slow down", after=6), RateLimited("slow down", after=20))
    asks(world, "told")
    world.work()
    asks(world, "met")
    world.work()
    calls = len(world.crm.calls)
    for _ in range(4):
        world.work(4)
    assert answered(world) == []
    assert len(world.crm.calls) <= calls + 2


def test_a_slot_is_given_back_by_a_wake_up_that_fails() -> None:
    """Whatever ends the work, the next conversation of the account gets in."""
    world = World(slots=1)
    world.model.lines = [ModelUnavailable("503"), says("Здравствуйте!")]
    asks(world, "first")
    with suppress(Retryable, Postponed):
        world.work()
    asks(world, "second")
    world.work()
    assert answered(world) == ["second"]


def test_a_plain_reply_still_costs_eight_requests_with_its_slot() -> None:
    """Visibility is one, the table seven: the slot is in the reservation's request, its release is the eighth."""
    world = World()
    world.says("привет")
    world.work()
    world.says("и ещё")
    world.table.calls.clear()
    world.work()
    assert len(world.table.calls) <= 7
