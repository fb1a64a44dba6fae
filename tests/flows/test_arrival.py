"""Deliveries doubled, lost and late: each message counts once, and nobody is forgotten."""

from __future__ import annotations

import pytest

from dealtalk.conversation.rules import Doing
from dealtalk.errors import Retryable
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import says
from tests.fakes.world import CHAT, World


def test_a_second_delivery_is_stored_once_and_answered_once() -> None:
    """The CRM's id makes webhook and resend one message."""
    world = World()
    message = world.message("окна")
    assert world.take(message).stored == 1
    result = world.take(message)
    assert (result.stored, result.known) == (0, 1)
    world.work()
    assert len(world.replies) == 1


def test_a_delivery_again_after_the_answer_rings_nobody() -> None:
    """An answered message that comes again is known and done."""
    world = World()
    message = world.says("окна")
    world.work()
    world.wait(minutes=6)
    assert world.take(message).rung == 0
    assert world.work() == []


def test_an_unanswered_message_that_comes_again_is_rung_for_again() -> None:
    """The first ring was lost; the CRM's resend rings anew."""
    world = World()
    message = world.message("окна")
    world.doorbell.fail = Retryable("the queue is away")
    with pytest.raises(Retryable):
        world.take(message)
    world.wait(minutes=5)
    assert world.take(message).rung == 1
    world.work()
    assert len(world.replies) == 1


def test_two_messages_of_one_body_ring_once() -> None:
    """One doorbell per conversation, with the newest arrival number."""
    world = World()
    assert world.take(world.message("раз"), world.message("два")).rung == 1
    assert [ring.arrival for ring in world.doorbell.rings] == [2]


def test_a_lost_doorbell_is_healed_by_the_sweeper() -> None:
    """Storing set the timer; the sweeper claims it once, rings, and the message is answered."""
    world = World()
    world.says("окна")
    world.doorbell.waiting.clear()
    world.wait(seconds=95)
    sweeper = Sweeper(world.table, world.doorbell, world.clock)
    assert sweeper.run().rung == 1
    assert sweeper.run().rung == 0
    world.work()
    assert len(world.replies) == 1
    assert world.due_in() is None


def test_a_message_during_the_models_thinking_drops_the_stale_answer_once() -> None:
    """The customer gets one reply to everything, not two."""
    world = World()
    world.says("здравствуйте")

    def interrupt(*_: object) -> object:
        world.says("и ещё балкон")
        return says("Слушаю вас")

    world.model.lines = [interrupt, says("Окна и балкон, записала")]  # type: ignore[list-item]
    world.work()
    assert world.replies == []
    world.work()
    assert world.replies == ["Окна и балкон, записала"]
    assert "и ещё балкон" in world.model.prompt_text()


def test_a_customer_who_never_stops_is_answered_all_the_same() -> None:
    """An answer is dropped at most once until a commit: the second one goes out though more has come."""
    world = World()
    world.says("здравствуйте")

    def interrupt(*_: object) -> object:
        world.says("и ещё")
        return says("Слушаю вас")

    world.model.lines = [interrupt, interrupt]  # type: ignore[list-item]
    world.work()
    world.work()
    assert world.replies == ["Слушаю вас"]
    world.work()
    assert len(world.replies) == 2


def test_a_superseded_doorbell_leaves_the_work_to_the_newer_one() -> None:
    """The bell of the first message says nothing while the second one's is on its way."""
    world = World()
    world.says("раз")
    world.wait(seconds=2)
    world.says("два")
    world.wait(seconds=3)
    ring = world.doorbell.take()
    assert ring is not None
    decision = world.responder.wake(ring, lambda: 80)
    assert (decision.doing, decision.why) == (Doing.NOTHING, "a_newer_message_rings")


def test_the_max_wait_ends_the_patience() -> None:
    """A customer who writes every two seconds is answered after 20 seconds."""
    world = World()
    for number in range(12):
        world.says(f"слово {number}")
        world.work(2)
    assert len(world.replies) == 1
    assert "слово 9" in world.model.prompt_text(0)


def test_a_longer_quiet_time_rings_again() -> None:
    """A bell before the quiet time is over rings anew instead of vanishing."""
    world = World(profile_text=World().profile_text.replace("quiet_seconds: 3", "quiet_seconds: 10"))
    world.says("окна")
    (first,) = world.work()
    assert (first.doing, first.why) == (Doing.RING_AGAIN, "not_quiet_yet")
    world.work()
    world.work()
    assert len(world.replies) == 1


def test_the_newest_message_decides_the_chats_ids() -> None:
    """A talk that moved to another lead is answered in that lead."""
    world = World()
    world.crm.deals["501"] = world.deal.__class__("501", "Вторая", "10", "11", "7")
    world.says("раз")
    world.take(world.message("два", chat=CHAT.__class__("chat-1", "77", "501", "900", "telegram")))
    world.work()
    assert world.crm.sent[0].deal_id == "501"


def test_a_chat_without_a_deal_asks_the_crm_for_it() -> None:
    """A contact's message names no lead: it is found through the talk."""
    world = World()
    world.crm.deal_of["chat-1"] = "500"
    world.take(world.message("окна", chat=CHAT.__class__("chat-1", "77", None, "900", "telegram")))
    world.work()
    assert world.crm.sent[0].deal_id == "500"
    assert world.crm.calls[0] == "find_deal"


def test_what_is_too_old_goes_to_a_person() -> None:
    """Nobody gets an answer of the bot to a message of the day before yesterday."""
    world = World()
    world.take(world.message("окна", sent_at=world.clock.now().replace(day=20)))
    world.work()
    assert world.replies == []
    assert len(world.crm.tasks) == 1
