"""The account's token is refused for good: one alarm, messages wait, and after the reconnect the oldest comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dealtalk.connections import ConnectionState, Mode, connection_id
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.rules import NEEDS_ATTENTION_PAUSE, Doing
from dealtalk.conversation.state import State, meta_key
from dealtalk.errors import NeedsAttention
from dealtalk.messages import ConversationKey
from dealtalk.recovery.redrive import BUDGET, Fate, Redriver
from dealtalk.recovery.sweep import PER_ACCOUNT, Sweeper
from dealtalk.recovery.waking import Woken, wake
from tests.fakes.letters import Letters
from tests.fakes.world import CHAT, PROFILE, World

DEAD = NeedsAttention("amoCRM refused the token")
TIMING = "timing: {quiet_seconds: 3, max_wait_seconds: 20}"
ONE_DAY = PROFILE.replace(TIMING, TIMING.replace("}", ", max_age_to_answer_minutes: 1440}"))


def key_of(world: World, name: str) -> ConversationKey:
    """Return the key of a customer's chat."""
    return ConversationKey.of_chat("amocrm", world.connection.account, name)


def ask(world: World, name: str, text: str = "окна") -> None:
    """Let a customer write in a chat of their own."""
    chat = CHAT.__class__(name, "77", "500", "900", "telegram")
    world.take(world.message(text, conversation=key_of(world, name), chat=chat))


def state(world: World, name: str) -> State:
    """Return a customer's conversation."""
    key = key_of(world, name)
    return State.from_item(key, world.table.items.get(meta_key(key)))


def refuse_token(world: World) -> None:
    """Let every call of the CRM end as with a dead token."""

    def refuse(_method: str) -> None:
        raise DEAD

    world.crm.on_call = refuse


def broken(*names: str) -> World:
    """Return an account whose token died, with customers who wrote a minute after each other."""
    world = World(profile_text=ONE_DAY)
    refuse_token(world)
    for name in names:
        ask(world, name)
        world.work(60)
    return world


def reconnect(world: World) -> Woken:
    """Connect the account again, as `dealtalk connect` does, and bring back what waits."""
    world.crm.on_call = None
    world.connections.recovered(world.connection)
    return wake(world.table, world.connection, world.clock.now())


def sweep(world: World) -> None:
    """Let the sweeper run once and the responder work off what it rang for."""
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work(5)


def answered(world: World) -> list[str]:
    """Return the chats that got a reply, in order."""
    return [sent.chat_id for sent in world.crm.sent]


def test_a_dead_token_is_one_alarm_however_many_customers_write() -> None:
    """The connection is marked with the reason, and later doorbells do not count again."""
    world = broken("a")
    for name in ("b", "c", "d"):
        ask(world, name)
        world.work()
    assert world.watch.counts["NeedsAttention"] == 1
    assert len(world.watch.errors) == 1
    connection = world.connections.load("amocrm", world.connection.id)
    assert connection is not None
    assert (connection.state, connection.state_reason) == (ConnectionState.NEEDS_ATTENTION, str(DEAD))


def test_workers_that_find_the_token_dead_at_once_count_it_once() -> None:
    """Both had read an active connection; the second to mark it is told that it was marked."""
    world = World(profile_text=ONE_DAY)
    ask(world, "a")
    ask(world, "b")
    world.crm.fail("read_deal", DEAD, DEAD)

    def other_worker() -> None:
        ring = world.doorbell.take()
        assert ring is not None
        world.responder.wake(ring, lambda: 60)

    world.clock.forward(seconds=5)
    first = world.doorbell.take()
    assert first is not None
    world.at("read_deal", other_worker)
    world.responder.wake(first, lambda: 60)
    assert world.watch.counts["NeedsAttention"] == 1


def test_messages_wait_and_no_receive_is_burnt() -> None:
    """Each doorbell is acknowledged with a timer; nobody calls the CRM or the model any more."""
    world = broken("a")
    called, asked = len(world.crm.calls), len(world.model.prompts)
    ask(world, "b")
    (decision,) = world.work()
    assert (decision.doing, decision.why) == (Doing.LOOK_AGAIN, "connection_needs_attention")
    assert (len(world.crm.calls), len(world.model.prompts)) == (called, asked)
    for name in ("a", "b"):
        assert state(world, name).is_waiting
        assert state(world, name).due_at is not None


def test_a_connection_that_was_switched_off_stays_off() -> None:
    """A worker under way finds the token dead: that must not switch the connection on for the next repair."""
    world = World()
    world.table.items[world.connection.partition, "CONN"]["state"] = "off"
    assert not world.connections.needs_attention(world.connection, "x")
    found = world.connections.load("amocrm", world.connection.id)
    assert found is not None
    assert found.state is ConnectionState.OFF


def test_after_the_reconnect_the_oldest_question_is_answered_first() -> None:
    """In the order of the questions, not of the timers, which were set anew at each look."""
    world = World(profile_text=ONE_DAY)
    began = world.clock.now()
    refuse_token(world)
    for name in ("a", "b", "c"):
        ask(world, name)
        world.work(60)
    world.wait(minutes=NEEDS_ATTENTION_PAUSE.total_seconds() / 60 + 1)
    world.doorbell.ring(
        key_of(world, "a"), connection=world.connection.id, arrival=1, dedup="looked at last", reason="due"
    )
    world.work()
    assert reconnect(world) == Woken(3, began)
    sweep(world)
    assert answered(world) == ["a", "b", "c"]


def test_what_is_too_old_goes_to_a_person_and_the_rest_is_answered() -> None:
    """The question of the day before yesterday is no longer the bot's: note, task, and no word to the customer."""
    world = broken("old")
    world.wait(hours=30)
    ask(world, "young")
    world.work()
    reconnect(world)
    sweep(world)
    assert answered(world) == ["young"]
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert state(world, "old").mode is Mode.HUMAN
    assert not state(world, "young").is_waiting


def test_a_question_that_was_followed_by_a_new_one_is_answered_with_it() -> None:
    """The age of the newest message counts: who asks again today is answered today."""
    world = broken("old")
    world.wait(hours=30)
    ask(world, "old", "вы тут?")
    world.work()
    reconnect(world)
    sweep(world)
    assert answered(world) == ["old"]
    assert world.crm.tasks == []


def test_what_waits_comes_in_the_sweepers_measure() -> None:
    """So many of an account in one minute, the oldest among them: no stampede."""
    names = [f"c{number:03d}" for number in range(PER_ACCOUNT + 5)]
    world = World(profile_text=ONE_DAY)
    world.connections.needs_attention(world.connection, str(DEAD))
    for name in names:
        ask(world, name)
        world.wait(seconds=2)
    world.work(60)
    assert reconnect(world).conversations == len(names)
    sweep(world)
    first = answered(world)
    assert len(first) <= PER_ACCOUNT
    assert first == names[: len(first)]
    for _ in range(10):
        world.wait(minutes=1)
        sweep(world)
    assert sorted(answered(world)) == names


def test_nothing_else_is_woken() -> None:
    """Neither what was answered, nor a chat that a person leads or that is switched off, nor another account's."""
    world = World(profile_text=ONE_DAY)
    ask(world, "done")
    world.work()
    for name, mode in (("led", Mode.HUMAN), ("off", Mode.OFF)):
        ask(world, name)
        world.table.items[meta_key(key_of(world, name))]["mode"] = mode.value
    stranger = ConversationKey.of_chat("amocrm", "4711", "x")
    world.table.items[meta_key(stranger)] = {
        **world.table.items[meta_key(key_of(world, "led"))],
        "pk": stranger.partition,
    }
    before = {name: state(world, name).due_at for name in ("done", "led", "off")}
    assert wake(world.table, world.connection, world.clock.now()) == Woken()
    assert {name: state(world, name).due_at for name in before} == before


def test_who_waits_is_told_the_connections_new_name() -> None:
    """A connection that was replaced at once, its old key closed, has no item any more: the new one must be named."""
    world = broken("a")
    del world.table.items[world.connection.partition, "CONN"]
    new = replace(world.connection, id=connection_id("new key"))
    world.connections.save(new)
    world.crm.on_call = None
    assert wake(world.table, new, world.clock.now()).conversations == 1
    sweep(world)
    assert answered(world) == ["a"]


def test_a_conversation_that_moves_in_that_instant_is_left_alone() -> None:
    """Whoever moved its timer is on it."""
    world = broken("a")
    key = meta_key(key_of(world, "a"))

    def interfere(name: str) -> None:
        if name == "write":
            world.table.before = None
            world.table.items[key]["due_at"] += 1

    world.table.before = interfere
    moved = world.table.items[key]["due_at"] + 1
    assert wake(world.table, world.connection, world.clock.now()) == Woken()
    assert world.table.items[key]["due_at"] == moved


@pytest.mark.parametrize("redrives", [0, BUDGET])
def test_a_dead_doorbell_of_a_broken_connection_raises_no_second_alarm(redrives: int) -> None:
    """Within the budget it is rung for and waits like the others; beyond it the letter is kept; nobody is called."""
    world = broken("a")
    world.table.items[meta_key(key_of(world, "a"))]["redrives"] = redrives
    letters, called = Letters(Ring(key_of(world, "a"), world.connection.id, 1, "message").body()), len(world.crm.calls)
    fates = Redriver(world.services, letters, world.responder.open_turn, lambda: 60).run()
    assert fates[Fate.KEPT if redrives else Fate.RUNG_ANEW] == 1
    assert len(letters.bodies) == (1 if redrives else 0)
    world.work()
    assert world.watch.counts["NeedsAttention"] == 1
    assert len(world.crm.calls) == called


def test_the_sweeper_looks_at_a_broken_connection_seldom() -> None:
    """A quarter of an hour at least between two looks at the same conversation."""
    world = broken("a")
    looks = 0
    for _ in range(60):
        world.wait(minutes=1)
        Sweeper(world.table, world.doorbell, world.clock).run()
        looks += len(world.work(0))
    assert looks <= timedelta(hours=1) / NEEDS_ATTENTION_PAUSE
