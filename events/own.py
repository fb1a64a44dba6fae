# ruff: noqa: INP001 (a folder of events and the scripts that write them, no package)
"""What AWS hands to the functions that no CRM calls: doorbells, schedules, alarms."""

from __future__ import annotations

import hashlib
import json

from dealtalk.connections import connection_id
from dealtalk.conversation.doorbell import Ring, counted_dedup, message_dedup
from dealtalk.messages import short_hash
from events.amocrm import CONVERSATION
from events.http_api import KEY, Event

REGION = "eu-central-1"
AWS_ACCOUNT = "123456789012"


def doorbell(reason: str, dedup: str, *, body: str | None = None, receives: int = 1) -> Event:
    """Return the event of one doorbell of the FIFO queue, as the event source mapping hands it over."""
    ring = Ring(CONVERSATION, connection_id(KEY), 1, reason)
    text = ring.body() if body is None else body
    return {
        "Records": [
            {
                "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": text,
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": "1795168000500",
                    "SequenceNumber": "18849496460467696128",
                    "MessageGroupId": short_hash(CONVERSATION.partition),
                    "SenderId": "AROAIENQZJOLO23YVJ4VO:dealtalk-AmocrmWebhook",
                    "MessageDeduplicationId": dedup,
                    "ApproximateFirstReceiveTimestamp": "1795168004500",
                },
                "messageAttributes": {},
                "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:{AWS_ACCOUNT}:dealtalk-Queue.fifo",
                "awsRegion": REGION,
            }
        ]
    }


def responder() -> dict[str, Event]:
    """Return the cases by the name of their file: the doorbells of the conversation that `text` begins."""
    asked = f"a0ce13c7-4825-4ecc-9dc0-{1:012d}"
    return {
        "ring": doorbell("message", message_dedup(CONVERSATION, asked)),
        "ring_third_receive": doorbell("message", message_dedup(CONVERSATION, asked), receives=3),
        "ring_due": doorbell("due", counted_dedup(CONVERSATION, "due", 1)),
        "ring_redrive": doorbell("redrive", counted_dedup(CONVERSATION, "redrive", 2)),
        "ring_unreadable": doorbell("message", "by-hand", body="ping"),
    }


def scheduled(rule: str) -> Event:
    """Return the event of a schedule's rule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": AWS_ACCOUNT,
        "time": "2026-11-20T09:47:00Z",
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{AWS_ACCOUNT}:rule/dealtalk-{rule}"],
        "detail": {},
    }


def dead_letter_alarm() -> Event:
    """Return the event by which an alarm calls a function: the dead-letter queue is not empty."""
    name = "dealtalk-DeadLetterAlarm"
    dimensions = {"QueueName": "dealtalk-DeadLetterQueue.fifo"}
    metric = {"namespace": "AWS/SQS", "name": "ApproximateNumberOfMessagesVisible", "dimensions": dimensions}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:{REGION}:{AWS_ACCOUNT}:alarm:{name}",
        "accountId": AWS_ACCOUNT,
        "time": "2026-11-20T09:47:03.017+0000",
        "region": REGION,
        "alarmData": {
            "alarmName": name,
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: 1 datapoint [1.0 (20/11/26 09:46:00)] was greater than the threshold.",
                "reasonData": json.dumps({"version": "1.0", "recentDatapoints": [1.0], "threshold": 0.0}),
                "timestamp": "2026-11-20T09:47:03.013+0000",
            },
            "previousState": {
                "value": "OK",
                "reason": "no datapoints were received for 1 period and treated as [NonBreaching].",
                "timestamp": "2026-11-20T08:02:03.004+0000",
            },
            "configuration": {
                "description": "A doorbell died. The redriver is called.",
                "metrics": [
                    {
                        "id": "a1b2c3d4-0000-4000-8000-000000000001",
                        "metricStat": {"metric": metric, "period": "60", "stat": "Maximum"},
                        "returnData": True,
                    }
                ],
            },
        },
    }


def redriver() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"alarm": dead_letter_alarm(), "scheduled": scheduled("RedriverEvery15Minutes")}


def sweeper() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"scheduled": scheduled("SweeperEveryMinute")}


def reconciler() -> dict[str, Event]:
    """Return the cases by the name of their file."""
    return {"scheduled": scheduled("ReconcilerEvery10Minutes")}


FUNCTIONS = (responder, redriver, sweeper, reconciler)
