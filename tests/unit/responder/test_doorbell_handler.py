"""What becomes of a queue message: hidden first, deleted after work, kept with a growing pause after a failure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from dealtalk.conversation.doorbell import Ring
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.errors import Retryable
from tests.fakes.world import World

DONE: dict[str, Any] = {"batchItemFailures": []}
KEPT = {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


@dataclass
class Queue:
    """Remembers for how long the message was hidden."""

    hidden: list[int] = field(default_factory=list)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: ARG002, N803 (boto3's)
        """See SQS."""
        self.hidden.append(VisibilityTimeout)


class Context:
    """Lambda's context with 90 seconds left."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the time."""
        return 90_000


def handle(world: World, body: str | None = None, *, receives: int = 1) -> tuple[dict[str, Any], list[int]]:
    """Let the handler work on one doorbell; return its answer and how long the message was hidden."""
    ring = Ring(world.conversation, world.connection.id, world.state.customer_no, "message")
    record = {
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": ring.body() if body is None else body,
        "attributes": {"ApproximateReceiveCount": str(receives)},
    }
    queue = Queue()
    handler = DoorbellHandler(world.responder, queue, "queue")  # type: ignore[arg-type]
    return handler.handle({"Records": [record]}, Context()), queue.hidden


def test_work_hides_the_message_for_as_long_as_this_worker_can_live() -> None:
    """A crash silences the chat for the rest of this invocation and 15 seconds, not for the queue's nine minutes."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    answer, hidden = handle(world)
    assert (answer, hidden, len(world.replies)) == (DONE, [105], 1)


@pytest.mark.parametrize(("receives", "pause"), [(1, 5), (2, 20), (3, 60), (4, 60)])
def test_a_failure_keeps_the_message_with_a_growing_pause(receives: int, pause: int) -> None:
    """5, 20, 60 seconds; the queue's own count moves it to the dead letters."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    world.model.lines = [Retryable("the model answered 503")]
    assert handle(world, receives=receives) == (KEPT, [105, pause])


def test_a_wait_that_the_model_named_is_kept_to() -> None:
    """Retry-After of 30 seconds beats our five."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    world.model.lines = [Retryable("the model answered 429", after=30)]
    assert handle(world) == (KEPT, [105, 30])


def test_a_wait_of_minutes_is_the_timers_and_burns_no_receive() -> None:
    """The doorbell is acknowledged, the conversation's timer set."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    world.model.lines = [Retryable("the model answered 429", after=300)]
    assert handle(world) == (DONE, [105])
    due = world.due_in()
    assert due is not None
    assert 299 <= due.total_seconds() <= 302


def test_an_unknown_fault_is_retried_counted_and_told_by_its_kind_alone() -> None:
    """No text of the exception reaches the log: it may quote a customer."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    world.model.lines = [ZeroDivisionError("Иван, +7 900 000-00-00")]
    assert handle(world) == (KEPT, [105, 5])
    assert world.watch.counts["UnknownErrors"] == 1
    assert "Иван" not in json.dumps(world.watch.errors, ensure_ascii=False)
    assert "ZeroDivisionError" in str(world.watch.errors)


def test_a_message_that_is_no_doorbell_is_removed_with_an_error() -> None:
    """It would fail for ever."""
    world = World()
    answer, _ = handle(world, "no json")
    assert answer == DONE
    assert world.watch.errors


def test_a_doorbell_of_another_account_wakes_nobody() -> None:
    """A ring whose conversation is not of the connection's account is not worked on."""
    world = World()
    world.says("окна")
    world.wait(seconds=5)
    ring = json.loads(Ring(world.conversation, world.connection.id, 1, "message").body())
    answer, _ = handle(world, json.dumps({**ring, "account": "999"}))
    assert answer == DONE
    assert (world.replies, world.crm.calls) == ([], [])
