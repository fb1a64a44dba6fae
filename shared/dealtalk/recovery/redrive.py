"""The redriver.

Looks at each dead doorbell, rings anew within the conversation's budget, else hands over to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from dealtalk.conversation.doorbell import Ring, counted_dedup
from dealtalk.conversation.journal import StepKind, StepState, Stopped, TakenOver
from dealtalk.conversation.rules import may_work
from dealtalk.conversation.state import State, meta_key
from dealtalk.conversation.table import Update
from dealtalk.conversation.timer import Postponed
from dealtalk.errors import DealtalkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dealtalk.agent.profile import Profile
    from dealtalk.crm.secrets import Secrets
    from dealtalk.messages import ConversationKey
    from dealtalk.ports import Model
    from dealtalk.services import Services
    from dealtalk.turn import Turn

BUDGET = 2
"""How often a dead doorbell of one conversation is rung anew; a commit resets it."""

GAVE_UP = "the bot failed several times to answer this conversation"


class Fate(StrEnum):
    """What became of a dead doorbell."""

    ANSWERED_ALREADY = "answered_already"
    RUNG_ANEW = "rung_anew"
    HANDED_OVER = "handed_over"
    UNREADABLE = "unreadable"
    KEPT = "kept"


class DeadLetters(Protocol):
    """The dead-letter queue."""

    def take(self) -> Iterable[tuple[str, str]]:
        """Return receipt handles and bodies, a few at a time, until the queue is empty or the limit is reached."""
        ...

    def delete(self, receipt: str) -> None:
        """Remove a dead doorbell."""
        ...


@dataclass(frozen=True, slots=True)
class Redriver:
    """Takes dead doorbells one by one.

    A doorbell is deleted only after the conversation was rung for or a person was told.
    """

    services: Services
    letters: DeadLetters
    open_turn: Callable[[Ring, Callable[[], float]], Turn | None]
    seconds_left: Callable[[], float]

    def run(self) -> dict[Fate, int]:
        """Look at the dead doorbells and return how many came to which fate."""
        fates = dict.fromkeys(Fate, 0)
        rung: set[ConversationKey] = set()
        for receipt, body in self.letters.take():
            fate = self._fate(body, rung)
            fates[fate] += 1
            if fate is not Fate.KEPT:
                self.letters.delete(receipt)
        return fates

    def _fate(self, body: str, rung: set[ConversationKey]) -> Fate:
        """Return what becomes of one letter; it is kept, with an alarm, where looking at it fails."""
        watch = self.services.watch
        try:
            ring = Ring.from_body(body)
        except (ValueError, KeyError, TypeError):
            watch.error("a dead letter is no doorbell")
            return Fate.UNREADABLE
        watch.of(ring.conversation, ring.connection)
        try:
            return self._look_at(ring, rung)
        except DealtalkError as failure:
            watch.error("a dead doorbell was not looked at", error=type(failure).__name__)
        except Exception as failure:  # noqa: BLE001 (one conversation's fault must not keep the others' letters)
            watch.count("UnknownErrors")
            watch.count("NeedsAttention")
            watch.error("a dead doorbell was not looked at", error=type(failure).__name__)
        return Fate.KEPT

    def _look_at(self, ring: Ring, rung: set[ConversationKey]) -> Fate:
        """Return what becomes of one letter; several of one conversation are one chance, not several."""
        if ring.conversation in rung:
            return Fate.RUNG_ANEW
        key = meta_key(ring.conversation)
        state = State.from_item(ring.conversation, self.services.table.read([key]).get(key))
        if not state.is_unfinished:
            return Fate.ANSWERED_ALREADY
        if state.redrives < BUDGET:
            self._ring(ring, state)
            rung.add(ring.conversation)
            return Fate.RUNG_ANEW
        return self._hand_over(ring)

    def _ring(self, ring: Ring, state: State) -> None:
        update = Update(meta_key(ring.conversation), increments={"redrives": 1, "rings": 1})
        rings = self.services.table.update(update)["rings"]
        self.services.doorbell.ring(
            ring.conversation,
            connection=ring.connection,
            arrival=state.customer_no,
            dedup=counted_dedup(ring.conversation, "redrive", rings),
            reason="redrive",
        )

    def _hand_over(self, ring: Ring) -> Fate:
        try:
            turn = self.open_turn(ring, self.seconds_left)
            if turn is None:
                return Fate.UNREADABLE
            if may_work(turn.loaded.connection, self.services.clock.now()) is not None:
                # Nobody can be told through a broken connection; it has raised its own alarm, once.
                return Fate.KEPT
            turn.read_pending()
            return self._tell(turn) if turn.state.is_unfinished else Fate.ANSWERED_ALREADY
        except (Stopped, Postponed):
            # Another worker has the conversation in this very moment, or it is too early to settle what a dead one had
            # begun; the next run sees what came of it.
            return Fate.KEPT
        except DealtalkError as failure:
            self.services.watch.count("NeedsAttention")
            self.services.watch.error("nobody could be told of a dead doorbell", error=type(failure).__name__)
            return Fate.KEPT

    def _tell(self, turn: Turn) -> Fate:
        """Hand over; a person who came first ends that, and the letter with it once note and task are written."""
        try:
            turn.hand_over(GAVE_UP)
        except TakenOver:
            told = turn.journal is not None and bool(turn.journal.steps(StepKind.ADDITION, StepState.DONE))
            turn.stop()
            return Fate.HANDED_OVER if told else Fate.KEPT
        return Fate.HANDED_OVER


def no_model(_secrets: Secrets) -> Callable[[Profile], Model]:
    """Return an opener for who never thinks: the redriver tells people, it does not answer customers."""

    def refuse(_profile: Profile) -> Model:
        msg = "the redriver opens no model"
        raise AssertionError(msg)

    return refuse
