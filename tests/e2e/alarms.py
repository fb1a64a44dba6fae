"""The alarm that calls the redriver. It calls on a change of its state only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.stack import Stack


def dead_letter_alarm(stack: Stack) -> dict[str, Any]:
    """Return the alarm on the dead-letter queue's depth."""
    queue = stack.dlq_url.rsplit("/", 1)[1]
    (alarm,) = [
        each
        for each in stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if {"Name": "QueueName", "Value": queue} in each["Dimensions"]
    ]
    return dict(alarm)


def set_back_alarm(stack: Stack) -> None:
    """Let the alarm rest, so that it rings anew for what lies in the queue."""
    name = dead_letter_alarm(stack)["AlarmName"]
    stack.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a test")
