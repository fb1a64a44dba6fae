"""The pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dealtalk.connections import Connection, ConnectionState, Mode
from dealtalk.conversation import rules
from dealtalk.conversation.rules import Doing, Pace
from dealtalk.conversation.state import State
from dealtalk.conversation.timeline import Entry, EntryKind
from dealtalk.messages import Author, ConversationKey

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY = ConversationKey.of_chat("amocrm", "1", "chat")
CONNECTION = Connection("amocrm", "c", "1", "https://x.amocrm.ru", "secret", "profiles/x.yaml")
PACE = Pace(
    quiet=timedelta(seconds=4),
    max_wait=timedelta(seconds=20),
    max_age=timedelta(hours=24),
    resume_after=timedelta(minutes=60),
)


def asked(arrival: int, seconds_ago: float) -> Entry:
    """Return a customer's message that was stored so many seconds ago."""
    at = NOW - timedelta(seconds=seconds_ago)
    return Entry(EntryKind.MESSAGE, arrival, Author.CUSTOMER, "текст", at, at)


def decide(state: State, *waiting: Entry, ring: int | None = None) -> rules.Decision:
    """Decide at NOW."""
    return rules.decide_answer(state, waiting, PACE, NOW, ring_arrival=ring)


def test_nothing_unanswered_is_nothing_to_do() -> None:
    """A bell for an answered conversation ends quietly."""
    assert decide(State(KEY)).doing is Doing.NOTHING


def test_a_quiet_customer_is_answered_and_the_answer_must_stay_fresh() -> None:
    """Four seconds of silence are enough."""
    decision = decide(State(KEY, customer_no=1), asked(1, 5), ring=1)
    assert (decision.doing, decision.fresh) == (Doing.ANSWER, True)


def test_a_customer_who_just_wrote_is_waited_for() -> None:
    """The quiet time is not over: ring again."""
    assert decide(State(KEY, customer_no=1), asked(1, 2), ring=1).doing is Doing.RING_AGAIN


def test_the_patience_ends_after_the_max_wait() -> None:
    """The oldest question waits 21 s: answered now, and no newer message drops the answer."""
    state = State(KEY, customer_no=2)
    decision = decide(state, asked(1, 21), asked(2, 1), ring=1)
    assert (decision.doing, decision.fresh) == (Doing.ANSWER, False)


def test_an_answer_is_dropped_only_once() -> None:
    """After a dropped turn the next answer goes out whatever comes."""
    decision = decide(State(KEY, customer_no=1, dropped=True), asked(1, 6), ring=1)
    assert (decision.doing, decision.fresh) == (Doing.ANSWER, False)


def test_an_old_bell_leaves_the_answer_to_the_newer_one() -> None:
    """Arrival numbers decide, not times."""
    assert decide(State(KEY, customer_no=2), asked(1, 8), asked(2, 5), ring=1).why == "a_newer_message_rings"


def test_a_bell_of_another_kind_never_leaves_it_to_another() -> None:
    """The sweeper's ring stands for whatever is unanswered."""
    assert decide(State(KEY, customer_no=2), asked(1, 8), asked(2, 5), ring=None).doing is Doing.ANSWER


def test_what_is_older_than_a_day_is_handed_over() -> None:
    """By the age of the newest unanswered message."""
    assert decide(State(KEY, customer_no=1), asked(1, 86_401)).doing is Doing.HAND_OVER


@pytest.mark.parametrize(
    ("mode", "minutes", "doing", "has_timer"),
    [
        (Mode.AUTO, 0, None, False),
        (Mode.DRAFT, 0, None, False),
        (Mode.OFF, 0, Doing.LOOK_AGAIN, False),
        (Mode.HUMAN, 59, Doing.LOOK_AGAIN, True),
        (Mode.HUMAN, 60, None, False),
    ],
)
def test_the_mode_decides_whether_the_bot_may_speak(
    mode: Mode, minutes: int, doing: Doing | None, *, has_timer: bool
) -> None:
    """A person leads for an hour after their last message; `off` is for ever."""
    state = State(KEY, customer_no=2, employee_no=1, employee_at=NOW - timedelta(minutes=minutes))
    decision = rules.decide_mode(state, mode, PACE, NOW)
    assert (decision.doing if decision else None, bool(decision and decision.at)) == (doing, has_timer)


def test_a_led_chat_in_which_nobody_waits_needs_no_timer() -> None:
    """The sweeper does not ring chats that a person leads."""
    state = State(KEY, customer_no=1, employee_no=2, employee_at=NOW)
    decision = rules.decide_mode(state, Mode.HUMAN, PACE, NOW)
    assert decision is not None
    assert decision.at is None


@pytest.mark.parametrize(
    ("own", "connection", "profile", "effective"),
    [
        (None, Mode.AUTO, Mode.AUTO, Mode.AUTO),
        (None, Mode.AUTO, Mode.DRAFT, Mode.DRAFT),
        (None, Mode.OFF, Mode.DRAFT, Mode.OFF),
        (Mode.HUMAN, Mode.OFF, Mode.AUTO, Mode.HUMAN),
        (Mode.OFF, Mode.AUTO, Mode.AUTO, Mode.OFF),
    ],
)
def test_the_nearest_mode_wins(own: Mode | None, connection: Mode, profile: Mode, effective: Mode) -> None:
    """The conversation's own, then the connection's, then the profile's."""
    state = State(KEY, mode=own)
    assert rules.effective_mode(state, replace(CONNECTION, mode=connection), profile) is effective


@pytest.mark.parametrize(
    ("connection", "why"),
    [
        (CONNECTION, None),
        (replace(CONNECTION, state=ConnectionState.OFF), "connection_off"),
        (replace(CONNECTION, state=ConnectionState.NEEDS_ATTENTION), "connection_needs_attention"),
        (replace(CONNECTION, cooldown_until=NOW + timedelta(seconds=9)), "connection_cools_down"),
        (replace(CONNECTION, cooldown_until=NOW), None),
    ],
)
def test_a_connection_that_must_rest_is_left_alone(connection: Connection, why: str | None) -> None:
    """Off, broken and cooling down are told apart."""
    decision = rules.may_work(connection, NOW)
    assert (decision.why if decision else None) == why


def test_an_employees_message_covers_what_the_customer_wrote_before_it() -> None:
    """Only what came after it waits."""
    state = State(KEY, arrived=3, customer_no=3, employee_no=2, answered=0)
    assert [e.arrival for e in rules.waiting_messages(state, [asked(1, 9), asked(3, 5)])] == [3]


def test_retries_grow_and_the_sweepers_pause_has_an_end() -> None:
    """5, 20, 60 seconds by the doorbell; 2, 4, 8 … 30 minutes by the timer."""
    assert [rules.after_failure(n) for n in range(1, 6)] == [5, 20, 60, 60, 60]
    assert [rules.sweep_pause(n).total_seconds() / 60 for n in range(1, 7)] == [2, 4, 8, 16, 30, 30]
