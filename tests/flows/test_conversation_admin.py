"""An operator pauses a conversation, resumes it, asks for another try."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.oversight import NoConversation
from dealtalk.errors import NeedsHuman, Permanent, Retryable
from dealtalk.messages import Author, ConversationKey
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import says
from tests.fakes.world import CHAT, PROFILE, World
from tests.flows.commands import forget, held, operator, orders, pause, resume

if TYPE_CHECKING:
    from collections.abc import Callable


NEVER_RESUMES = PROFILE.replace("resume_after_minutes: 60", "resume_after_minutes: -1")


@pytest.mark.parametrize("off", [False, True])
def test_a_paused_conversation_is_not_answered(off: bool) -> None:
    """What was waiting and what comes later is stored, nothing is sent, and no timer is left."""
    world = World()
    world.says("окна")
    pause(world, off=off)
    world.work()
    world.says("алло?")
    world.work()
    assert (world.replies, world.model.prompts, world.due_in()) == ([], [], None)
    assert world.state.is_waiting


@pytest.mark.parametrize("off", [False, True])
def test_a_pause_has_no_end_of_its_own(off: bool) -> None:
    """Neither time nor an employee who writes, and so starts the resume rule's clock elsewhere, ends it."""
    world = World()
    world.says("окна")
    pause(world, off=off)
    world.employee_says("Я отвечу")
    world.wait(days=2)
    world.says("алло?")
    world.work()
    assert world.replies == []
    assert world.state.mode is (Mode.OFF if off else Mode.HUMAN)


def test_a_pause_does_not_expire_with_the_conversation() -> None:
    """META of a silent conversation has no TTL, also after a message that came in the pause."""
    world = World()
    world.says("окна")
    pause(world, off=True)
    world.says("алло?")
    assert "expires_at" not in world.table.items[world.conversation.partition, "META"]


def test_a_pause_while_the_model_thinks_withholds_the_reply() -> None:
    """The turn ends without an effect."""
    world = World()

    def interrupt(*_: object) -> object:
        pause(world)
        return says("Сто рублей")

    world.model.lines = [interrupt]  # type: ignore[list-item]
    world.says("сколько стоит?")
    world.work()
    assert (world.replies, world.state.turn, world.state.mode) == ([], None, Mode.HUMAN)


def test_a_pause_stops_a_worker_that_was_about_to_resume() -> None:
    """The worker read the table when the employee's time was over; the pause came before its claim."""
    world = World()
    world.employee_says("Я отвечу")
    world.says("ок")
    world.work()
    world.wait(minutes=61)
    world.says("ну что там?")
    world.at("find_deal", lambda: pause(world))
    world.work()
    assert (world.replies, world.state.mode, world.state.paused) == ([], Mode.HUMAN, True)
    world.wait(minutes=5)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()
    assert world.replies == []


def test_a_webhook_that_read_the_table_before_the_pause_does_not_undo_it() -> None:
    """Its write fails on the arrival number, it looks again and leaves the mode alone."""
    world = World()
    world.says("окна")
    message = world.message("Я отвечу", Author.EMPLOYEE)

    def between(name: str) -> None:
        if name == "write":
            world.table.before = None
            pause(world, off=True)

    world.table.before = between
    world.take(message)
    assert world.state.mode is Mode.OFF
    assert "expires_at" not in world.table.items[world.conversation.partition, "META"]


def test_a_conversation_that_was_switched_off_stays_off_when_its_turn_ends_in_a_handoff() -> None:
    """The handoff's commit comes after the operator's word and does not soften it."""
    world = World()
    world.model.lines = [NeedsHuman("the day's tokens are used up")]
    world.says("окна")
    add = world.crm.add

    def late(*arguments: object) -> object:
        result = add(*arguments)  # type: ignore[arg-type]
        if len(world.crm.tasks) == 1 and world.state.mode is None:
            pause(world, off=True)
        return result

    world.crm.add = late  # type: ignore[assignment,method-assign]
    world.work()
    assert len(world.crm.tasks) == 1
    assert world.state.mode is Mode.OFF


def test_a_reply_that_was_begun_is_not_gone_on_with_after_a_pause() -> None:
    """The worker died between two parts, then the operator paused: the second part is given up."""
    world = World()
    world.crm.reply_limit = 20
    world.model.lines = [says("Первая часть ответа. Вторая часть ответа.")]
    world.says("окна")
    send = world.crm.send

    def once(*arguments: object) -> object:
        if world.crm.sent:
            raise Retryable("the CRM answered 503")
        return send(*arguments)  # type: ignore[arg-type]

    world.crm.send = once  # type: ignore[assignment,method-assign]
    with pytest.raises(Retryable):
        world.work()
    world.crm.send = send  # type: ignore[method-assign]
    pause(world)
    world.wait(minutes=3)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()
    assert (len(world.replies), world.state.turn) == (1, None)


@pytest.mark.parametrize("off", [False, True])
def test_a_resumed_conversation_is_answered(off: bool) -> None:
    """What was waiting is rung for at once; nobody has to write again."""
    world = World()
    world.says("окна")
    pause(world, off=off)
    world.work()
    assert resume(world)
    world.work()
    assert len(world.replies) == 1
    assert world.state.mode is None
    assert orders(world) == [("switched_off" if off else "paused", "olga"), ("resumed", "olga")]


def test_after_a_resume_only_what_no_person_has_answered_is_answered() -> None:
    """The employee's message covers what came before it; there is nothing to ring for."""
    world = World(profile_text=NEVER_RESUMES)
    world.says("сколько стоит?")
    world.employee_says("Сто рублей")
    assert not resume(world)
    world.work()
    assert world.replies == []
    world.says("а два?")
    world.work()
    assert len(world.replies) == 1
    assert "Сто рублей" in world.model.prompt_text()


def test_after_a_resume_the_employees_earlier_words_in_the_crm_do_not_silence_the_bot_again() -> None:
    """Where the CRM is asked for employees, it is asked about the time after the resume."""
    world = World(profile_text=NEVER_RESUMES)
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.crm.employee_writes(CHAT.chat_id)
    world.wait(minutes=1)
    world.says("окна")
    world.work()
    assert world.state.mode is Mode.HUMAN
    resume(world)
    world.work()
    assert len(world.replies) == 1


def test_a_person_who_writes_in_the_instant_of_the_resume_comes_first() -> None:
    """The command is refused, the person leads."""
    world = World()
    world.says("окна")
    pause(world)

    def between(name: str) -> None:
        if name == "write":
            world.table.before = None
            world.employee_says("Я отвечу")

    world.table.before = between
    with pytest.raises(Permanent, match="just now"):
        resume(world)
    assert world.state.mode is Mode.HUMAN


def test_a_resume_whose_bell_is_lost_is_made_up_for_by_the_timer() -> None:
    """The queue is out of reach: the sweeper rings within minutes."""
    world = World()
    world.says("окна")
    pause(world)
    world.work()
    world.doorbell.fail = Retryable("the queue answered 503")
    with pytest.raises(Retryable):
        resume(world)
    world.wait(seconds=95)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()
    assert len(world.replies) == 1


def test_each_retry_rings_with_an_id_of_its_own() -> None:
    """Two within five minutes both arrive: the queue takes neither for the other."""
    world = World()
    world.says("окна")
    world.doorbell.waiting.clear()
    for _ in range(2):
        assert operator(world).retry(world.conversation)
    assert [ring.reason for _, ring in world.doorbell.waiting] == ["retried", "retried"]
    world.work()
    assert len(world.replies) == 1


def test_a_retry_gives_the_budget_of_dead_doorbells_back() -> None:
    """The operator has mended the cause: the redriver tries twice again."""
    world = World()
    world.says("окна")
    world.table.items[world.conversation.partition, "META"]["redrives"] = 2
    operator(world).retry(world.conversation)
    assert world.state.redrives == 0


def test_a_retry_of_an_answered_conversation_does_nothing() -> None:
    """Nothing is written, nobody is rung for."""
    world = World()
    world.says("окна")
    world.work()
    before = held(world)
    assert not operator(world).retry(world.conversation)
    assert (held(world), world.doorbell.waiting) == (before, [])


@pytest.mark.parametrize("command", [pause, resume, forget])
def test_a_conversation_that_does_not_exist_is_not_made(command: Callable[[World], object]) -> None:
    """A wrong id changes nothing."""
    world = World()
    with pytest.raises(NoConversation):
        command(world)
    assert ConversationKey.of_chat("amocrm", "31337", "chat-1").partition not in held(world)


def test_what_is_recorded_of_a_command_is_who_gave_it_and_when() -> None:
    """Nothing of the customer's stands in it."""
    world = World()
    world.says("окна")
    pause(world)
    (record,) = world.table.newest(world.conversation.partition, "OP#", 10)
    assert set(record) == {"pk", "sk", "did", "by", "at", "expires_at"}
    assert datetime.fromtimestamp(record["at"] / 1000, world.clock.now().tzinfo) == world.clock.now()
