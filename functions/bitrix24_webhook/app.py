"""Bitrix24's webhook: store, ring, answer 200."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.crm.bitrix24 import inbound
from dealtalk.crm.bitrix24.installing import Installations
from dealtalk.ingress.webhook import Webhook
from dealtalk.settings import Settings

# Bitrix24 does not send again and calls slow handlers later: as quick as for amoCRM, and two tries at each store.
AWS_CALLS = Config(connect_timeout=0.4, read_timeout=0.8, retries={"total_max_attempts": 2, "mode": "standard"})

settings = Settings.from_env()
logger, metrics, clock = Logger(), Metrics(), SystemClock()
table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
doorbell = SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url)
connections = ConnectionStore(table, clock)
intake = Intake(table, connections, doorbell, clock)
keep = Installations(table, clock).keep
webhook = Webhook("bitrix24", inbound, connections, intake, logger, metrics, clock, keep=keep)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one webhook."""
    return webhook.handle(event, context)
