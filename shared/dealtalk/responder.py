"""A doorbell rings: wake the conversation, and let what happens decide the doorbell's fate.

This is the one place where the three families of errors end: retried by the doorbell, postponed by the timer, or handed
over to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from dealtalk.agent.think import OutOfTime
from dealtalk.connection_store import connection_from_item, connection_key
from dealtalk.conversation.breaker import Breaker, model_breaker
from dealtalk.conversation.commit import day_key
from dealtalk.conversation.journal import FenceLost, Superseded, TakenOver
from dealtalk.conversation.rules import COOLS_DOWN, NEEDS_ATTENTION_PAUSE, Decision, Doing, is_soon
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.timer import Postponed
from dealtalk.errors import (
    Booked,
    CrmUnavailable,
    ModelUnavailable,
    NeedsAttention,
    NeedsHuman,
    Permanent,
    RateLimited,
    Retryable,
)
from dealtalk.turn import Turn
from dealtalk.workbench import Loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dealtalk.conversation.doorbell import Ring
    from dealtalk.services import Services

LONGEST_DOORBELL_WAIT = 60.0
"""Seconds.

A longer wait is the timer's, since every receive of a doorbell counts and FIFO cannot postpone one message.
"""

DEFAULT_COOL_DOWN = 5.0
HANDOFF_PAUSE = timedelta(minutes=30)
BY_MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Responder:
    """Answers conversations whose bell rang."""

    services: Services

    def wake(self, ring: Ring, seconds_left: Callable[[], float]) -> Decision:
        """Do what there is to do in the conversation and return it.

        Raises Retryable where the same doorbell should ring again soon; everything else has been dealt with.
        """
        self.services.watch.of(ring.conversation, ring.connection)
        try:
            turn = self.open_turn(ring, seconds_left)
        except NeedsAttention as broken:
            return self._unusable_profile(ring, broken)
        if turn is None:
            self.services.watch.warn("the doorbell names a conversation or connection that does not exist")
            return Decision(Doing.NOTHING, "unknown")
        try:
            decision = self._run(turn)
        finally:
            turn.leave()
        self.services.watch.say("wake-up", ring=ring.reason, doing=decision.doing.value, why=decision.why)
        return decision

    def open_turn(self, ring: Ring, seconds_left: Callable[[], float]) -> Turn | None:
        """Read all that a wake-up needs in one request; None where conversation or connection do not exist.

        Raises NeedsAttention where the profile cannot be used, Retryable.
        """
        table, now = self.services.table, self.services.clock.now()
        crm, connection_at = ring.conversation.crm, connection_key(ring.conversation.crm, ring.connection)
        partition = connection_at[0]
        keys = [meta_key(ring.conversation), connection_at, (partition, "SCHEMA"), (partition, "RATE")]
        rests, model_rests = (partition, "BREAKER"), model_breaker(*self.services.endpoint)
        found = table.read([*keys, day_key(crm, ring.connection, now), rests, model_rests])
        if connection_at not in found or meta_key(ring.conversation) not in found:
            return None
        connection = connection_from_item(found[connection_at])
        if connection.account != ring.conversation.account:
            return None
        profile = self.services.profiles.get(connection.profile)
        own = model_breaker(*self.services.endpoint_of(profile))
        if own != model_rests:
            found |= table.read([own])
        day = found.get(day_key(connection.crm, connection.id, now), {})
        loaded = Loaded(
            connection=connection,
            profile=profile,
            state=State.from_item(ring.conversation, found[meta_key(ring.conversation)]),
            ring_arrival=ring.arrival if ring.reason == BY_MESSAGE else None,
            schema_item=found.get((partition, "SCHEMA")),
            rate_item=found.get((partition, "RATE")),
            day_tokens=day.get("tokens", 0),
            crm_breaker=Breaker(rests, found.get(rests, {})),
            model_breaker=Breaker(own, found.get(own, {})),
        )
        return Turn(self.services, loaded, seconds_left)

    def _run(self, turn: Turn) -> Decision:
        try:
            return self._answer_or_hand_over(turn)
        except FenceLost:
            return Decision(Doing.NOTHING, "another_worker_has_it")
        except Postponed as later:
            return turn.look_again_at(later.at, later.why)
        except OutOfTime:
            return turn.ring_again("out_of_time")
        except Booked:
            return turn.come_back("calls_are_booked")
        except RateLimited as limit:
            return self._cool_down(turn, limit)
        except NeedsAttention as broken:
            return self._needs_attention(turn, broken)
        except ModelUnavailable as failure:
            self.services.watch.count("ModelErrors")
            return self._failed(turn, turn.loaded.model_breaker, failure, "model_rests")
        except CrmUnavailable as failure:
            return self._failed(turn, turn.loaded.crm_breaker, failure, "crm_rests")
        except Retryable as failure:
            return self._retry(turn, failure)

    def _failed(self, turn: Turn, breaker: Breaker, failure: Retryable, why: str) -> Decision:
        """Count the failure; where that opens the breaker the timer takes over and no receive is burnt."""
        rests = breaker.failed(self.services.table, self.services.clock.now())
        if rests is None:
            return self._retry(turn, failure)
        self.services.watch.warn("a breaker is open", why=why, error=type(failure).__name__)
        return turn.look_again_at(rests, why)

    def _retry(self, turn: Turn, failure: Retryable) -> Decision:
        if failure.after is None or failure.after <= LONGEST_DOORBELL_WAIT:
            raise failure
        return turn.look_again_at(self._later(failure.after), "told_to_wait")

    def _answer_or_hand_over(self, turn: Turn) -> Decision:
        try:
            return self._run_with_patience(turn)
        except Superseded:
            turn.drop("superseded")
            return Decision(Doing.NOTHING, "superseded")
        except TakenOver:
            return turn.stop()
        except NeedsHuman as needed:
            return self._hand_over(turn, str(needed))
        except NeedsAttention:
            raise
        except Permanent as refused:
            self.services.watch.warn("cannot be answered", error=type(refused).__name__)
            return self._hand_over(turn, str(refused))

    def _run_with_patience(self, turn: Turn) -> Decision:
        try:
            return turn.run()
        except ModelUnavailable:
            turn.give_up_on_the_model()
            raise

    def _hand_over(self, turn: Turn, reason: str) -> Decision:
        try:
            return turn.hand_over(reason)
        except TakenOver:
            return turn.stop()
        except NeedsAttention:
            raise
        except Permanent as refused:
            self.services.watch.count("HandoffsFailed")
            self.services.watch.error("the handoff was refused by the CRM", error=type(refused).__name__)
            return turn.look_again_at(self.services.clock.now() + HANDOFF_PAUSE, "handoff_refused")

    def _cool_down(self, turn: Turn, limit: RateLimited) -> Decision:
        """Let nobody call the account for that long.

        After a short while this conversation tries first, and calls those who have gathered in line meanwhile.
        """
        until = self._later(limit.after or DEFAULT_COOL_DOWN)
        self.services.connections.cool_down(turn.loaded.connection, until)
        self.services.watch.count("CrmErrors")
        turn.turnstile.closed = True
        if is_soon(until, self.services.clock.now()):
            return turn.come_back(COOLS_DOWN)
        return turn.look_again_at(until, COOLS_DOWN)

    def _needs_attention(self, turn: Turn, broken: NeedsAttention) -> Decision:
        turn.turnstile.closed = True
        if self.services.connections.needs_attention(turn.loaded.connection, str(broken)):
            self.services.watch.count("NeedsAttention")
            self.services.watch.error("the connection needs attention", why=str(broken))
        return turn.look_again_at(self.services.clock.now() + NEEDS_ATTENTION_PAUSE, "connection_needs_attention")

    def _unusable_profile(self, ring: Ring, broken: NeedsAttention) -> Decision:
        """Say that the profile cannot be read; the timer that every message sets brings the conversation back."""
        self.services.watch.count("NeedsAttention")
        self.services.watch.error("the profile cannot be used", why=str(broken), account=ring.conversation.account)
        return Decision(Doing.LOOK_AGAIN, "profile_unusable")

    def _later(self, seconds: float) -> datetime:
        return self.services.clock.now() + timedelta(seconds=seconds)
