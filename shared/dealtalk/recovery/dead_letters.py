"""The dead-letter queue on SQS, read slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

AT_ONCE = 5
PER_RUN = 25
"""Dead doorbells that one run looks at: a low rate, so that a drained outage does not become the next one."""

HIDDEN_SECONDS = 120


class SqsDeadLetters:
    """See `redrive.DeadLetters`."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def take(self) -> Iterator[tuple[str, str]]:
        """Yield receipt handles and bodies, at most 25; what is not deleted is seen again after two minutes."""
        for _ in range(PER_RUN // AT_ONCE):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDDEN_SECONDS
            )
            messages = answer.get("Messages", [])
            if not messages:
                return
            for message in messages:
                yield message["ReceiptHandle"], message["Body"]

    def delete(self, receipt: str) -> None:
        """Remove a dead doorbell."""
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=receipt)
