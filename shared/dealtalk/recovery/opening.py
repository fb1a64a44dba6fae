"""The composition root of the functions that read histories: no model, no profile, no deal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.rate import Spare
from dealtalk.crm.registry import Opening, open_history
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.crm.secrets import SecretsManager
from dealtalk.recovery.reading import HORIZON, Reading
from dealtalk.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from aws_lambda_powertools import Logger, Metrics

    from dealtalk.connections import Connection
    from dealtalk.ports import History
    from dealtalk.settings import Settings

AWS_CALLS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


def compose_reading(
    settings: Settings,
    logger: Logger,
    metrics: Metrics,
    *,
    horizon: timedelta = HORIZON,
    metric: str = "MessagesFound",
) -> Reading:
    """Return the reader of histories on AWS; its calls take the spare part of an account's rate."""
    clock = SystemClock()
    table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
    connections = ConnectionStore(table, clock)
    secrets = SecretsManager(boto3.client("secretsmanager", config=AWS_CALLS), clock)
    ways = ReplyWays(clock)
    doorbell = SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url)

    def open_(connection: Connection, seconds_left: Callable[[], float]) -> History:
        before_call = Spare(table, clock, connection).wait
        opening = Opening(table, secrets, clock, seconds_left, reply_ways=ways, before_call=before_call)
        return open_history(connection, opening)

    return Reading(
        table=table,
        connections=connections,
        intake=Intake(table, connections, doorbell, clock),
        clock=clock,
        watch=Watch(logger, metrics),
        open_history=open_,
        horizon=horizon,
        metric=metric,
    )
