"""The reconciler: every ten minutes, read in the CRMs' own records what no webhook brought."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics

from dealtalk.crm.registry import HISTORIES, POLLED
from dealtalk.recovery.opening import compose_reading
from dealtalk.recovery.reconcile import Reconciler
from dealtalk.settings import Settings

logger, metrics = Logger(), Metrics()
reconciler = Reconciler(compose_reading(Settings.from_env(), logger, metrics), sorted(HISTORIES.keys() - POLLED))


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:  # noqa: ANN401 (Lambda's context)
    """Read every account once."""
    counts = reconciler.run(lambda: context.get_remaining_time_in_millis() / 1000 - 3)
    logger.info("reconciled", extra={"accounts": dict(counts)})
    return dict(counts)
