"""Pure decisions about a conversation: no AWS, no HTTP, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from dealtalk.connections import Connection, ConnectionState, Mode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dealtalk.conversation.state import State
    from dealtalk.conversation.timeline import Entry

NEEDS_ATTENTION_PAUSE = timedelta(minutes=15)
COOLS_DOWN = "connection_cools_down"
SOON = timedelta(seconds=30)
"""A wait that rings by the queue's delay; for a longer one the sweeper's minute does not matter."""


class Doing(StrEnum):
    """What a wake-up comes to."""

    NOTHING = "nothing"
    LOOK_AGAIN = "look_again"
    RING_AGAIN = "ring_again"
    ANSWER = "answer"
    HAND_OVER = "hand_over"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and why (a fixed word for the log).

    `at` says when to look again; None with LOOK_AGAIN: never by itself. `fresh`: the answer must be dropped if the
    customer writes meanwhile.
    """

    doing: Doing
    why: str
    at: datetime | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """The profile's times that the rules need."""

    quiet: timedelta
    max_wait: timedelta
    max_age: timedelta
    resume_after: timedelta | None


def effective_mode(state: State, connection: Connection, profile_mode: Mode) -> Mode:
    """Return the conversation's own mode, else the connection's unless that is plain `auto`, else the profile's."""
    if state.mode is not None and state.mode is not Mode.AUTO:
        return state.mode
    return connection.mode if connection.mode is not Mode.AUTO else profile_mode


def may_work(connection: Connection, now: datetime) -> Decision | None:
    """Return what to do instead of working while the connection is off, broken or cools down; None: work."""
    if connection.state is ConnectionState.OFF:
        return Decision(Doing.LOOK_AGAIN, "connection_off")
    if connection.state is ConnectionState.NEEDS_ATTENTION:
        return Decision(Doing.LOOK_AGAIN, "connection_needs_attention", at=now + NEEDS_ATTENTION_PAUSE)
    if connection.cooldown_until is not None and connection.cooldown_until > now:
        return Decision(Doing.LOOK_AGAIN, COOLS_DOWN, at=connection.cooldown_until)
    return None


def is_soon(at: datetime | None, now: datetime) -> bool:
    """Return whether a wait is so short that the sweeper, who comes once a minute, would make it long."""
    return at is not None and at - now <= SOON


def resume_at(state: State, pace: Pace) -> datetime | None:
    """Return when the bot comes back to a chat that a person leads; None: not by itself."""
    if state.paused or pace.resume_after is None or state.employee_at is None:
        return None
    return state.employee_at + pace.resume_after


def answerable_since(state: State, asked_at: datetime, pace: Pace, now: datetime) -> datetime:
    """Return since when a message has been the bot's to answer: since it came, or since a person leads no more."""
    moments = (asked_at, resume_at(state, pace), state.resumed_at)
    return max(moment for moment in moments if moment is not None and moment <= now)


def decide_mode(state: State, mode: Mode, pace: Pace, now: datetime) -> Decision | None:
    """Return what to do instead of answering because of the mode; None: the bot may speak (or draft)."""
    if mode is Mode.OFF:
        return Decision(Doing.LOOK_AGAIN, "off")
    if mode is Mode.HUMAN:
        back = resume_at(state, pace)
        if back is None or back > now:
            return Decision(Doing.LOOK_AGAIN, "a_person_leads", at=back if state.is_waiting else None)
    return None


def waiting_messages(state: State, entries: Sequence[Entry]) -> list[Entry]:
    """Return the customer's messages that stand unanswered, in the order of arrival."""
    return [e for e in entries if e.is_customers and e.arrival > state.unanswered_after and not e.settled]


def decide_answer(
    state: State, waiting: Sequence[Entry], pace: Pace, now: datetime, *, ring_arrival: int | None
) -> Decision:
    """Return whether to answer now.

    `ring_arrival` is the arrival number of the message that rang; None for a ring of another kind. Times compared
    here are only those at which the messages were stored and the present: they decide about waiting, never about what
    is newer.
    """
    if not waiting:
        return Decision(Doing.NOTHING, "nothing_unanswered")
    oldest, newest = waiting[0], waiting[-1]
    if now - max(entry.at for entry in waiting) > pace.max_age:
        return Decision(Doing.HAND_OVER, "too_old")
    patience_is_over = now - oldest.stored_at >= pace.max_wait
    fresh = not patience_is_over and not state.dropped
    if ring_arrival is not None and ring_arrival < state.customer_no and fresh:
        return Decision(Doing.NOTHING, "a_newer_message_rings")
    if newest.stored_at + pace.quiet > now and not patience_is_over:
        return Decision(Doing.RING_AGAIN, "not_quiet_yet")
    return Decision(Doing.ANSWER, "unanswered", fresh=fresh)


def after_failure(receive_count: int) -> int:
    """Return the seconds until a doorbell that failed for the `receive_count`th time rings again."""
    steps = (5, 20, 60)
    return steps[min(receive_count, len(steps)) - 1]


def sweep_pause(tries: int) -> timedelta:
    """Return how far the sweeper moves the timer of a conversation that it rings for the `tries`th time.

    2, 4, 8 … 30 min.
    """
    return timedelta(minutes=min(2**tries, 30))
