"""The doorbell on SQS FIFO, with the emulator's five minutes of remembered ids: the suite that the fake passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from dealtalk.conversation.doorbell import Ring, SqsDoorbell
from tests.contract.doorbell.suite import DoorbellContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Stack
    from tests.contract.doorbell.suite import Bell

pytestmark = pytest.mark.e2e


@dataclass
class Queue:
    """See `Bell`."""

    client: Any
    url: str

    def __post_init__(self) -> None:
        self.doorbell = SqsDoorbell(self.client, self.url)

    def take(self) -> Ring | None:
        """See `Bell`."""
        messages = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=1).get("Messages", [])
        for message in messages:
            self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            return Ring.from_body(message["Body"])
        return None


class TestSqsDoorbell(DoorbellContract):
    """SQS FIFO."""

    @pytest.fixture
    def bell(self, stack: Stack) -> Iterator[Bell]:
        """Return a doorbell on a queue of its own with template.yaml's deduplication, without its delay."""
        client = stack.client("sqs")
        attributes = {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        }
        url = client.create_queue(QueueName=f"bell-{uuid4().hex[:8]}.fifo", Attributes=attributes)["QueueUrl"]
        yield Queue(client, url)
        client.delete_queue(QueueUrl=url)
