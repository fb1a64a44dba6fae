"""The doorbell on SQS FIFO: a message group per conversation, a body of keys only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from dealtalk.errors import Retryable
from dealtalk.messages import ConversationKey, short_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class Ring:
    """What a doorbell carries.

    Which conversation, by which connection, the arrival number that it stands for, and why.
    """

    conversation: ConversationKey
    connection: str
    arrival: int
    reason: str

    def body(self) -> str:
        """Return the queue message's body."""
        return json.dumps(
            {
                "crm": self.conversation.crm,
                "account": self.conversation.account,
                "conversation": self.conversation.id,
                "connection": self.connection,
                "arrival": self.arrival,
                "reason": self.reason,
            }
        )

    @classmethod
    def from_body(cls, body: str) -> Ring:
        """Return the ring of a queue message's body. Raises ValueError or KeyError where it is not one."""
        fields: Mapping[str, Any] = json.loads(body)
        key = ConversationKey(str(fields["crm"]), str(fields["account"]), str(fields["conversation"]))
        return cls(key, str(fields["connection"]), int(fields["arrival"]), str(fields["reason"]))


class SqsDoorbell:
    """See `ports.Doorbell`."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def ring(self, conversation: ConversationKey, *, connection: str, arrival: int, dedup: str, reason: str) -> None:
        """Ring the bell; it is delivered after the queue's delay. Raises Retryable."""
        try:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=Ring(conversation, connection, arrival, reason).body(),
                MessageGroupId=short_hash(conversation.partition),
                MessageDeduplicationId=dedup,
            )
        except (ClientError, BotoCoreError) as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            msg = f"the queue answered {code or type(error).__name__}"
            raise Retryable(msg) from None


def message_dedup(conversation: ConversationKey, message_id: str) -> str:
    """Return the deduplication id of a webhook's ring: equal for each delivery of the same message."""
    return short_hash(f"{conversation.partition}|{message_id}")


def counted_dedup(conversation: ConversationKey, reason: str, count: int) -> str:
    """Return the deduplication id of any other ring; `count` is raised on META for each."""
    return f"{conversation.id}-{reason}-{count}"
