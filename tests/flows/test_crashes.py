"""The worker dies, answers are lost, the CRM and the model fail: settled by asking, never repeated blindly."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import ConnectionState, Mode, UncertainSend
from dealtalk.conversation.rules import Doing
from dealtalk.errors import LimitedAfterWrite, NeedsAttention, Permanent, RateLimited, Retryable
from dealtalk.ports import Certainty, Role
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import calls, says
from tests.fakes.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.ports import ModelAnswer, PromptMessage


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def kill_before(world: World, method: str) -> None:
    """Let the worker die just before the CRM's next call of `method`."""

    def die() -> None:
        raise Killed

    world.at(method, die)


def kill_at_write(world: World, number: int) -> None:
    """Let the worker die just before its `number`th write to the table from now."""
    left = number

    def before(name: str) -> None:
        nonlocal left
        if name in {"write", "update"}:
            left -= 1
            if left == 0:
                world.table.before = None
                raise Killed

    world.table.before = before


def sweep(world: World) -> None:
    """Let the sweeper run when the timer is due, then the responder."""
    due = world.due_in()
    if due is not None and due > timedelta(0):
        world.clock.forward(seconds=due.total_seconds() + 1)
    Sweeper(world.table, world.doorbell, world.clock).run()
    world.work()


def heal(world: World) -> None:
    """Let timers run until nothing is due any more."""
    for _ in range(10):
        if world.due_in() is None:
            return
        sweep(world)


def test_a_worker_that_dies_before_the_send_is_replaced() -> None:
    """The CRM says that nothing was sent: the reply goes out once, and the model's answer is not bought twice."""
    world = World()
    world.model.lines = [says("Добрый день")]
    world.says("окна")
    kill_before(world, "send")
    with pytest.raises(Killed):
        world.work()
    heal(world)
    assert world.replies == ["Добрый день"]
    assert len(world.model.prompts) == 1


def test_a_worker_that_dies_after_the_send_sends_nothing_again() -> None:
    """The commit was lost; our text is found in the chat and the turn is committed."""
    world = World()
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
    assert len(world.replies) == 1
    assert (world.state.answered, world.state.turn) == (1, None)


@pytest.mark.parametrize("write", range(1, 12))
def test_a_worker_that_dies_at_any_write_leaves_one_reply_and_one_change(write: int) -> None:
    """Wherever the worker dies: in the end one reply, each change once, one note."""
    world = World()

    def seller(prompt: Sequence[PromptMessage], _tools: object) -> ModelAnswer:
        if any(message.role is Role.TOOL for message in prompt):
            return says("Записала")
        return calls(("update_deal", {"stage": "Квалификация"}), ("add_note", {"text": "Хочет окна"}))

    world.model.lines = [seller] * 4
    world.says("окна")
    kill_at_write(world, write)
    with suppress(Killed):
        world.work()
    world.table.before = None
    heal(world)
    assert world.replies == ["Записала"]
    assert [type(change).__name__ for _, change in world.crm.changes] == ["MoveStage"]
    assert len(world.crm.notes) == 1
    assert world.state.turn is None


def test_a_lost_answer_to_the_send_is_asked_about() -> None:
    """The message went out, the response did not come: the CRM is asked, the customer hears it once."""
    world = World()
    world.crm.drop_answer("send")
    world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    heal(world)
    assert len(world.replies) == 1


@pytest.mark.parametrize(
    ("rule", "replies", "mode"), [(UncertainSend.ASK_HUMAN, 1, Mode.HUMAN), (UncertainSend.RESEND, 2, None)]
)
def test_a_send_that_cannot_be_asked_about_follows_the_connections_rule(
    rule: UncertainSend, replies: int, mode: Mode | None
) -> None:
    """Where the CRM cannot say, a person is asked; or, where so configured, it is sent again."""
    world = World()
    world.connections.save(replace(world.connection, uncertain_send=rule))
    world.crm.drop_answer("send")
    world.crm.was_sent = lambda *_: Certainty.UNKNOWN  # type: ignore[method-assign]
    world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    heal(world)
    assert len(world.replies) == replies
    assert world.state.mode == mode


def test_a_lost_answer_to_a_change_is_settled_by_reading_the_deal() -> None:
    """The PATCH acted, its answer was lost: the deal is read, the change is not written twice."""
    world = World()
    world.model.lines = [calls(("update_deal", {"stage": "Квалификация"})), says("Готово")]
    world.crm.drop_answer("update_deal")
    world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    heal(world)
    assert world.replies == ["Готово"]
    assert len(world.crm.changes) == 1


def test_a_change_that_may_not_be_read_back_yet_is_settled_with_its_old_value() -> None:
    """The PATCH acted, reading it back met a 429: after the cool-down the ledger has the old value and one change."""
    world = World(deal=replace(World().deal, fields={"103": "Уфа"}))
    world.model.lines = [calls(("update_deal", {"fields": {"Город": "Казань"}})), says("Записала: Казань")]
    world.crm.drop_answer("update_deal", LimitedAfterWrite("429", after=2))
    world.says("окна")
    (decision,) = world.work()
    assert (decision.doing, decision.why) == (Doing.RING_AGAIN, "connection_cools_down")
    world.work()
    assert world.replies == ["Записала: Казань"]
    assert len(world.crm.changes) == 1
    (row,) = [item for item in world.timeline() if (item.get("change") or {}).get("do") == "field"]
    assert (row["applied"], row["old"], row["new"]) == (True, "Уфа", "Казань")
    told = world.model.prompt_text()
    assert "somebody else" not in told
    assert "Уфа" in world.crm.notes[0][1].text


def test_a_crm_that_says_too_many_requests_is_left_alone_for_everybody() -> None:
    """A 429 with a long wait cools the whole connection down; the doorbell is not burnt, the timer brings it back."""
    world = World()
    world.crm.fail("read_deal", RateLimited("slow down", after=300))
    world.says("окна")
    (decision,) = world.work()
    assert (decision.doing, decision.why) == (Doing.LOOK_AGAIN, "connection_cools_down")
    asked = len(world.crm.calls)
    world.says("алло")
    world.work()
    assert len(world.crm.calls) == asked
    heal(world)
    assert len(world.replies) == 1


def test_a_dead_model_is_retried_by_the_doorbell() -> None:
    """A model that fails raises Retryable: the queue delivers the bell again."""
    world = World()
    world.model.lines = [Retryable("the model answered 503")]
    message = world.says("окна")
    with pytest.raises(Retryable):
        world.work()
    assert world.replies == []
    world.wait(minutes=6)
    world.take(message)
    world.work()
    assert len(world.replies) == 1


def test_a_refused_request_to_the_model_ends_with_a_person() -> None:
    """What cannot succeed is not retried: note, task and a paused bot."""
    world = World()
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    world.work()
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert (world.state.mode, world.state.is_waiting) == (Mode.HUMAN, False)


def test_a_handoff_that_fails_halfway_goes_on_where_it_stopped() -> None:
    """The note is written, the task fails: the next wake-up writes the task only, and asks no model."""
    world = World()
    world.model.lines = [Permanent("the model refused the request")]
    world.says("окна")
    added = world.crm.add

    def fail_task(deal_id: str, addition: object) -> object:
        if type(addition).__name__ == "AddTask":
            raise Retryable("the CRM answered 503")
        return added(deal_id, addition)  # type: ignore[arg-type]

    world.crm.add = fail_task  # type: ignore[assignment,method-assign]
    with pytest.raises(Retryable):
        world.work()
    world.crm.add = added  # type: ignore[method-assign]
    heal(world)
    assert (len(world.crm.notes), len(world.crm.tasks), len(world.model.prompts)) == (1, 1, 1)
    assert world.state.mode is Mode.HUMAN


def test_a_dead_token_marks_the_connection_and_keeps_the_messages() -> None:
    """The connection needs attention; after it works again the message is answered."""
    world = World()
    world.crm.fail("read_deal", NeedsAttention("the token is dead"))
    world.says("окна")
    world.work()
    connection = world.connections.load("amocrm", world.connection.id)
    assert connection is not None
    assert (connection.state, connection.state_reason) == (ConnectionState.NEEDS_ATTENTION, "the token is dead")
    world.connections.recovered(connection)
    heal(world)
    assert len(world.replies) == 1


def test_a_turn_out_of_time_rings_again_and_goes_on() -> None:
    """With no seconds left for the model the bell rings anew, and nothing is lost."""
    world = World(seconds_left=10)
    world.says("окна")
    (decision,) = world.work()
    assert (decision.doing, decision.why) == (Doing.RING_AGAIN, "out_of_time")
    world.seconds_left = 85
    world.work()
    assert len(world.replies) == 1


def test_a_worker_that_was_overtaken_starts_nothing() -> None:
    """Another worker claims while the model thinks: the first one's reply does not go out."""
    world = World()
    message = world.says("окна")

    def overtake(*_: object) -> object:
        world.wait(minutes=6)
        world.take(message)
        world.work()
        return says("поздно")

    world.model.lines = [overtake, says("вовремя")]  # type: ignore[list-item]
    world.work()
    assert world.replies == ["вовремя"]


def test_a_crash_before_a_newer_message_drops_the_unfinished_turn() -> None:
    """What was thought for the old question is not sent; the new turn sees both messages."""
    world = World()
    world.model.lines = [says("старое")]
    world.says("окна")
    kill_before(world, "send")
    with pytest.raises(Killed):
        world.work()
    world.wait(seconds=70)
    world.says("нет, двери")
    world.model.lines = [says("новое")]
    world.work()
    heal(world)
    assert world.replies == ["новое"]
