"""The queues and the mapping that feeds the responder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.template.conftest import Template

QUEUES = ["Queue", "DeadLetterQueue"]
DAY = 24 * 60 * 60


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_fifo_in_high_throughput_mode(template: Template, queue: str) -> None:
    """One conversation is one group, and groups do not wait for each other."""
    properties = template.properties(queue)
    assert properties["FifoQueue"] is True
    assert properties["FifoThroughputLimit"] == "perMessageGroupId"
    assert properties["DeduplicationScope"] == "messageGroup"
    assert "ContentBasedDeduplication" not in properties


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_encrypted(template: Template, queue: str) -> None:
    """SQS's own key is enough: a doorbell holds keys only."""
    assert template.properties(queue)["SqsManagedSseEnabled"] is True


def test_queues_are_reached_over_tls_only(template: Template) -> None:
    """Whoever asks without TLS is refused."""
    policy = template.properties("QueuesOverTlsOnly")
    assert policy["Queues"] == [{"Ref": queue} for queue in QUEUES]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] == "*"
    assert statement["Action"] == "sqs:*"
    assert statement["Resource"] == [{"Fn::GetAtt": [queue, "Arn"]} for queue in QUEUES]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_doorbell_waits_for_the_quiet_time(template: Template) -> None:
    """FIFO knows no delay per message, so the queue's own is the quiet time, at most the max wait of 20 s."""
    assert template.properties("Queue")["DelaySeconds"] == {"Ref": "QuietSeconds"}
    assert template.body["Parameters"]["QuietSeconds"]["Default"] == 4
    assert template.body["Parameters"]["QuietSeconds"]["MaxValue"] == 20
    assert "DelaySeconds" not in template.properties("DeadLetterQueue")


def test_a_doorbell_dies_after_four_receives_and_is_kept_for_two_weeks(template: Template) -> None:
    """Dead doorbells are kept longer than any could live in the queue."""
    assert template.properties("Queue")["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": 4,
    }
    assert template.properties("DeadLetterQueue")["MessageRetentionPeriod"] == 14 * DAY
    assert template.properties("Queue")["MessageRetentionPeriod"] < 14 * DAY


def test_the_responder_takes_one_doorbell_at_a_time(template: Template) -> None:
    """Batch size 1 with partial responses: a visibility set by the handler is the retry's delay."""
    (mapping,) = template.of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["FunctionName"] == {"Ref": "Responder"}
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": ["Queue", "Arn"]}
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert "FilterCriteria" not in mapping


def test_concurrency_is_a_parameter_within_what_aws_takes(template: Template) -> None:
    """Lambda accepts 2 to 1000."""
    parameter = template.body["Parameters"]["MaximumConcurrency"]
    assert (parameter["Default"], parameter["MinValue"], parameter["MaxValue"]) == (10, 2, 1000)
