"""What a process of a run is given of the world outside: profiles, Lambda's context, the bell, the two queues."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dealtalk.conversation.doorbell import Ring
from dealtalk.errors import Retryable
from dealtalk.messages import short_hash
from tests.fakes.world import OneProfile
from tests.faults.faults import Fault, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dealtalk.agent.profile import Profile
    from dealtalk.messages import ConversationKey
    from tests.faults.company import Company
    from tests.faults.faults import Dice
    from tests.faults.scheduler import Container, Process

LETTERS_HIDDEN = 120.0
LETTERS_PER_RUN = 25


@dataclass
class Profiles:
    """See `Profiles`."""

    profiles: dict[str, Profile]

    def get(self, name: str) -> Profile:
        """Return the profile of this name."""
        return OneProfile(self.profiles[name]).get(name)


@dataclass(frozen=True)
class Context:
    """Lambda's context."""

    process: Process

    def seconds_left(self) -> float:
        """Return the time that is left."""
        return (self.process.deadline or 0.0) - self.process.scheduler.time

    def get_remaining_time_in_millis(self) -> int:
        """See Lambda's context object."""
        return int(self.seconds_left() * 1000)


@dataclass
class ProcessBell:
    """See `ports.Doorbell`."""

    company: Company
    container: Container

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Put a ring into the queue."""
        company, process = self.company, self.container.running
        dice, queue = company.dice, company.queue
        body = Ring(conversation, connection, arrival, reason).body()
        fault = None if process.instant else own_fault(dice)

        def effect() -> None:
            company.rings.append((company.scheduler.time, conversation, reason, process.name))
            if fault is Fault.BELL_LOST:
                return
            copies = 2 if fault is Fault.BELL_DOUBLED else 1
            extra = dice.between(10, 400) if fault is Fault.BELL_LATE else 0.0
            queue.send(short_hash(conversation.partition), dedup, body, extra=extra, copies=copies)
            if fault is Fault.BELL_TO_TWO:
                bell = queue.bells[-1]
                company.scheduler.after(dice.between(5, 30), partial(company.poll_for_copy, queue, bell))
            company.poll_later(queue.delay + extra)

        company.outside.call(
            process,
            Port.BELL,
            f"ring {reason} {arrival} {dedup[-12:]}{f' !! {fault.value.upper()}' if fault else ''}",
            effect,
            errors=lambda fault: Retryable(f"the queue answered {fault.name}"),
        )


def own_fault(dice: Dice) -> Fault | None:
    """Return what goes wrong with a ring by itself, None for nearly all."""
    if not dice.open or "bells" not in dice.families or not dice.coin(dice.rate * 8):
        return None
    fault = dice.random.choice([Fault.BELL_LOST, Fault.BELL_DOUBLED, Fault.BELL_LATE, Fault.BELL_TO_TWO])
    dice.happened(fault)
    return fault


@dataclass
class ProcessVisibility:
    """The one call of the SQS client that the doorbell's handler makes."""

    company: Company
    process: Process

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: ARG002, N803 (boto3's names)
        """Set a received doorbell's visibility. Raises ClientError."""

        def effect() -> None:
            if not self.company.queue.hide(ReceiptHandle, VisibilityTimeout):
                raise client_error("ReceiptHandleIsInvalid")
            self.company.poll_later(VisibilityTimeout)

        self.company.outside.call(
            self.process,
            Port.VISIBILITY,
            f"hide {VisibilityTimeout}",
            effect,
            errors=lambda _: client_error("ServiceUnavailable"),
        )


@dataclass
class ProcessLetters:
    """See `redrive.DeadLetters`."""

    company: Company
    process: Process

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield dead doorbells."""
        for _ in range(LETTERS_PER_RUN):
            bell = self._call("receive", lambda: self.company.queue_dead.receive(LETTERS_HIDDEN))
            if bell is None:
                return
            ring = Ring.from_body(bell.body)
            talk = next(t for t in self.company.talks if t.key == ring.conversation)
            self.process.conversation, self.process.scope = talk.label, self.company.scope(talk)
            yield bell.receipt, bell.body

    def delete(self, receipt: str) -> None:
        """Remove a dead doorbell."""
        self._call("delete", lambda: self.company.queue_dead.delete(receipt))

    def _call(self, what: str, effect: Callable[[], Any]) -> Any:
        return self.company.outside.call(
            self.process, Port.LETTERS, f"letters: {what}", effect, errors=lambda _: client_error("ServiceUnavailable")
        )


def client_error(code: str) -> ClientError:
    """Return what boto3 raises where AWS refuses."""
    return ClientError({"Error": {"Code": code}}, "Operation")
