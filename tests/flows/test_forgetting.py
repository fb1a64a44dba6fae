"""An operator has a conversation forgotten: nothing of the customer is left, and nothing brings it back."""

from __future__ import annotations

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.forgetting import KEPT
from dealtalk.conversation.state import seen_key
from dealtalk.conversation.table import TableBusy
from dealtalk.messages import Author
from tests.fakes.model import calls, says
from tests.fakes.world import CHAT, PROFILE, World
from tests.flows.commands import forget, held, orders, pause


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
