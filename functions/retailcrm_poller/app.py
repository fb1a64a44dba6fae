"""RetailCRM's poller: started every minute, it reads what was said in every account at a short interval.

The MG Bot API sends nothing by itself. Invocations overlap a little, so that nobody waits for the next one; an
account's lease keeps them apart.
"""

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from dealtalk.recovery.opening import compose_reading
from dealtalk.recovery.polling import Poller
from dealtalk.settings import Settings

settings = Settings.from_env()
logger, metrics = Logger(), Metrics()
reading = compose_reading(settings, logger, metrics, metric="MessagesIn")
poller = Poller(reading, "retailcrm", timedelta(seconds=settings.poll_seconds))


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ANN401 (Lambda's context)
    """Poll until the next invocation has begun."""
    totals = poller.run(lambda: context.get_remaining_time_in_millis() / 1000)
    logger.info("polled", extra=totals)
    return totals
