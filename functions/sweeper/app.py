"""The sweeper: every minute, ring for conversations whose timer is due."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.recovery.sweep import Sweeper
from dealtalk.settings import Settings

AWS_CALLS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})

settings = Settings.from_env()
logger, metrics, clock = Logger(), Metrics(), SystemClock()
table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
sweeper = Sweeper(table, SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url), clock)


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run once."""
    swept = sweeper.run()
    metrics.add_metric("OldestUnanswered", "Seconds", swept.oldest_overdue)
    logger.info("swept", extra={"due": swept.due, "rung": swept.rung})
    return {"due": swept.due, "rung": swept.rung}
