"""GetCourse's webhook, by the custom channel's protocol: store deal and message, ring, answer 200."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.crm.custom import inbound
from dealtalk.crm.custom.deal_store import DealKeeper
from dealtalk.ingress.webhook import Webhook
from dealtalk.settings import Settings

# What AWS does not answer in time must end as a 500, after which the sender tries again.
AWS_CALLS = Config(connect_timeout=0.4, read_timeout=0.8, retries={"total_max_attempts": 2, "mode": "standard"})

settings = Settings.from_env()
logger, metrics, clock = Logger(), Metrics(), SystemClock()
table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
doorbell = SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url)
connections = ConnectionStore(table, clock)
intake = Intake(table, connections, doorbell, clock)
webhook = Webhook(
    "getcourse",
    inbound,
    connections,
    intake,
    logger,
    metrics,
    clock,
    max_body=inbound.MAX_BODY,
    keep=DealKeeper(table, clock).keep,
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one webhook."""
    return webhook.handle(event, context)
