"""What is told to the logs and to CloudWatch: ids, lengths, hashes and counts.

Never a text, a name, a phone, a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Metrics

    from dealtalk.messages import ConversationKey


class Watch:
    """The responder's and the recovery's logger and metrics; metrics carry the dimension `crm`."""

    def __init__(self, logger: Logger, metrics: Metrics) -> None:
        self._logger = logger
        self._metrics = metrics

    def of(self, conversation: ConversationKey, connection: str) -> None:
        """Name the conversation in every following line, and its CRM in every following metric."""
        self._logger.append_keys(crm=conversation.crm, conversation=conversation.id, connection=connection)
        self._count_for(conversation.crm)

    def of_account(self, crm: str, connection: str) -> None:
        """Name the account in every following line, and its CRM in every metric that follows."""
        self._logger.append_keys(crm=crm, connection=connection)
        self._count_for(crm)

    def _count_for(self, crm: str) -> None:
        if self._metrics.dimension_set.get("crm") == crm:
            return
        if self._metrics.metric_set:
            self._metrics.flush_metrics()  # a blob of metrics has one value of each dimension
        self._metrics.add_dimension("crm", crm)

    def say(self, what: str, **facts: object) -> None:
        """Log one line."""
        self._logger.info(what, extra={name: value for name, value in facts.items() if value is not None})

    def warn(self, what: str, **facts: object) -> None:
        """Log one line that somebody should look at."""
        self._logger.warning(what, extra=facts)

    def error(self, what: str, **facts: object) -> None:
        """Log one line that an alarm counts."""
        self._logger.error(what, extra=facts)

    def count(self, metric: str, number: float = 1) -> None:
        """Count something."""
        self._metrics.add_metric(metric, MetricUnit.Count, number)

    def took(self, metric: str, milliseconds: float) -> None:
        """Measure a time."""
        self._metrics.add_metric(metric, MetricUnit.Milliseconds, milliseconds)
