"""Gap: an alarm takes the metric of its name from all dimensions, so the main queue's depth fires the DLQ's alarm.

AWS alarms look at exactly one metric: namespace, name and dimensions. AWS also evaluates an alarm whose data ended:
without data it becomes what TreatMissingData says.
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import cloudwatch

Json = dict[str, Any]
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def apply() -> None:
    """Evaluate alarms by their own metric."""
    cloudwatch._evaluate_alarm = evaluate


def evaluate(alarm: Json) -> None:
    """Move the alarm to the state that its metric's recent points say."""
    state, reason = judged(alarm)
    old = alarm["StateValue"]
    if state is None or state == old:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def judged(alarm: Json) -> tuple[str | None, str]:
    """Return the state that the metric asks for and why; None leaves it as it is."""
    dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions", [])}
    key = (alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions))
    since = time.time() - alarm.get("Period", 60) * alarm.get("EvaluationPeriods", 1)
    points = [p for p in cloudwatch._metrics.get(key, []) if p["Timestamp"] >= since]
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None
    if value is None:
        states = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}
        return states.get(alarm.get("TreatMissingData", "missing")), "no data"
    comparison, threshold = alarm["ComparisonOperator"], alarm["Threshold"]
    breaching = COMPARISONS[comparison](value, threshold)
    return ("ALARM" if breaching else "OK"), f"{statistic} {value} {comparison} {threshold}"
