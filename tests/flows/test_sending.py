"""Ways of sending: parts of a long reply, and ways that return no id."""

from __future__ import annotations

from dataclasses import replace

from dealtalk.connections import Mode
from dealtalk.messages import Author
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import says
from tests.fakes.world import PROFILE, World

LONG = "Первое предложение ответа. Второе предложение ответа. Третье предложение ответа."


def world_of_a_salesbot() -> World:
    """Return a world whose CRM queues messages and returns no id."""
    world = World()
    world.crm.returns_ids = False
    return world


def sweep(world: World, seconds: float) -> None:
    """Let time pass, the sweeper ring and the responder work."""
    world.wait(seconds=seconds)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()


def test_a_long_reply_goes_out_in_parts_at_sentence_ends() -> None:
    """No part exceeds the channel's limit, none is lost, and all are one turn."""
    world = World()
    world.crm.reply_limit = 60
    world.model.lines = [says(LONG)]
    world.says("расскажите")
    world.work()
    assert len(world.replies) > 1
    assert all(len(part) <= 60 and part.endswith(".") for part in world.replies)
    assert " ".join(world.replies) == LONG


def test_a_newer_message_does_not_stop_a_reply_halfway() -> None:
    """Between parts only an employee stops it."""
    world = World()
    world.crm.reply_limit = 60
    world.model.lines = [says(LONG), says("Ещё ответ.")]
    send = world.crm.send

    def interrupted(*args: object) -> object:
        receipt = send(*args)  # type: ignore[arg-type]
        if len(world.crm.sent) == 1:
            world.says("стойте")
        return receipt

    world.crm.send = interrupted  # type: ignore[assignment,method-assign]
    world.says("расскажите")
    world.work()
    assert " ".join(world.replies) == LONG


def test_an_employee_between_two_parts_stops_the_rest() -> None:
    """The first part is out; after the person's message nothing more is."""
    world = World()
    world.crm.reply_limit = 60
    world.model.lines = [says(LONG)]
    send = world.crm.send

    def interrupted(*args: object) -> object:
        receipt = send(*args)  # type: ignore[arg-type]
        if len(world.crm.sent) == 1:
            world.employee_says("Дальше я")
        return receipt

    world.crm.send = interrupted  # type: ignore[assignment,method-assign]
    world.says("расскажите")
    world.work()
    assert len(world.replies) == 1
    assert world.state.mode is Mode.HUMAN
    assert [item["text"] for item in world.timeline() if item["kind"] == "reply"] == world.replies


def test_a_queued_reply_is_done_when_it_is_seen_in_the_chat() -> None:
    """Its outgoing message confirms it; the timer finds nothing to do."""
    world = world_of_a_salesbot()
    world.says("окна")
    world.work()
    assert world.due_in() is not None
    world.take(world.message(world.replies[0], Author.BOT))
    sweep(world, 62)
    assert world.state.unconfirmed is None
    assert (world.state.mode, len(world.replies), world.due_in()) == (None, 1, None)


def test_a_queued_reply_that_never_appears_goes_to_a_person() -> None:
    """After a minute the CRM says no: a person is told, nothing is resent."""
    world = world_of_a_salesbot()
    world.says("окна")
    world.work()
    world.crm.sent.clear()
    sweep(world, 62)
    assert (world.replies, len(world.crm.tasks)) == ([], 1)
    assert world.state.mode is Mode.HUMAN
    world.says("алло?")
    world.work()
    sweep(world, 3700)
    assert len(world.crm.tasks) == 1


def test_a_queued_reply_that_nothing_can_see_stays_unconfirmed() -> None:
    """Where neither a webhook nor a question can show it, it is counted and left."""
    world = world_of_a_salesbot()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.crm.sees_texts = False
    world.says("окна")
    world.work()
    world.crm.sent.clear()
    sweep(world, 62)
    assert (world.state.unconfirmed, world.crm.tasks, world.state.mode) == (None, [], None)
    assert world.watch.counts["RepliesUnconfirmed"] == 1


def test_a_question_that_comes_before_the_reply_is_seen_waits_for_it() -> None:
    """A second Salesbot launched while one runs would be dropped: the bell rings again until the first is seen."""
    world = world_of_a_salesbot()
    world.says("окна")
    world.work()
    world.says("и двери")
    world.work()
    assert len(world.replies) == 1
    world.take(world.message(world.replies[0], Author.BOT))
    world.work()
    assert len(world.replies) == 2


def test_the_reply_is_cleaned_and_kept_within_the_profiles_limit() -> None:
    """Markup, foreign links and too many words do not reach the customer."""
    world = World(profile_text=PROFILE + "reply: {max_characters: 60}\n")
    world.model.lines = [says("**Да!** Смотрите https://evil.example/x сами. " + "Слово " * 40)]
    world.says("окна")
    world.work()
    (reply,) = world.replies
    assert len(reply) <= 60
    assert "**" not in reply
    assert "evil.example" not in reply
