"""A model or a CRM that is down: everybody rests, one worker tries, customers are not forgotten."""

from __future__ import annotations

from contextlib import suppress

import pytest

from dealtalk.connections import Mode
from dealtalk.conversation.breaker import OPENS_AFTER
from dealtalk.conversation.rules import Doing
from dealtalk.errors import CrmUnavailable, ModelUnavailable, Retryable
from dealtalk.messages import ConversationKey
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.world import CHAT, PROFILE, World


def another_customer(world: World, number: int) -> None:
    """Let a customer of another chat write."""
    key = ConversationKey.of_chat("amocrm", world.connection.account, f"other-{number}")
    chat = CHAT.__class__(f"other-{number}", "77", "500", "900", "telegram")
    world.take(world.message("окна", conversation=key, chat=chat))


def fail_until_open(world: World, error: Retryable) -> None:
    """Let as many wake-ups fail as open a breaker."""
    for number in range(OPENS_AFTER):
        another_customer(world, number)
        if isinstance(error, ModelUnavailable):
            world.model.lines.append(error)
        else:
            world.crm.fail("read_deal", error)
        with suppress(Retryable):
            world.work()


@pytest.mark.parametrize("error", [ModelUnavailable("503"), CrmUnavailable("503")])
def test_an_open_breaker_burns_no_receive_and_calls_nobody(error: Retryable) -> None:
    """The doorbell is acknowledged, the timer set to the end of the rest."""
    world = World()
    fail_until_open(world, error)
    asked, called = len(world.model.prompts), len(world.crm.calls)
    world.says("алло")
    (decision,) = world.work()
    assert decision.doing is Doing.LOOK_AGAIN
    assert decision.why in {"model_rests", "crm_rests"}
    assert (len(world.model.prompts), len(world.crm.calls)) == (asked, called)


@pytest.mark.parametrize("error", [ModelUnavailable("503"), CrmUnavailable("503")])
def test_after_the_rest_the_customer_is_answered_and_the_breaker_closes(error: Retryable) -> None:
    """The sweeper rings, one worker tries, it works, and the next message is answered at once."""
    world = World()
    fail_until_open(world, error)
    world.says("алло")
    world.work()
    for _ in range(6):
        world.wait(seconds=60)
        Sweeper(world.table, world.doorbell, world.clock).run()
        world.work()
    assert len(world.replies) == OPENS_AFTER + 1
    world.says("ещё")
    world.work()
    assert len(world.replies) == OPENS_AFTER + 2


def test_a_customer_who_waits_too_long_for_the_model_gets_a_word_and_a_person() -> None:
    """After the profile's time: the holding message once, note and task, a paused bot."""
    told = "handoff: {customer_message: {ru: Передали коллеге.}}\n"
    timing = "timing: {quiet_seconds: 3, max_wait_seconds: 20, max_wait_for_model_minutes: 5}"
    profile = PROFILE.replace("timing: {quiet_seconds: 3, max_wait_seconds: 20}", timing) + told
    world = World(profile_text=profile)
    world.model.lines = [ModelUnavailable("503")] * 50
    world.says("окна")
    for _ in range(12):
        with suppress(Retryable):
            world.work(60)
        Sweeper(world.table, world.doorbell, world.clock).run()
    assert world.replies == ["Передали коллеге."]
    assert len(world.crm.tasks) == 1
    assert world.state.mode is Mode.HUMAN


def fail_once(world: World) -> None:
    """Let the model fail at the next wake-up."""
    world.model.lines.append(ModelUnavailable("503"))
    with suppress(Retryable):
        world.work()


def test_a_question_that_had_waited_for_other_reasons_is_not_handed_over_at_the_models_first_failure() -> None:
    """The CRM was down for an hour: the time for the model runs from the model's own first failure."""
    world = World()
    world.says("окна")
    world.crm.fail("read_deal", CrmUnavailable("503"))
    with suppress(Retryable):
        world.work()
    world.wait(hours=1)
    world.sweep()
    fail_once(world)
    assert world.crm.tasks == []
    world.wait(minutes=4)
    world.sweep()
    world.work()
    assert len(world.replies) == 1


def test_a_question_that_a_person_left_behind_begins_to_wait_for_the_model_when_the_bot_comes_back() -> None:
    """A failure from before the person's hour does not count, nor does that hour."""
    world = World()
    world.says("окна")
    fail_once(world)
    world.employee_says("Минуту")
    world.says("жду")
    world.wait(minutes=61)
    world.sweep()
    fail_once(world)
    assert world.crm.tasks == []
    assert world.state.model_failed_at is not None
    world.wait(minutes=11)
    world.sweep()
    fail_once(world)
    assert len(world.crm.tasks) == 1


def test_an_answer_ends_the_wait_for_the_model() -> None:
    """The next question has the profile's whole time again."""
    world = World()
    world.says("окна")
    fail_once(world)
    world.wait(minutes=3)
    world.sweep()
    world.work()
    assert len(world.replies) == 1
    world.wait(minutes=30)
    world.says("ещё")
    fail_once(world)
    assert world.crm.tasks == []


def test_another_models_breaker_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile with a model of its own is not stopped by the deployment's."""
    world = World()
    fail_until_open(world, ModelUnavailable("503"))
    own = PROFILE + "model: {name: own-model}\n"
    monkeypatch.setattr(world.services.profiles, "profile", World(profile_text=own).services.profiles.get(""))
    world.says("алло")
    world.work()
    assert len(world.replies) == 1
