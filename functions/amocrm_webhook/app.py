"""amoCRM's and Kommo's webhooks: of the account (store, ring, answer 200) and of a Salesbot that waits."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.crm.amocrm import inbound, widget
from dealtalk.ingress.webhook import Webhook
from dealtalk.settings import Settings

# amoCRM waits 2 s: what AWS does not answer in time must end as a 500, which makes amoCRM send again.
AWS_CALLS = Config(connect_timeout=0.4, read_timeout=0.8, retries={"total_max_attempts": 2, "mode": "standard"})

settings = Settings.from_env()
logger, metrics, clock = Logger(), Metrics(), SystemClock()
table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
doorbell = SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url)
connections = ConnectionStore(table, clock)
intake = Intake(table, connections, doorbell, clock)
account = Webhook("amocrm", inbound, connections, intake, logger, metrics, clock)
keep = widget.keeper(table, clock)
waiting_bot = Webhook("amocrm", widget, connections, intake, logger, metrics, clock, keep=keep, below="widget/")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one webhook."""
    path = event.get("rawPath") if isinstance(event, dict) else None
    is_bots = isinstance(path, str) and path.startswith("/amocrm/widget/")
    return (waiting_bot if is_bots else account).handle(event, context)
