"""The redriver: looks at dead doorbells when the alarm fires, and every 15 minutes."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics

from dealtalk.compose import AWS_CALLS, compose
from dealtalk.recovery.dead_letters import SqsDeadLetters
from dealtalk.recovery.redrive import Redriver, no_model
from dealtalk.responder import Responder
from dealtalk.settings import Settings

settings = Settings.from_env()
logger, metrics = Logger(), Metrics()
services = compose(settings, logger, metrics, no_model)
letters = SqsDeadLetters(boto3.client("sqs", config=AWS_CALLS), settings.dlq_url)


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ANN401 (Lambda's context)
    """Look at the dead doorbells once."""
    seconds_left = lambda: context.get_remaining_time_in_millis() / 1000 - 3  # noqa: E731
    fates = Redriver(services, letters, Responder(services).open_turn, seconds_left).run()
    logger.info("redriven", extra={"fates": {fate.value: count for fate, count in fates.items() if count}})
    return {fate.value: count for fate, count in fates.items()}
