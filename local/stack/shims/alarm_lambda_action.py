"""Gap: an alarm's Lambda action is stored but not run; only SNS actions are.

AWS invokes the function asynchronously when the alarm changes into the action's state, provided that the function's
policy lets lambda.alarms.cloudwatch.amazonaws.com do so for this alarm. The event is the one of the CloudWatch guide,
"Alarm actions: Lambda".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ministack.services import cloudwatch, lambda_svc

Json = dict[str, Any]
PRINCIPAL = "lambda.alarms.cloudwatch.amazonaws.com"
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def apply() -> None:
    """Run the Lambda actions after the ones that the emulator runs itself."""
    original = cloudwatch._dispatch_alarm_actions

    def dispatch(alarm: Json, old: str, new: str, reason: str) -> None:
        original(alarm, old, new, reason)
        if alarm.get("ActionsEnabled", True):
            for target in alarm.get(ACTIONS.get(new, ""), []):
                if ":lambda:" in target:
                    invoke(target, alarm, old, new, reason)

    cloudwatch._dispatch_alarm_actions = dispatch


def invoke(target: str, alarm: Json, old: str, new: str, reason: str) -> None:
    """Invoke the function asynchronously, if its policy allows this alarm to."""
    function, config, _ = lambda_svc._get_func_record_for_ref(target)
    if function is None or not allowed(function, alarm["AlarmArn"]):
        print(f"alarm {alarm['AlarmName']}: no permission to invoke {target}", flush=True)
        return
    record = lambda_svc._execution_record_for_config(function, config)
    lambda_svc.invoke_async_with_retry(record, event(alarm, old, new, reason))


def allowed(function: Json, alarm: str) -> bool:
    """Return whether the function's policy has a statement for CloudWatch and this alarm."""
    policy = function.get("policy") or {}
    statements = policy if isinstance(policy, list) else policy.get("Statement", [])
    return any(PRINCIPAL in json.dumps(s) and alarm in json.dumps(s) for s in statements)


def event(alarm: Json, old: str, new: str, reason: str) -> Json:
    """Return the event that CloudWatch sends."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
    region, account = alarm["AlarmArn"].split(":")[3:5]
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions", [])},
    }
    stat = {"metric": metric, "period": alarm["Period"], "stat": alarm["Statistic"]}
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": account,
        "time": now,
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": new, "reason": reason, "timestamp": now},
            "previousState": {"value": old, "timestamp": now},
            "configuration": {
                "description": alarm.get("AlarmDescription", ""),
                "metrics": [{"id": "m1", "metricStat": stat, "returnData": True}],
            },
        },
    }
