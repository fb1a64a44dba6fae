"""The composition root of the functions that work for conversations: the ports' real sides, made once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from dealtalk.agent.profile_store import ProfileStore
from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.doorbell import SqsDoorbell
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.rate import Throttle
from dealtalk.conversation.turnstile import slots_of
from dealtalk.crm.registry import Opening, open_crm
from dealtalk.crm.reply_ways import ReplyWays
from dealtalk.crm.schema_cache import BucketOverflow, SchemaCache
from dealtalk.crm.secrets import SecretsManager
from dealtalk.services import Services
from dealtalk.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools import Logger, Metrics

    from dealtalk.agent.profile import Profile
    from dealtalk.connections import Connection
    from dealtalk.crm.secrets import Secrets
    from dealtalk.messages import Chat
    from dealtalk.ports import Crm, Model
    from dealtalk.settings import Settings

AWS_CALLS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})


def compose(
    settings: Settings, logger: Logger, metrics: Metrics, open_model: Callable[[Secrets], Callable[[Profile], Model]]
) -> Services:
    """Return the services on AWS. `open_model` is given the secrets, so that who needs no model imports none."""
    clock, watch = SystemClock(), Watch(logger, metrics)
    table = DynamoTable(boto3.client("dynamodb", config=AWS_CALLS), settings.table, pause=clock.sleep)
    bucket = boto3.client("s3", config=AWS_CALLS)
    secrets = SecretsManager(boto3.client("secretsmanager", config=AWS_CALLS), clock)
    reply_ways = ReplyWays(clock)
    schemas = SchemaCache(table, clock, BucketOverflow(bucket, settings.bucket))

    def open_(connection: Connection, chat: Chat, seconds_left: Callable[[], float]) -> Crm:
        opening = Opening(
            table,
            secrets,
            clock,
            seconds_left,
            chat.channel,
            reply_ways,
            on_fallback=lambda *_: watch.count("SendFallback"),
            before_call=Throttle(table, clock, connection).wait,
            known_schema=lambda: schemas.known(connection),
        )
        return open_crm(connection, opening)

    return Services(
        table=table,
        connections=ConnectionStore(table, clock),
        doorbell=SqsDoorbell(boto3.client("sqs", config=AWS_CALLS), settings.queue_url),
        clock=clock,
        profiles=ProfileStore(bucket, settings.bucket, clock),
        schemas=schemas,
        open_crm=open_,
        open_model=open_model(secrets),
        watch=watch,
        endpoint=(settings.model_base_url, settings.model),
        slots=slots_of(settings.maximum_concurrency),
    )
