"""The responder: a doorbell rings, a conversation is answered."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics

from dealtalk.agent.opening import model_opener
from dealtalk.compose import AWS_CALLS, compose
from dealtalk.doorbell_handler import DoorbellHandler
from dealtalk.responder import Responder
from dealtalk.settings import Settings

settings = Settings.from_env()
logger, metrics = Logger(), Metrics()
services = compose(settings, logger, metrics, lambda secrets: model_opener(settings, secrets))
doorbells = DoorbellHandler(Responder(services), boto3.client("sqs", config=AWS_CALLS), settings.queue_url)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Work on one doorbell."""
    return doorbells.handle(event, context)
