"""RetailCRM's callback: it says that our module was switched on or off. Messages do not come this way."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.crm.retailcrm import callback
from dealtalk.ingress.webhook import Webhook
from dealtalk.settings import Settings

AWS_CALLS = Config(connect_timeout=0.4, read_timeout=0.8, retries={"total_max_attempts": 2, "mode": "standard"})

settings = Settings.from_env()
logger, metrics, clock = Logger(), Metrics(), SystemClock()
table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
connections = ConnectionStore(table, clock)
doorbell = SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url)
keeper = callback.ActivityKeeper(connections)
webhook = Webhook(
    "retailcrm",
    callback,
    connections,
    Intake(table, connections, doorbell, clock),
    logger,
    metrics,
    clock,
    keep=keeper.keep,
)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one callback."""
    return webhook.handle(event, context)
