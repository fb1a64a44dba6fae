"""Interleavings that the simulation under faults (tests/faults) found, reduced to flows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.breaker import model_breaker
from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.state import meta_key, milliseconds
from dealtalk.deals import Assign, SetField
from dealtalk.errors import OutcomeUnknown, Permanent, Retryable
from dealtalk.recovery.redrive import BUDGET, Redriver
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.letters import Letters
from tests.fakes.model import calls, says
from tests.fakes.world import PROFILE, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dealtalk.ports import ModelAnswer

TOLD = "handoff: {customer_message: {ru: Коллега ответит вам скоро.}}\n"


class Killed(BaseException):
    """The process is gone."""


def heal(world: World) -> None:
    """Let timers run until nothing is due any more."""
    for _ in range(10):
        due = world.due_in()
        if due is None:
            return
        world.wait(seconds=max(due.total_seconds(), 0) + 1)
        Sweeper(world.table, world.doorbell, world.clock).run()
        world.work()


def set_city(world: World, value: str) -> None:
    """Let a person set the deal's field that the bot may overwrite."""
    deal = world.crm.deals["500"]
    world.crm.deals["500"] = replace(deal, fields={**deal.fields, "103": value})


def city(world: World) -> object:
    """Return what stands in that field."""
    return world.crm.deals["500"].fields.get("103")


def at_call(world: World, method: str, number: int, do: Callable[[], object]) -> None:
    """Let something happen just before the CRM's `number`th next call of `method`."""
    left = number

    def hook(name: str) -> None:
        nonlocal left
        if name == method:
            left -= 1
            if left == 0:
                world.crm.on_call = None
                do()

    world.crm.on_call = hook


def die() -> None:
    """End the process."""
    raise Killed


def world_that_sets_the_city(*more: tuple[str, dict[str, object]]) -> World:
    """Return a world whose model sets the city, then speaks."""
    world = World()
    world.model.lines = [calls(("update_deal", {"fields": {"Город": "Уфа"}}), *more), says("Готово")]
    return world


def test_a_plan_that_outlived_a_crash_does_not_replace_what_a_person_has_set_since() -> None:
    """Planned, killed, a person sets the field, planned changes are taken up: the person's value stays (seed 150)."""
    world = world_that_sets_the_city()
    at_call(world, "read_deal", 2, die)
    world.says("я из Уфы")
    with pytest.raises(Killed):
        world.work()
    set_city(world, "Казань")
    heal(world)
    assert city(world) == "Казань"
    assert world.crm.changes == []
    assert "Казань" in world.model.prompt_text()


def test_a_change_that_landed_and_was_changed_again_is_not_written_again() -> None:
    """The PATCH acted, its answer was lost, a person corrected it before the settling: one change, one row (286)."""
    world = world_that_sets_the_city()
    world.crm.drop_answer("update_deal")
    world.says("я из Уфы")
    with pytest.raises(Retryable):
        world.work()
    set_city(world, "Казань")
    heal(world)
    assert city(world) == "Казань"
    assert world.crm.changes == [("500", SetField("103", "Уфа"))]
    assert any("Казань" in row for row in world.changes())
    assert len(world.replies) == 1


def test_two_values_for_one_field_in_one_round_are_settled_as_one_request() -> None:
    """Not all of them can hold afterwards; that does not make the request one that never acted (seed 378)."""
    world = world_that_sets_the_city(("update_deal", {"fields": {"Город": "Казань"}}))
    world.crm.drop_answer("update_deal")
    world.says("я из Уфы, то есть из Казани")
    with pytest.raises(Retryable):
        world.work()
    heal(world)
    assert len(world.crm.changes) == 2
    assert city(world) == "Казань"


def test_a_change_of_another_value_does_not_hide_that_the_request_never_acted() -> None:
    """The deal's other values may change freely: the city is still as it was, so the change is made once."""
    world = world_that_sets_the_city()
    world.crm.fail("update_deal", OutcomeUnknown("no answer came"))
    world.says("я из Уфы")
    with pytest.raises(Retryable):
        world.work()
    world.crm.deals["500"] = replace(world.crm.deals["500"], responsible_id="8")
    heal(world)
    assert world.crm.changes == [("500", SetField("103", "Уфа"))]
    assert Assign("7") not in [change for _, change in world.crm.changes]


def test_a_request_without_an_answer_keeps_its_deal_to_itself() -> None:
    """It may act yet: the lease runs out by itself, so that no other chat writes in between (seeds 500, 612)."""
    world = world_that_sets_the_city()
    world.crm.fail("update_deal", OutcomeUnknown("no answer came"))
    world.says("я из Уфы")
    with pytest.raises(Retryable):
        world.work()
    (lease,) = [item for key, item in world.table.items.items() if key[1] == "LEASE"]
    assert lease["until"] > world.clock.now().timestamp()


def dead_letters(world: World, number: int) -> Letters:
    """Return a dead-letter queue with so many doorbells of the conversation; the queue itself is empty."""
    world.doorbell.waiting.clear()
    return Letters(*[Ring(world.conversation, world.connection.id, 1, "message").body()] * number)


def redrive(world: World, letters: Letters) -> None:
    """Let the redriver look once."""
    Redriver(world.services, letters, world.responder.open_turn, lambda: 60).run()


def test_a_handoff_says_nothing_to_the_customer_while_a_person_leads() -> None:
    """The doorbell died, meanwhile a person wrote and the customer answered: note and task, no word (seed 994)."""
    world = World(profile_text=PROFILE + TOLD)
    world.says("окна")
    world.employee_says("Это Олег")
    world.says("ок, жду")
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    redrive(world, dead_letters(world, 1))
    assert (len(world.crm.notes), len(world.crm.tasks), world.replies) == (1, 1, [])


def test_a_handoff_of_a_drafting_bot_says_nothing_to_the_customer() -> None:
    """Where the bot sends nothing, it sends no word about a person either."""
    world = World(profile_text=PROFILE + TOLD + "mode: draft\n")
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    world.work()
    assert (len(world.crm.tasks), world.replies) == (1, [])


def test_several_dead_doorbells_of_one_conversation_are_one_chance() -> None:
    """Three at once do not use up the budget of two and end with a person while the first rings anew."""
    world = World()
    world.says("окна")
    redrive(world, dead_letters(world, 3))
    assert (world.state.redrives, world.crm.tasks) == (1, [])
    world.work()
    assert len(world.replies) == 1


@pytest.mark.parametrize("sees_texts", [True, False])
def test_a_queued_reply_that_no_webhook_can_show_is_not_judged_in_its_first_minute(sees_texts: bool) -> None:
    """A second doorbell comes right after the commit: the bot is still queued, so "not there" means nothing (529)."""
    world = World()
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.crm.returns_ids, world.crm.sees_texts = False, sees_texts
    world.says("окна")
    world.work()
    sent = world.crm.sent.pop()
    ring(world)
    world.work()
    early = world.state
    assert early.unconfirmed is not None
    world.crm.sent.append(sent)
    heal(world)
    assert world.state.unconfirmed is None
    assert world.crm.tasks == []
    assert "RepliesUnconfirmed" not in world.watch.counts


def ring(world: World) -> None:
    """Ring once more."""
    connection = world.connection.id
    world.doorbell.ring(world.conversation, connection=connection, arrival=1, dedup="again", reason="due")


def never_seen(world: World) -> None:
    """Let a queued reply to the first message vanish, and its minute pass."""
    world.crm.returns_ids = False
    world.says("окна")
    world.work()
    world.crm.sent.clear()
    world.wait(seconds=62)


def test_a_handoff_of_an_answered_conversation_survives_a_crash() -> None:
    """Nothing waits any more, the handoff had just begun: the next wake-up ends it and pauses (seeds 4250, 5472)."""
    world = World()
    never_seen(world)
    at_call(world, "add", 2, die)
    ring(world)
    with pytest.raises(Killed):
        world.work()
    heal(world)
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert (world.state.turn, world.state.mode) == (None, Mode.HUMAN)


def test_a_handoff_that_was_begun_is_not_dropped_for_a_newer_message() -> None:
    """The reply to the first message is lost for good: somebody must be told, whatever comes after it (seed 4531)."""
    world = World()
    never_seen(world)
    at_call(world, "add", 1, die)
    ring(world)
    with pytest.raises(Killed):
        world.work()
    world.says("алло?")
    world.work()
    heal(world)
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert [item["kind"] for item in world.timeline()].count("handoff") == 1


def test_a_handoff_whose_message_was_sent_before_the_crash_still_pauses_the_bot() -> None:
    """Note, task and word to the customer are out, the commit is missing: it is made as a handoff."""
    world = World(profile_text=PROFILE + TOLD)
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    send = world.crm.send

    def die_after(*args: object) -> object:
        send(*args)  # type: ignore[arg-type]
        raise Killed

    world.crm.send = die_after  # type: ignore[assignment,method-assign]
    with pytest.raises(Killed):
        world.work()
    world.crm.send = send  # type: ignore[method-assign]
    heal(world)
    assert (len(world.replies), len(world.crm.tasks), world.state.mode) == (1, 1, Mode.HUMAN)


def test_a_handoff_whose_worker_died_right_after_the_claim_is_not_forgotten() -> None:
    """The claim used to note that the lost reply was judged; the reason was not written yet (seed 10844)."""
    world = World()
    never_seen(world)
    left = [3]

    def before(name: str) -> None:
        left[0] -= name in {"write", "update"}
        if left[0] == 0:
            world.table.before = None
            raise Killed

    world.table.before = before
    ring(world)
    with pytest.raises(Killed):
        world.work()
    heal(world)
    assert (len(world.crm.notes), len(world.crm.tasks), world.state.mode) == (1, 1, Mode.HUMAN)


def test_the_redrivers_handoff_settles_what_a_dead_worker_had_begun() -> None:
    """A handoff died after its note had landed: the redriver does not write the note again."""
    world = World()
    world.model.lines = [Permanent("the model refused the request")]
    world.crm.drop_answer("add")
    world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    letters = dead_letters(world, 1)
    world.wait(minutes=2)
    redrive(world, letters)
    assert (len(world.crm.notes), len(world.crm.tasks), letters.bodies) == (1, 1, {})


def test_the_redriver_keeps_a_letter_while_it_is_too_early_to_settle() -> None:
    """A send was begun a moment ago: its absence means nothing yet, so the letter waits for the next run."""
    world = World()
    world.crm.fail("send", OutcomeUnknown("no answer came"))
    world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    letters = dead_letters(world, 1)
    redrive(world, letters)
    assert len(letters.bodies) == 1
    world.wait(minutes=2)
    redrive(world, letters)
    assert (len(world.crm.tasks), letters.bodies) == (1, {})


def test_where_only_asking_shows_a_person_a_handoff_asks_before_it_speaks() -> None:
    """An employee wrote meanwhile: note and task are written, the customer hears nothing of the bot (seed 453)."""
    world = World(profile_text=PROFILE + TOLD)
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    world.crm.employee_writes("chat-1")
    world.work()
    assert (len(world.crm.notes), len(world.crm.tasks), world.replies) == (1, 1, [])
    assert (world.state.mode, world.state.turn) == (Mode.HUMAN, None)


def test_the_redrivers_handoff_ends_where_asking_finds_a_person() -> None:
    """The letter is done with: a person is there, and note and task are written once."""
    world = World(profile_text=PROFILE + TOLD)
    world.connections.save(replace(world.connection, outgoing_seen=False))
    world.says("окна")
    world.crm.employee_writes("chat-1")
    world.table.items[world.conversation.partition, "META"]["redrives"] = BUDGET
    letters = dead_letters(world, 1)
    redrive(world, letters)
    assert (len(world.crm.tasks), world.replies, letters.bodies) == (1, [], {})
    assert (world.state.mode, world.state.turn) == (Mode.HUMAN, None)


def test_a_breaker_that_was_opened_after_a_success_is_closed_by_the_next_one() -> None:
    """Counted, a success of another worker closed it, then opened: it is not half open for ever (seed 2507)."""
    world = World()
    key = model_breaker("", "")
    until = milliseconds(world.clock.now()) - 1000
    world.table.items[key] = {"pk": key[0], "sk": key[1], "open_until": until, "opened": 1}
    world.says("окна")
    world.work()
    assert len(world.replies) == 1
    assert "open_until" not in world.table.items[key]


def test_a_worker_that_was_overtaken_does_not_put_its_plan_in_the_place_of_the_new_owners() -> None:
    """It froze while the model thought; the new owner has planned and acted in the same turn (seed 4509)."""
    world = World()
    message = world.says("я из Уфы")

    def overtake(*_: object) -> ModelAnswer:
        world.wait(minutes=6)
        world.take(message)
        world.model.lines = [calls(("update_deal", {"fields": {"Город": "Уфа"}})), Retryable("the model is away")]
        with suppress(Retryable):
            world.work()
        return calls(("add_note", {"text": "план того, кого обогнали"}))

    world.model.lines = [overtake]
    world.work()
    turn = world.table.items[world.conversation.partition, "TURN#00000001"]
    assert turn["step_p0"]["data"]["acts"][0]["tool"] == "update_deal"
    assert not any("обогнали" in note.text for _, note in world.crm.notes)


def test_a_turn_whose_questions_were_answered_by_an_overtaken_worker_is_closed() -> None:
    """Its late commit raises what was answered and leaves the turn to the new owner, who finds nothing to answer."""
    world = World()
    world.says("окна")
    world.work()
    meta = world.table.items[meta_key(world.conversation)]
    meta |= {"turn": meta["fence"], "turn_seen": meta["customer_no"]}
    world.doorbell.ring(world.conversation, connection=world.connection.id, arrival=1, dedup="again", reason="due")
    world.work()
    assert world.state.turn is None
    assert world.due_in() is None
    assert len(world.replies) == 1
