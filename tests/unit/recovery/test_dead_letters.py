"""The dead-letter queue is read slowly: a drained outage must not become the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dealtalk.recovery.dead_letters import AT_ONCE, PER_RUN, SqsDeadLetters


@dataclass
class Queue:
    """A queue with so many dead doorbells."""

    left: int
    asked: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def receive_message(self, **request: Any) -> dict[str, Any]:
        """See SQS."""
        self.asked.append(request)
        taken = min(self.left, request["MaxNumberOfMessages"])
        self.left -= taken
        return {"Messages": [{"ReceiptHandle": f"r{self.left + n}", "Body": "b"} for n in range(taken)]}

    def delete_message(self, **request: Any) -> None:
        """See SQS."""
        self.deleted.append(request["ReceiptHandle"])


def letters(queue: Any) -> SqsDeadLetters:
    """Return the letters of a queue."""
    return SqsDeadLetters(queue, "dlq")


def test_a_run_takes_so_many_and_no_more() -> None:
    """However long the queue is, the rest is left to the next run."""
    queue = Queue(1000)
    assert len(list(letters(queue).take())) == PER_RUN
    assert queue.left == 1000 - PER_RUN
    assert max(request["MaxNumberOfMessages"] for request in queue.asked) == AT_ONCE


def test_a_run_ends_with_the_queue() -> None:
    """Nobody asks an empty queue again."""
    queue = Queue(AT_ONCE + 1)
    assert len(list(letters(queue).take())) == AT_ONCE + 1
    assert len(queue.asked) == 3


def test_what_is_looked_at_is_hidden_for_longer_than_a_run_lasts_and_deleted_by_its_receipt() -> None:
    """Two runs at once do not look at the same letter; the function lives for 120 s."""
    queue = Queue(1)
    ((receipt, body),) = letters(queue).take()
    letters(queue).delete(receipt)
    assert (queue.asked[0]["VisibilityTimeout"], body, queue.deleted) == (120, "b", [receipt])
