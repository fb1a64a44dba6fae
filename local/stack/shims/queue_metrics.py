"""Gap: the metrics of AWS/SQS are not emitted, so an alarm on a queue's depth never leaves INSUFFICIENT_DATA.

AWS publishes them each minute; here every few seconds, by the public calls GetQueueAttributes and PutMetricData.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

SECONDS = 3
METRICS = {
    "ApproximateNumberOfMessages": "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible": "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


def apply() -> None:
    """Publish in the background for as long as the emulator runs."""
    threading.Thread(target=publish, daemon=True, name="queue-metrics").start()


def publish() -> None:
    """Publish every queue's depth, again and again. A queue that is being deleted is passed over."""
    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    sqs: Any = boto3.client("sqs", endpoint_url=endpoint)
    cloudwatch: Any = boto3.client("cloudwatch", endpoint_url=endpoint)
    while True:
        time.sleep(SECONDS)
        try:
            for url in sqs.list_queues().get("QueueUrls", []):
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(METRICS))["Attributes"]
                dimensions = [{"Name": "QueueName", "Value": url.rsplit("/", 1)[1]}]
                data = [
                    {"MetricName": name, "Dimensions": dimensions, "Value": int(found[key]), "Unit": "Count"}
                    for key, name in METRICS.items()
                ]
                cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=data)
        except (BotoCoreError, ClientError) as error:
            print(f"queue metrics: {type(error).__name__}", flush=True)
