"""The model is down for longer than the profile lets customers wait: people are asked, the customer hears it once."""

from __future__ import annotations

from contextlib import suppress

import pytest

from dealtalk.connections import Mode
from dealtalk.errors import ModelUnavailable, NeedsHuman, Retryable
from dealtalk.recovery.sweep import Sweeper
from tests.fakes.model import says
from tests.fakes.world import PROFILE, World

HANDOFF = "handoff: {customer_message: {ru: Передали коллеге.}}\n"
BOTH = "handoff: {customer_message: {ru: Передали коллеге.}, holding_message: {ru: Заминка., en: A hitch.}}\n"
MINUTES = 5
WRITES_OF_A_HANDOFF = 14


class Killed(BaseException):
    """The process is gone."""


def waiting(more: str = BOTH) -> World:
    """Return a customer who waits for a model that does not answer."""
    timing = f"timing: {{quiet_seconds: 3, max_wait_seconds: 20, max_wait_for_model_minutes: {MINUTES}}}"
    world = World(profile_text=PROFILE.replace("timing: {quiet_seconds: 3, max_wait_seconds: 20}", timing) + more)
    world.model.lines = [ModelUnavailable("503")] * 100
    world.says("окна")
    return world


def pass_minutes(world: World, minutes: int) -> None:
    """Let time pass; the sweeper runs every minute, the doorbells that are due are worked off."""
    for _ in range(minutes):
        with suppress(Retryable):
            world.work(60)
        Sweeper(world.table, world.doorbell, world.clock).run()


@pytest.mark.parametrize(
    ("profile", "told"),
    [(BOTH, ["Заминка."]), (HANDOFF, ["Передали коллеге."]), ("", [])],
    ids=["own", "handoff", "no"],
)
def test_the_customer_hears_the_profiles_words_once(profile: str, told: list[str]) -> None:
    """Its own words, else those of any handoff, else none; a note and a task in any case, and a paused bot."""
    world = waiting(profile)
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == told
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert world.state.mode is Mode.HUMAN


def test_people_are_asked_before_the_customer_is_told_so() -> None:
    """What the message says is true when it is read."""
    world = waiting()
    pass_minutes(world, 4 * MINUTES)
    assert max(i for i, call in enumerate(world.crm.calls) if call == "add") < world.crm.calls.index("send")


def test_it_is_said_in_the_customers_language() -> None:
    """By the letters of what was written."""
    world = waiting()
    world.says("Hello, do you speak English?")
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == ["A hitch."]


def test_a_model_that_comes_back_in_time_answers_instead() -> None:
    """Nobody is bothered by a short outage."""
    world = waiting()
    pass_minutes(world, 2)
    world.model.lines = [says("Добрый день")] * 5
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == ["Добрый день"]
    assert world.crm.tasks == []


def test_other_handoffs_do_not_speak_of_a_wait() -> None:
    """Who asks for a person hears that a person comes."""
    world = waiting()
    world.model.lines = [NeedsHuman("the budget is used up")]
    world.work()
    assert world.replies == ["Передали коллеге."]


@pytest.mark.parametrize("write", range(1, WRITES_OF_A_HANDOFF + 1))
def test_a_worker_that_dies_at_any_write_of_it_leaves_one_message_and_one_task(write: int) -> None:
    """Wherever it dies: the customer hears it once, people are asked once, the bot pauses."""
    world = waiting()
    left = write

    def before(name: str) -> None:
        nonlocal left
        left -= name in {"write", "update"}
        if left == 0:
            world.table.before = None
            raise Killed

    pass_minutes(world, MINUTES - 1)
    world.table.before = before
    with suppress(Killed):
        pass_minutes(world, 3)
    world.table.before = None
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == ["Заминка."]
    assert (len(world.crm.notes), len(world.crm.tasks)) == (1, 1)
    assert (world.state.mode, world.state.turn) == (Mode.HUMAN, None)


def test_a_worker_that_dies_with_the_message_just_sent_does_not_send_it_again() -> None:
    """The commit was lost: the text is found in the chat."""
    world = waiting()
    send = world.crm.send

    def die_after(*args: object) -> object:
        send(*args)  # type: ignore[arg-type]
        raise Killed

    world.crm.send = die_after  # type: ignore[assignment,method-assign]
    with pytest.raises(Killed):
        pass_minutes(world, 4 * MINUTES)
    world.crm.send = send  # type: ignore[method-assign]
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == ["Заминка."]
    assert len(world.crm.tasks) == 1
    assert world.state.mode is Mode.HUMAN


def test_a_lost_answer_to_the_message_is_asked_about() -> None:
    """It went out, the CRM's answer did not come: it is not sent again."""
    world = waiting()
    world.crm.drop_answer("send")
    pass_minutes(world, 4 * MINUTES)
    assert world.replies == ["Заминка."]
    assert len(world.crm.tasks) == 1


def test_an_employee_who_writes_meanwhile_has_the_last_word() -> None:
    """Nothing is said over a person's head, however long the model is down."""
    world = waiting()
    pass_minutes(world, 2)
    world.employee_says("Здравствуйте, это Олег")
    pass_minutes(world, 4 * MINUTES)
    assert (world.replies, world.crm.tasks) == ([], [])
