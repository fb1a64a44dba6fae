"""A person steps in: the bot never speaks over them, and comes back by the rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.state import meta_key
from dealtalk.conversation.table import Update
from dealtalk.messages import Author, Chat
from dealtalk.workbench import POLL_OVERLAP
from tests.fakes.model import calls, says
from tests.fakes.world import CHAT, PROFILE, World


def test_an_employees_message_silences_the_bot() -> None:
    """What the customer writes after it is stored and not answered."""
    world = World()
    world.says("сколько стоит?")
    world.employee_says("Это Олег, сам вам посчитаю")
    world.says("ок, жду")
    world.work()
    assert world.replies == []
    assert world.state.mode is Mode.HUMAN
    assert world.model.prompts == []


def test_an_employee_who_writes_while_the_model_thinks_stops_the_reply() -> None:
    """The reply's start is conditional on the employee's number: the answer is withheld though it was thought."""
    world = World()
    world.says("сколько стоит?")

    def interrupt(*_: object) -> object:
        world.employee_says("Отвечу сам")
        return says("Сто рублей")

    world.model.lines = [interrupt]  # type: ignore[list-item]
    world.work()
    assert world.replies == []
    assert (world.state.mode, world.state.turn) == (Mode.HUMAN, None)


def test_an_employee_between_a_change_and_the_reply_stops_the_reply() -> None:
    """The change that was made stays in the ledger; the reply does not go out."""
    world = World()
    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Перевела")]
    world.at("update_deal", lambda: world.employee_says("Я здесь"))
    world.says("хочу окна")
    world.work()
    assert world.replies == []
    assert any("Квалификация" in row for row in world.changes())


def test_the_bot_comes_back_after_the_employees_silence_and_knows_what_they_said() -> None:
    """After the resume time one reply is given, its prompt holds the employee's words."""
    world = World()
    world.employee_says("Это Олег, сам посчитаю")
    world.says("ок, жду")
    world.work()
    assert world.replies == []
    world.wait(minutes=61)
    world.says("ну что там?")
    world.work()
    assert len(world.replies) == 1
    assert "сам посчитаю" in world.model.prompt_text()
    assert world.state.mode is None


def test_a_chat_that_a_person_leads_gets_a_timer_for_the_resume_time() -> None:
    """The customer who waits while a person leads is looked at when the bot may come back."""
    world = World()
    world.employee_says("Это Олег")
    world.says("ок, жду")
    world.work()
    due = world.due_in()
    assert due is not None
    assert 55 * 60 < due.total_seconds() <= 61 * 60


def test_the_bot_that_never_resumes_leaves_no_timer() -> None:
    """With `resume_after_minutes: -1` nobody is rung for a chat that a person leads."""
    world = World(profile_text=PROFILE.replace("resume_after_minutes: 60", "resume_after_minutes: -1"))
    world.employee_says("Это Олег")
    world.says("ок, жду")
    world.work()
    assert world.due_in() is None
    world.wait(days=3)
    world.says("алло")
    world.work()
    assert world.replies == []


def test_an_unknown_author_of_an_outgoing_message_counts_as_a_person() -> None:
    """Silence can be mended, speaking over a person cannot."""
    world = World()
    world.take(world.message("Добрый день", Author.UNKNOWN, outgoing=True))
    assert world.state.mode is Mode.HUMAN


def test_another_bots_message_is_noted_and_silences_nobody() -> None:
    """A Salesbot's greeting stands in the prompt as another bot's."""
    world = World()
    world.take(world.message("Спасибо за обращение!", Author.BOT))
    world.says("окна")
    world.work()
    assert len(world.replies) == 1
    assert "Спасибо за обращение!" in world.model.prompt_text()


def test_our_own_reply_coming_back_is_no_message() -> None:
    """The echo by its stored id changes nothing, also when it comes twice."""
    world = World()
    world.says("окна")
    world.work()
    for _ in range(2):
        echo = world.message(world.replies[0], Author.BOT, id=world.crm.sent[0].message_id)
        assert world.take(echo).stored == 0
    assert world.state.mode is None
    assert world.work(600) == []


def test_an_echo_that_overtakes_the_sends_own_answer_is_recognised_by_its_text() -> None:
    """It arrives before the send has returned: no takeover, and the reply is committed."""
    world = World()
    world.says("окна")
    echo = world.message("Здравствуйте!  чем помочь?", Author.BOT, id="out-1")
    send = world.crm.send

    def early(*args: object) -> object:
        world.take(echo)
        return send(*args)  # type: ignore[arg-type]

    world.crm.send = early  # type: ignore[assignment,method-assign]
    world.work()
    assert len(world.replies) == 1
    assert (world.state.mode, world.state.answered) == (None, 1)


@pytest.mark.parametrize(("echo_id", "mode"), [("out-1", None), ("typed-by-a-person", Mode.HUMAN)])
def test_a_message_with_our_text_by_an_employee_is_judged_by_its_id(echo_id: str, mode: Mode | None) -> None:
    """While the reply is open it is provisional; the commit knows the sent message's id and decides."""
    world = World()
    world.says("окна")
    echo = world.message("Здравствуйте! Чем помочь?", Author.EMPLOYEE, id=echo_id)
    send = world.crm.send

    def early(*args: object) -> object:
        world.take(echo)
        return send(*args)  # type: ignore[arg-type]

    world.crm.send = early  # type: ignore[assignment,method-assign]
    world.work()
    assert world.state.mode == mode


def test_where_no_webhook_tells_of_employees_the_crm_is_asked_once_before_the_first_effect() -> None:
    """An employee found by asking silences the bot before anything was written or sent."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Перевела")]
    world.crm.employee_writes(CHAT.chat_id)
    world.says("хочу окна")
    world.work()
    assert (world.replies, world.crm.changes) == ([], [])
    assert world.state.mode is Mode.HUMAN
    assert world.crm.calls.count("employee_wrote") == 1


def test_a_person_found_by_asking_is_followed_by_the_resume_rule_whatever_the_sweeper_had_in_mind() -> None:
    """The sweeper had backed off by half an hour: the timer is the resume rule's all the same."""
    world = World(profile_text=PROFILE.replace("resume_after_minutes: 60", "resume_after_minutes: 5"))
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.crm.employee_writes(CHAT.chat_id)
    world.says("хочу окна")
    in_half_an_hour = int(world.clock.now().timestamp()) + 1800
    world.table.update(Update(meta_key(world.conversation), {"due_at": in_half_an_hour, "due_tries": 5}))
    world.work()
    world.work()
    due = world.due_in()
    assert world.state.mode is Mode.HUMAN
    assert due is not None
    assert due.total_seconds() <= 5 * 60


def test_asking_for_employees_happens_once_in_a_turn() -> None:
    """Three effects and the reply, one question."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.model.lines = [
        calls(("update_deal", {"stage": "Квалификация"}), ("add_note", {"text": "заметка"})),
        says("Готово"),
    ]
    world.says("хочу окна")
    world.work()
    assert world.replies == ["Готово"]
    assert world.crm.calls.count("employee_wrote") == 1


def test_the_next_question_reaches_back_to_the_last_one_only() -> None:
    """What the last answered turn asked about is not asked again, but for a margin: a long chat is not read anew."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    asked: list[datetime] = []
    wrote = world.crm.employee_wrote

    def noted(chat: Chat, since: datetime) -> bool:
        asked.append(since)
        return wrote(chat, since)

    world.crm.employee_wrote = noted  # type: ignore[method-assign]
    for _ in range(2):
        world.says("окна")
        world.work()
        world.wait(minutes=10)
    first_turn = world.clock.now() - timedelta(minutes=20, seconds=5)
    assert asked[0] < first_turn - timedelta(minutes=30)
    assert asked[1] == first_turn - POLL_OVERLAP


def test_an_employee_who_wrote_since_the_last_question_is_found() -> None:
    """The shorter look back misses nobody."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.says("окна")
    world.work()
    world.wait(minutes=10)
    world.crm.employee_writes(CHAT.chat_id)
    world.wait(minutes=10)
    world.says("и двери")
    world.work()
    assert len(world.replies) == 1
    assert world.state.mode is Mode.HUMAN


def test_the_first_outgoing_webhook_ends_the_asking() -> None:
    """An account that is seen to tell of outgoing messages is not asked any more."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.take(world.message("Спасибо за обращение!", Author.BOT))
    world.says("окна")
    world.work()
    assert "employee_wrote" not in world.crm.calls
    assert len(world.replies) == 1
