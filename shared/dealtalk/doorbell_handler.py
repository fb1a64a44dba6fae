"""The responder's Lambda event: one doorbell of the queue per invocation, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.conversation.doorbell import Ring
from dealtalk.conversation.rules import after_failure
from dealtalk.errors import Retryable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from dealtalk.responder import Responder

GRACE_SECONDS = 15
"""How much longer than this worker a doorbell stays hidden: a crash silences one chat no longer than that."""

RESERVE_SECONDS = 3.0
"""What is kept of the invocation's time to write the end of the work."""


@dataclass(frozen=True, slots=True)
class DoorbellHandler:
    """Hands one doorbell to the responder; a failure sets when it rings again and keeps it in the queue."""

    responder: Responder
    sqs: SQSClient
    queue_url: str

    def handle(self, event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 (Lambda's context)
        """Return the answer of a batch with item failures.

        The mapping's batch size is one: more would share one deadline.
        """
        failures = [r["messageId"] for r in event["Records"] if not self._one(r, context)]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failures]}

    def _one(self, record: dict[str, Any], context: Any) -> bool:  # noqa: ANN401
        watch = self.responder.services.watch
        left = context.get_remaining_time_in_millis() / 1000
        self._hide(record, int(left) + GRACE_SECONDS)
        try:
            ring = Ring.from_body(record["body"])
        except (ValueError, KeyError, TypeError):
            watch.error("a doorbell cannot be read")
            return True
        try:
            self.responder.wake(ring, lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS)
        except Retryable as failure:
            kind, fact = type(failure).__name__, str(failure)
            again = max(after_failure(_receives(record)), int(failure.after or 0))
        except Exception as failure:  # noqa: BLE001 (an unknown fault is retried, and an alarm counts it)
            kind, fact, again = type(failure).__name__, "unknown", after_failure(_receives(record))
            watch.count("UnknownErrors")
        else:
            return True
        watch.count("CrmErrors")
        watch.error("doorbell failed", error=kind, fact=fact, receive=_receives(record), again_in=again)
        self._hide(record, again)
        return False

    def _hide(self, record: dict[str, Any], seconds: int) -> None:
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:
            # The queue's own timeout holds then, which is longer: nothing is lost, only later.
            self.responder.services.watch.warn("the doorbell's visibility was not set", error=type(error).__name__)


def _receives(record: dict[str, Any]) -> int:
    return int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
