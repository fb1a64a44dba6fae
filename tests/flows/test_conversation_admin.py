"""An operator pauses a conversation, resumes it, asks for another try, has it forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.forgetting import KEPT, Forgetting
from dealtalk.conversation.oversight import NoConversation, Oversight
from dealtalk.conversation.state import seen_key
from dealtalk.conversation.table import TableBusy
from dealtalk.errors import NeedsHuman, Permanent, Retryable
from dealtalk.messages import Author, ConversationKey
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import calls, says
from tests.fakes.world import CHAT, PROFILE, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.conversation.forgetting import Erased

NEVER_RESUMES = PROFILE.replace("resume_after_minutes: 60", "resume_after_minutes: -1")


def operator(world: World) -> Oversight:
    """Return the commands of somebody."""
    return Oversight(world.table, world.doorbell, world.clock, "olga")


def pause(world: World, *, off: bool = False) -> None:
    """Silence the bot."""
    operator(world).pause(world.conversation, off=off)


def resume(world: World) -> bool:
    """Let the bot come back."""
    return operator(world).resume(world.conversation)


def forget(world: World) -> Erased:
    """Have the conversation forgotten."""
    return Forgetting(world.table, world.clock, "olga").forget(world.conversation)


def orders(world: World) -> list[tuple[str, str]]:
    """Return what was done by whom, in order."""
    items = world.table.newest(world.conversation.partition, "OP#", 100)
    return [(item["did"], item["by"]) for item in items]


def held(world: World) -> str:
    """Return all that the table holds of the conversation and beside it, as one text."""
    return repr(world.table.items)


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


def lived(world: World) -> list[str]:
    """Let a conversation have everything, and return what must not be found afterwards."""
    world.model.lines = [
        calls(("update_deal", {"stage": "Квалификация", "fields": {"Город": "Тверь-секрет"}})),
        says("Ответ-секрет"),
    ]
    first = world.says("вопрос-секрет")
    world.work()
    person = world.message("сотрудник-секрет", Author.EMPLOYEE)
    world.take(person)
    last = world.says("ещё-секрет")
    sent = world.crm.sent[0].message_id
    assert sent is not None
    return ["секрет", CHAT.chat_id, "'900'", "'77'", *(f"{each}'" for each in (first.id, person.id, last.id, sent))]


def test_a_forgotten_conversation_leaves_nothing_of_the_customer() -> None:
    """No text, no reply, no change and no id of a message, chat or contact stands in any item of the table."""
    world = World()
    secrets = lived(world)
    assert all(secret in held(world) for secret in secrets[:4])
    erased = forget(world)
    assert erased.entries >= 4
    assert erased.turns == 1
    assert [secret for secret in secrets if secret in held(world)] == []
    assert orders(world) == [("forgotten", "olga")]


def test_what_meta_keeps_are_numbers_and_the_mode() -> None:
    """The list of what is kept decides, so that an attribute which is added later is erased by itself."""
    world = World()
    lived(world)
    world.table.items[world.conversation.partition, "META"]["new_attribute"] = "секрет"
    forget(world)
    meta = world.table.items[world.conversation.partition, "META"]
    assert set(meta) <= {*KEPT, "pk", "sk", "answered", "forgotten", "forgotten_at", "expires_at"}
    assert world.state.mode is Mode.HUMAN


def test_a_later_message_of_the_same_customer_begins_a_new_history() -> None:
    """It is answered, and the prompt knows nothing of what was before."""
    world = World()
    world.says("вопрос-секрет")
    world.work()
    world.wait(minutes=1)
    forget(world)
    world.says("здравствуйте")
    world.work()
    assert len(world.replies) == 2
    assert "секрет" not in world.model.prompt_text()
    assert next(item["text"] for item in world.timeline()) == "здравствуйте"


def test_a_webhook_that_comes_again_brings_nothing_back() -> None:
    """The forgotten message is still known, by its hash; it is neither stored nor rung for."""
    world = World()
    message = world.says("вопрос-секрет")
    echo = None
    world.work()
    echo = world.message(world.replies[0], Author.BOT, id=world.crm.sent[0].message_id)
    forget(world)
    world.doorbell.waiting.clear()
    assert (world.take(message).known, world.take(echo).known) == (1, 1)
    assert (world.timeline(), world.doorbell.waiting, world.state.mode) == ([], [], None)


def test_the_record_of_a_known_message_outlives_the_forgetting() -> None:
    """It holds a number and when it expires; META lives a day longer."""
    world = World()
    message = world.says("вопрос-секрет")
    forget(world)
    record = world.table.items[seen_key(world.conversation, message.id)]
    assert set(record) == {"pk", "sk", "arrival", "expires_at"}
    meta = world.table.items[world.conversation.partition, "META"]
    assert meta["expires_at"] > record["expires_at"]


@pytest.mark.parametrize("method", ["find_deal", "read_deal", "update_deal", "add", "send"])
def test_a_worker_that_is_under_way_brings_nothing_back(method: str) -> None:
    """Wherever it stands when the conversation is forgotten, it writes nothing of the customer's any more."""
    world = World()
    world.model.lines = [
        calls(
            ("update_deal", {"stage": "Квалификация", "fields": {"Город": "Тверь-секрет"}}),
            ("add_note", {"text": "заметка-секрет"}),
        ),
        says("Ответ-секрет"),
    ]
    world.at(method, lambda: forget(world))
    world.says("вопрос-секрет")
    world.work()
    assert method in world.crm.calls
    assert "секрет" not in held(world)
    assert world.work(600) == []


def test_the_echo_of_a_reply_that_was_under_way_is_known() -> None:
    """It was sent just before the forgetting and committed after it: its echo is no message of a new history."""
    world = World()
    world.says("окна")
    send = world.crm.send

    def late(*arguments: object) -> object:
        receipt = send(*arguments)  # type: ignore[arg-type]
        forget(world)
        return receipt

    world.crm.send = late  # type: ignore[assignment,method-assign]
    world.work()
    echo = world.message(world.replies[0], Author.EMPLOYEE, id=world.crm.sent[0].message_id)
    assert world.take(echo).known == 1
    assert (world.timeline(), world.state.mode) == ([], None)


def test_a_message_that_is_stored_in_the_same_instant_belongs_to_the_new_history() -> None:
    """Either it is forgotten with the rest or it is kept and answered: never half of both."""
    world = World()
    world.says("вопрос-секрет")
    world.work()
    message = world.message("новое")

    def between(name: str) -> None:
        if name == "write":
            world.table.before = None
            forget(world)

    world.table.before = between
    world.take(message)
    world.work()
    assert len(world.replies) == 2
    assert "секрет" not in world.model.prompt_text()


def test_a_forgetting_that_broke_off_is_never_read_and_is_completed_by_the_next() -> None:
    """The past is cut off by the first write; entries that are left are not told to the model."""
    world = World()
    world.says("вопрос-секрет")
    world.work()
    writes = 0

    def broken(name: str) -> None:
        nonlocal writes
        writes += name == "write"
        if writes == 2:
            raise TableBusy("the table answered 503")

    world.table.before = broken
    with pytest.raises(TableBusy):
        forget(world)
    world.table.before = None
    assert "секрет" in held(world)
    world.says("новое")
    world.work()
    assert "секрет" not in world.model.prompt_text()
    forget(world)
    assert "секрет" not in held(world)


@pytest.mark.parametrize("minutes", [0, 20])
def test_a_long_conversation_is_erased_in_pages(minutes: int) -> None:
    """More entries and turns than one read or one transaction takes; young turns leave gravestones for a day."""
    world = World(profile_text=PROFILE + "budgets: {messages_per_conversation_per_day: 500}\n")
    for number in range(120):
        world.says(f"секрет {number}")
        world.work()
    assert len(world.replies) == 120
    world.wait(minutes=minutes)
    erased = forget(world)
    assert (erased.entries, erased.turns) == (240, 120)
    assert "секрет" not in held(world)
    assert bool(world.table.newest(world.conversation.partition, "TURN#", 10)) is (minutes == 0)


def test_off_outlives_the_forgetting() -> None:
    """The wish not to be written to holds for who was forgotten too, without an end."""
    world = World()
    world.says("не пишите мне")
    pause(world, off=True)
    forget(world)
    world.says("ещё раз")
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.OFF)
    assert "expires_at" not in world.table.items[world.conversation.partition, "META"]


def test_what_is_recorded_of_a_command_is_who_gave_it_and_when() -> None:
    """Nothing of the customer's stands in it."""
    world = World()
    world.says("окна")
    pause(world)
    (record,) = world.table.newest(world.conversation.partition, "OP#", 10)
    assert set(record) == {"pk", "sk", "did", "by", "at", "expires_at"}
    assert datetime.fromtimestamp(record["at"] / 1000, world.clock.now().tzinfo) == world.clock.now()
