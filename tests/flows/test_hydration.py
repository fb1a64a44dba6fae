"""A webhook brings ids only: nothing happens before the author is known, and what is read counts as if it had come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.oversight import Oversight
from dealtalk.conversation.table import TableBusy
from dealtalk.errors import CrmUnavailable, Retryable
from dealtalk.hydration import LISTED_WITHIN, Hydrator
from dealtalk.messages import Author
from dealtalk.recovery.redrive import BUDGET, Fate, Redriver
from tests.fakes.model import calls, says
from tests.fakes.world import CHAT, PROFILE, World, bare

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dealtalk.messages import InboundMessage


def pending(world: World) -> list[str]:
    """Return the ids of what is still to be read."""
    return [item["message_id"] for item in world.timeline() if item.get("pending")]


def interrupted(world: World, *lines: object, by: InboundMessage) -> None:
    """Let the model's first answer come after a message was told of."""

    def answer(*_: object) -> object:
        world.tells_of(by)
        return lines[0]

    world.model.lines = [answer, *lines[1:]]  # type: ignore[list-item]


def test_a_bare_id_is_read_and_answered() -> None:
    """Text, author and the chat's ids are the CRM's; one reply goes into the chat that it names."""
    world = World()
    result = world.tells_of(world.message("сколько стоит окно?"))
    assert (result.stored, result.rung, result.takeovers) == (1, 1, 0)
    assert (world.state.is_unread, world.state.mode, world.state.customer_no) == (True, None, 0)
    world.work()
    assert len(world.replies) == 1
    assert "сколько стоит окно?" in world.model.prompt_text()
    assert (world.state.chat, world.state.answered, world.state.is_unread) == (CHAT, 1, False)
    assert world.due_in() is None


def test_a_burst_of_bare_ids_is_read_in_one_go_and_is_one_turn() -> None:
    """Three ids cost one question to the CRM and get one answer."""
    world = World()
    for text in ("здравствуйте", "нужно окно", "двустворчатое"):
        world.tells_of(world.message(text))
    world.work()
    assert world.crm.calls.count("read_messages") == 1
    assert len(world.replies) == 1
    assert "двустворчатое" in world.model.prompt_text()


def test_an_employee_behind_a_bare_id_silences_the_bot() -> None:
    """The conversation is the person's from the moment that the id came, and comes back after their silence."""
    world = World()
    world.tells_of(world.message("сколько?"), world.message("Это Олег", Author.EMPLOYEE))
    world.tells_of(world.message("жду"))
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.HUMAN)
    world.wait(minutes=61)
    world.tells_of(world.message("ну что?"))
    world.work()
    assert len(world.replies) == 1
    assert "Это Олег" in world.model.prompt_text()


def test_an_employee_told_of_while_the_model_thinks_stops_every_effect() -> None:
    """The author is read before the first effect: neither change nor reply goes out."""
    world = World()
    interrupted(
        world,
        calls(("update_deal", {"stage": "Квалификация"})),
        says("Перевела"),
        by=world.message("Отвечу сам", Author.EMPLOYEE),
    )
    world.tells_of(world.message("хочу окна"))
    world.work()
    assert (world.replies, world.crm.changes, world.state.mode) == ([], [], Mode.HUMAN)


def test_an_employee_told_of_between_a_change_and_the_reply_stops_the_reply() -> None:
    """The change stays in the ledger."""
    world = World()
    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Перевела")]
    world.at("update_deal", lambda: world.tells_of(world.message("Я здесь", Author.EMPLOYEE)))
    world.tells_of(world.message("хочу окна"))
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.HUMAN)
    assert any("Квалификация" in row for row in world.changes())


def test_a_newer_question_behind_a_bare_id_makes_the_answer_stale() -> None:
    """The first answer is dropped, both questions are answered by one reply."""
    world = World()
    interrupted(world, says("Сто рублей"), by=world.message("и подоконник"))
    world.tells_of(world.message("сколько стоит окно?"))
    world.work()
    assert world.replies == []
    world.work()
    assert len(world.replies) == 1
    assert "и подоконник" in world.model.prompt_text()
    assert (world.state.answered, world.state.is_unread) == (2, False)


def test_a_comment_behind_a_bare_id_stops_nothing() -> None:
    """What nobody said leaves the timeline, and the answer goes out as it was thought."""
    world = World()
    comment = world.message("между нами", Author.EMPLOYEE)
    world.crm.comments.add(comment.id)

    def answer(*_: object) -> object:
        world.tells_of(comment, listed=False)
        return says("Сто рублей")

    world.model.lines = [answer]  # type: ignore[list-item]
    world.tells_of(world.message("сколько стоит окно?"))
    world.work()
    assert (world.replies, world.state.mode, len(world.model.prompts)) == (["Сто рублей"], None, 1)
    assert pending(world) == []


def test_our_own_first_part_coming_back_as_a_bare_id_does_not_stop_the_second() -> None:
    """It is known by the id that the send returned; the CRM is not asked about it."""
    world = World()
    world.crm.reply_limit = 30
    world.model.lines = [says("Первая часть ответа вот. Вторая часть ответа тут.")]
    send = world.crm.send

    def echoed(*args: object) -> object:
        receipt = send(*args)  # type: ignore[arg-type]
        world.take(bare(world.message("", Author.BOT, id=receipt.message_id)))
        return receipt

    world.crm.send = echoed  # type: ignore[assignment,method-assign]
    world.tells_of(world.message("окна"))
    world.work()
    assert len(world.replies) == 2
    world.work()
    assert (world.state.mode, world.state.is_unread, pending(world)) == (None, False, [])
    assert world.crm.calls.count("read_messages") == 1
    assert world.due_in() is None


def test_our_own_reply_as_a_bare_id_after_the_commit_is_no_message() -> None:
    """The record of its id is there: nothing is stored and nothing is rung for."""
    world = World()
    world.tells_of(world.message("окна"))
    world.work()
    result = world.take(bare(world.message("", Author.BOT, id=world.crm.sent[0].message_id)))
    assert (result.stored, result.known, result.rung) == (0, 1, 0)


def test_a_reply_whose_answer_was_lost_is_known_by_its_text() -> None:
    """The worker died after the send: the bare id of our own message is provisional, not a person's takeover."""
    world = World()
    world.crm.drop_answer("send")
    world.tells_of(world.message("окна"))
    with pytest.raises(Retryable):
        world.work()
    echo = world.message(world.replies[0], Author.BOT, id="from-the-crm")
    world.tells_of(echo)
    world.wait(seconds=70)
    world.work()
    assert (len(world.replies), world.state.mode, world.state.turn) == (1, None, None)
    assert pending(world) == []


def test_the_same_id_again_is_rung_for_while_it_is_not_answered() -> None:
    """The CRM sends again because the bell could not be rung: the message is stored once."""
    world = World()
    message = world.message("окна")
    world.tells_of(message)
    world.doorbell.take()
    result = world.tells_of(message)
    assert (result.stored, result.known, result.rung) == (0, 1, 1)


def test_a_message_that_the_crm_does_not_list_yet_is_asked_for_again() -> None:
    """It is told of before it is listed: the doorbell is to ring again soon, and then it is answered."""
    world = World()
    message = world.message("окна")
    world.tells_of(message, listed=False)
    with pytest.raises(Retryable) as early:
        world.work()
    assert early.value.after == 5.0
    world.crm.said[message.id] = message
    world.responder.wake(_ring(world), lambda: 85.0)
    assert len(world.replies) == 1


def test_a_message_that_is_not_listed_after_a_minute_was_deleted() -> None:
    """Nobody said it, so nothing waits."""
    world = World()
    world.tells_of(world.message("окна"), listed=False)
    world.work(LISTED_WITHIN.total_seconds() + 5)
    assert (world.replies, world.state.is_unread, world.state.mode) == ([], False, None)
    assert world.timeline() == []


def test_a_crm_that_cannot_be_read_is_asked_again_and_nothing_is_lost() -> None:
    """The failure leaves the message pending."""
    world = World()
    world.tells_of(world.message("окна"))
    world.crm.fail("read_messages", CrmUnavailable("down"))
    with pytest.raises(CrmUnavailable):
        world.work()
    assert world.state.is_unread
    world.responder.wake(_ring(world), lambda: 85.0)
    assert len(world.replies) == 1


def test_two_workers_that_read_the_same_message_come_to_the_same() -> None:
    """The second finds it read: one entry, one number, one turn."""
    world = World()
    world.tells_of(world.message("окна"))

    def other() -> None:
        Hydrator(world.table, world.clock, lambda: world.crm).hear(world.state)

    world.at("read_messages", other)
    world.work()
    assert len(world.replies) == 1
    assert [item["author"] for item in world.timeline() if item["kind"] == "message"] == ["customer"]
    assert (world.state.customer_no, world.state.read_no) == (1, 1)


def test_a_switched_off_conversation_is_not_read() -> None:
    """Where nobody is to be written to, the CRM is not asked what was said."""
    world = World()
    world.tells_of(world.message("окна"))
    world.work()
    Oversight(world.table, world.doorbell, world.clock, "test").pause(world.conversation, off=True)
    asked = world.crm.calls.count("read_messages")
    world.tells_of(world.message("ещё"))
    world.work()
    assert (world.crm.calls.count("read_messages"), len(world.replies)) == (asked, 1)


def test_who_resumed_the_bot_knew_of_the_employees_message_before() -> None:
    """It is read only afterwards and does not silence the bot again."""
    world = World()
    world.tells_of(world.message("сколько?"))
    world.tells_of(world.message("Это Олег", Author.EMPLOYEE))
    world.wait(seconds=1)
    Oversight(world.table, world.doorbell, world.clock, "test").resume(world.conversation)
    world.wait(seconds=1)
    world.tells_of(world.message("и сколько?"))
    world.work()
    assert (len(world.replies), world.state.mode) == (1, None)


def test_what_is_read_waits_for_the_employee_who_is_told_of_before_the_turn_is_claimed() -> None:
    """A message that comes while the others are read is read as well before anything is done."""
    world = World()
    world.tells_of(world.message("сколько?"))
    world.at("find_deal", lambda: world.tells_of(world.message("Это Олег", Author.EMPLOYEE)))
    world.work()
    assert (world.replies, world.state.mode) == ([], Mode.HUMAN)


def test_an_id_that_comes_in_the_instant_of_the_commit_keeps_its_timer() -> None:
    """The commit removes no timer while something is unread."""
    world = World()
    late = world.message("и ещё")
    world.tells_of(world.message("окна"))
    send = world.crm.send

    def then(*args: object) -> object:
        receipt = send(*args)  # type: ignore[arg-type]
        world.tells_of(late)
        world.doorbell.take()
        return receipt

    world.crm.send = then  # type: ignore[assignment,method-assign]
    world.work()
    assert (len(world.replies), world.state.is_unread) == (1, True)
    assert world.due_in() is not None


def test_more_ids_than_one_transaction_takes_are_all_read() -> None:
    """A long backlog is read in several writes."""
    world = World(profile_text=PROFILE)
    world.tells_of(*(world.message(f"строка {n}") for n in range(90)))
    world.work()
    assert (world.state.customer_no, world.state.read_no, pending(world)) == (90, 90, [])
    assert len(world.replies) == 1


def test_a_contended_conversation_is_left_to_the_next_ring() -> None:
    """Somebody writes between each look and each write: the worker gives up as a busy table does."""
    world = World()
    world.tells_of(world.message("окна"))
    state = world.state
    write = world.table.write

    def contended(*writes: object) -> None:
        world.table.items[world.conversation.partition, "META"]["employee_no"] = world.state.employee_no + 1
        write(*writes)  # type: ignore[arg-type]

    world.table.write = contended  # type: ignore[method-assign]
    with pytest.raises(TableBusy):
        Hydrator(world.table, world.clock, lambda: world.crm).hear(state)


def test_the_redriver_reads_before_it_calls_a_person() -> None:
    """A dead doorbell of what nobody said needs nobody."""
    world = World()
    comment = world.message("между нами", Author.EMPLOYEE)
    world.crm.comments.add(comment.id)
    world.tells_of(comment, listed=False)
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET

    class Letters:
        def take(self) -> Iterable[tuple[str, str]]:
            yield "receipt", _ring(world).body()

        def delete(self, _receipt: str) -> None:
            return None

    fates = Redriver(world.services, Letters(), world.responder.open_turn, lambda: 85.0).run()
    assert fates[Fate.ANSWERED_ALREADY] == 1
    assert world.crm.tasks == []


def _ring(world: World) -> Ring:
    return Ring(world.conversation, world.connection.id, world.state.arrived, "message")
