"""Gap: metrics embedded in log lines (EMF) are not extracted.

CloudWatch reads a log line that is JSON with an `_aws` member as the metrics that it describes.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.services import cloudwatch, lambda_svc

Json = dict[str, Any]


def apply() -> None:
    """Record the metrics of each line that a function prints."""
    original = lambda_svc._emit_lambda_logs

    def emit(function: Json, request: str, text: str, *args: Any, **options: Any) -> None:
        original(function, request, text, *args, **options)
        for line in (text or "").splitlines():
            if '"_aws"' in line:
                record(line)

    lambda_svc._emit_lambda_logs = emit


def record(line: str) -> None:
    """Record one line's metrics; a line that is not EMF has none."""
    try:
        found = json.loads(line[line.index("{") :])
    except ValueError:
        return
    for directive in found.get("_aws", {}).get("CloudWatchMetrics", []):
        for metric in directive.get("Metrics", []):
            values = found.get(metric["Name"], [])
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(found[name]) for name in names if name in found}
                for value in values if isinstance(values, list) else [values]:
                    cloudwatch.record_metric(
                        directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions
                    )
