"""The schedules, compressed, and the knowledge that a storm has settled.

Everything that somebody must look at again has a doorbell in the queue, a letter in the dead-letter queue, or a timer
(`due_at`). So a storm is over when the CRM has nothing to deliver, both queues are empty and no timer is set; whatever
waits then would wait for ever, and the verdict finds it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from dealtalk.conversation.state import DUE_SHARDS
from local.stack.progress import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.stack import Stack
    from tests.storm.control import StormControl

SWEEP_EVERY = 10.0
"""Seconds between two runs of the sweeper; its schedule says a minute."""

REDRIVE_EVERY = 30.0
"""Seconds between two runs of the redriver while there are dead letters; its schedule says a quarter of an hour."""

LOOK_EVERY = 2.0
TELL_EVERY = 15.0
QUIET_LOOKS = 3
"""How often in a row it must be so, since a doorbell between two places is in neither."""

CROWD = 6
"""How many doorbells per worker may wait before people are asked to hold back."""

COUNTERS = [f"ApproximateNumberOfMessages{name}" for name in ("", "Delayed", "NotVisible")]


@dataclass(frozen=True, slots=True)
class Left:
    """What is still to be done."""

    doorbells: int
    letters: int
    timers: int

    @property
    def nothing(self) -> bool:
        """Whether that is nothing."""
        return not (self.doorbells or self.letters or self.timers)


@dataclass
class Schedules:
    """Invokes sweeper and redriver as their schedules do, only more often, until the block ends."""

    stack: Stack
    most_letters: int = 0
    _stop: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._run, name="schedules", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        functions, sqs = self.stack.client("lambda"), self.stack.client("sqs")
        redriven = time.monotonic()
        while not self._stop.wait(SWEEP_EVERY):
            functions.invoke(FunctionName=self.stack.functions["Sweeper"], InvocationType="RequestResponse")
            letters = _messages(sqs, self.stack.dlq_url)
            self.most_letters = max(self.most_letters, letters)
            if letters and time.monotonic() - redriven > REDRIVE_EVERY:
                functions.invoke(FunctionName=self.stack.functions["Redriver"], InvocationType="RequestResponse")
                redriven = time.monotonic()


class Settling:
    """Looks at what is left of a storm."""

    def __init__(self, stack: Stack, control: StormControl) -> None:
        self._stack = stack
        self._control = control
        self._sqs: Any = stack.client("sqs")
        self._table: Any = stack.client("dynamodb")
        self._asked_at = 0.0
        self._doorbells = 0

    def is_crowded(self, workers: int) -> bool:
        """Return whether so many doorbells wait that more would only be a test of the machine; asks once a second."""
        now = time.monotonic()
        if now > self._asked_at + 1:
            self._asked_at, self._doorbells = now, _messages(self._sqs, self._stack.queue_url)
        return self._doorbells > CROWD * workers

    def left(self) -> Left:
        """Return what is left at this moment."""
        return Left(
            _messages(self._sqs, self._stack.queue_url), _messages(self._sqs, self._stack.dlq_url), self._timers()
        )

    def wait_for_end(self, seconds: float) -> Left:
        """Wait until nothing is left, at most so many seconds; return what is left then."""
        return self._wait(seconds, lambda left: left.nothing and self._control.is_settled())

    def wait_for_backlog(self, seconds: float, *, doorbells: int) -> Left:
        """Wait until no more than so many doorbells are left: what nobody has looked at yet, or only just."""
        return self._wait(seconds, lambda left: left.doorbells <= doorbells)

    def _wait(self, seconds: float, is_over: Callable[[Left], bool]) -> Left:
        deadline, told, quiet = time.monotonic() + seconds, time.monotonic(), 0
        while True:
            left = self.left()
            quiet = quiet + 1 if is_over(left) else 0
            if quiet >= QUIET_LOOKS or time.monotonic() > deadline:
                return left
            if time.monotonic() - told > TELL_EVERY:
                say(f"  left: {left.doorbells} doorbells, {left.timers} timers, {left.letters} dead letters")
                told = time.monotonic()
            time.sleep(LOOK_EVERY)

    def _timers(self) -> int:
        """Return how many conversations have a timer."""
        return sum(
            int(
                self._table.query(
                    TableName=self._stack.table,
                    IndexName="due",
                    KeyConditionExpression="due_shard = :shard",
                    ExpressionAttributeValues={":shard": {"S": str(shard)}},
                    Select="COUNT",
                )["Count"]
            )
            for shard in range(DUE_SHARDS)
        )


def _messages(sqs: Any, url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTERS)["Attributes"]
    return sum(int(attributes[name]) for name in COUNTERS)
