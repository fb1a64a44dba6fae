"""What the bot cannot or must not answer ends with a person: a note, a task, a paused bot."""

from __future__ import annotations

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.doorbell import Ring
from dealtalk.errors import Permanent, Retryable
from dealtalk.messages import Attachment, AttachmentKind
from dealtalk.recovery.redrive import BUDGET, Fate, Redriver
from tests.fakes.letters import Letters
from tests.fakes.model import calls, says
from tests.fakes.world import PROFILE, World


def test_a_handoff_by_the_model_is_written_before_it_is_spoken_of() -> None:
    """Note and task first, then the reply that announces it; then the bot is silent."""
    world = World()
    world.model.lines = [
        calls(("hand_over", {"reason": "wants a person", "summary": "Разбито стекло, заказ 5512"})),
        says("Передал коллеге, он вам ответит."),
    ]
    world.says("позовите человека")
    world.work()
    assert world.replies == ["Передал коллеге, он вам ответит."]
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert "5512" in world.crm.notes[0][1].text
    assert world.crm.calls.index("add") < world.crm.calls.index("send")
    world.says("алло?")
    world.work()
    assert len(world.replies) == 1


def test_the_chat_is_left_to_a_person_after_the_last_word() -> None:
    """Where the CRM can pass a chat on, the bot may not speak after that: so it comes last, and once."""
    world = World()
    world.model.lines = [calls(("hand_over", {"reason": "wants a person", "summary": "x"})), says("Передал.")]
    world.says("позовите человека")
    world.work()
    assert world.crm.calls.index("send") < world.crm.calls.index("leave_to_person")
    assert len(world.crm.left_to_people) == 1


def test_an_answer_leaves_the_chat_to_nobody() -> None:
    """Only a handoff does."""
    world = World()
    world.says("сколько стоит?")
    world.work()
    assert world.replies
    assert world.crm.left_to_people == []


@pytest.mark.parametrize("failure", [Retryable("the CRM answered 503"), Permanent("the chat cannot be passed on")])
def test_a_chat_that_cannot_be_left_is_a_handoff_all_the_same(failure: Exception) -> None:
    """Note and task are there and the reply is out: the commit does not wait for the CRM's transfer."""
    world = World()
    world.model.lines = [calls(("hand_over", {"reason": "wants a person", "summary": "x"})), says("Передал.")]
    world.crm.fail("leave_to_person", failure)
    world.says("позовите человека")
    world.work()
    assert (world.replies, world.state.mode, world.state.turn) == (["Передал."], Mode.HUMAN, None)


def test_a_handoff_that_could_not_be_saved_is_not_claimed() -> None:
    """The CRM fails: no reply says "passed on"; it is retried."""
    world = World()
    world.model.lines = [calls(("hand_over", {"reason": "wants a person", "summary": "x"})), says("Передал.")]
    world.crm.fail("add", Retryable("the CRM answered 503"))
    world.says("позовите человека")
    with pytest.raises(Retryable):
        world.work()
    assert world.replies == []


@pytest.mark.parametrize(
    ("budget", "messages"),
    [("messages_per_conversation_per_day: 2", 3), ("tokens_per_conversation_per_day: 1000", 10)],
)
def test_a_used_up_budget_is_noticed_before_the_model_is_called(budget: str, messages: int) -> None:
    """No call is bought over the budget; a person is told once."""
    world = World(profile_text=PROFILE + f"budgets: {{{budget}}}\n")
    for number in range(messages):
        world.says(f"вопрос {number}")
        world.work(30)
    assert len(world.crm.tasks) == 1
    assert len(world.replies) == len(world.model.prompts) < messages
    assert world.state.mode is Mode.HUMAN


def test_the_days_budget_of_the_account_stops_every_conversation() -> None:
    """What another conversation spent counts."""
    world = World(profile_text=PROFILE + "budgets: {tokens_per_day: 1000}\n")
    day = f"DAY#{world.clock.now():%Y-%m-%d}"
    world.table.items[world.connection.partition, day] = {"pk": world.connection.partition, "sk": day, "tokens": 1000}
    world.says("окна")
    world.work()
    assert (world.replies, world.model.prompts, len(world.crm.tasks)) == ([], [], 1)


def test_the_budget_begins_anew_with_the_day() -> None:
    """Yesterday's replies do not count today."""
    world = World(profile_text=PROFILE + "budgets: {messages_per_conversation_per_day: 1}\n")
    world.says("раз")
    world.work()
    world.wait(days=1)
    world.says("два")
    world.work()
    assert len(world.replies) == 2


def test_a_voice_note_gets_an_honest_reply_and_a_note() -> None:
    """What cannot be read is never met with silence, costs no model call, and its link is kept for a person."""
    world = World()
    world.says("здравствуйте")
    world.work()
    asked = len(world.model.prompts)
    world.says("", Attachment(AttachmentKind.VOICE, "https://amojo.amocrm.ru/v.ogg", "v.ogg"))
    world.work()
    assert "голосовые" in world.replies[-1]
    assert "https://amojo.amocrm.ru/v.ogg" in world.crm.notes[0][1].text
    assert len(world.model.prompts) == asked


def test_a_picture_with_words_is_answered_by_the_model_which_knows_that_it_cannot_see_it() -> None:
    """The words are answered; the prompt says that the picture cannot be opened."""
    world = World()
    world.says("вот такое окно", Attachment(AttachmentKind.PICTURE, "https://amojo.amocrm.ru/p.jpg"))
    world.work()
    assert len(world.replies) == 1
    assert "cannot open" in world.model.prompt_text()


def test_the_customer_is_told_of_a_handoff_where_the_profile_says_so() -> None:
    """The message goes out after the note and the task were written, in the customer's language."""
    told = "handoff: {customer_message: {ru: Коллега ответит вам скоро., en: A colleague will answer soon.}}\n"
    world = World(profile_text=PROFILE + told)
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    world.work()
    assert world.replies == ["Коллега ответит вам скоро."]
    assert world.crm.calls.index("add") < world.crm.calls.index("send")
    assert world.state.mode is Mode.HUMAN


def test_a_turn_that_moved_the_deal_out_of_its_stages_still_ends_in_a_reply() -> None:
    """The model moves the deal where the bot does not work; a newer message drops the answer; the next one is given."""
    world = World(profile_text=PROFILE.replace("stages: [Новый, Квалификация]", "stages: [Новый]"))

    def interrupt(*_: object) -> object:
        world.says("и ещё двери")
        return says("старое")

    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), interrupt, says("новое")]  # type: ignore[list-item]
    world.says("окна")
    world.work()
    world.work()
    assert world.replies == ["новое"]


def test_draft_mode_sends_nothing_and_changes_nothing() -> None:
    """The reply and what would have been changed stand in one note."""
    world = World(profile_text=PROFILE + "mode: draft\n")
    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Какие размеры?")]
    world.says("окна")
    world.work()
    assert (world.replies, world.crm.changes) == ([], [])
    (note,) = [note.text for _, note in world.crm.notes]
    assert "Какие размеры?" in note
    assert "Квалификация" in note
    assert not world.state.is_waiting


def redrive(world: World, letters: Letters) -> dict[Fate, int]:
    """Let the redriver look once; only the fates that came to pass."""
    fates = Redriver(world.services, letters, world.responder.open_turn, lambda: 60).run()
    return {fate: count for fate, count in fates.items() if count}


def dead(world: World) -> Letters:
    """Return a dead-letter queue with this conversation's doorbell."""
    world.doorbell.waiting.clear()
    return Letters(Ring(world.conversation, world.connection.id, 1, "message").body())


def test_a_dead_doorbell_is_rung_anew_within_the_budget_and_then_a_person_is_told() -> None:
    """Twice the conversation gets another chance; the third time it is handed over."""
    world = World()
    world.says("окна")
    for _ in range(BUDGET):
        assert redrive(world, dead(world)) == {Fate.RUNG_ANEW: 1}
    assert redrive(world, dead(world)) == {Fate.HANDED_OVER: 1}
    assert len(world.crm.tasks) == 1
    assert world.state.mode is Mode.HUMAN


def test_a_dead_doorbell_is_kept_until_a_person_could_be_told() -> None:
    """While the CRM cannot be written to, the letter stays, with an error that an alarm counts."""
    world = World()
    world.says("окна")
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    world.crm.fail("add", Retryable("the CRM answered 503"))
    letters = dead(world)
    assert redrive(world, letters) == {Fate.KEPT: 1}
    assert letters.bodies
    assert world.watch.errors
    assert redrive(world, letters) == {Fate.HANDED_OVER: 1}
    assert not letters.bodies


def test_a_dead_doorbell_of_an_answered_conversation_is_dropped() -> None:
    """Nothing is unanswered: nobody is rung for."""
    world = World()
    world.says("окна")
    world.work()
    assert redrive(world, dead(world)) == {Fate.ANSWERED_ALREADY: 1}


def test_a_commit_gives_the_budget_back() -> None:
    """A conversation that was answered has its two chances again."""
    world = World()
    world.says("окна")
    redrive(world, dead(world))
    world.work()
    assert (len(world.replies), world.state.redrives) == (1, 0)


def test_a_body_that_is_no_doorbell_is_removed_with_an_error() -> None:
    """It can never be worked on."""
    world = World()
    assert redrive(world, Letters("no json")) == {Fate.UNREADABLE: 1}
    assert world.watch.errors
