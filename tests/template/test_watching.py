"""Alarms, the dashboard, and the way from a dead doorbell to the redriver."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from tests.template.conftest import Json, Template

OWN_METRICS = {
    "MessagesIn",
    "Replies",
    "TimeToReply",
    "Handoffs",
    "CrmErrors",
    "ModelErrors",
    "ModelTokensIn",
    "ModelTokensOut",
    "ModelCostMicroUsd",
    "OldestUnanswered",
    "EventsIgnored",
    "Unauthorized",
    "NeedsAttention",
    "SendFallback",
    "BadRequests",
    "WebhookErrors",
    "Drafts",
    "HandoffsFailed",
    "RepliesUnconfirmed",
    "UnknownErrors",
    "MessagesFound",
}
WITHOUT_CRM = {"OldestUnanswered"}
"""Metrics of the stack as a whole, with the dimension `service` alone."""

AWS_METRICS = {
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Duration"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/ApiGateway", "5xx"),
    ("AWS/ApiGateway", "Latency"),
}


def dashboard_metrics(template: Template) -> list[list[object]]:
    """Return every line of every widget."""
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    body: Json = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    return [line for widget in body["widgets"] for line in widget["properties"]["metrics"]]


def test_the_dead_letter_alarm_calls_the_redriver(template: Template) -> None:
    """It looks at the depth, since the number sent does not count what SQS moves by itself."""
    alarm = template.properties("DeadLetterAlarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert {"Fn::GetAtt": ["Redriver", "Arn"]} in alarm["AlarmActions"]


def test_cloudwatch_may_invoke_the_redriver_for_this_alarm_only(template: Template) -> None:
    """The permission names the service, the account and the alarm."""
    permission = template.properties("RedriverAlarmPermission")
    assert permission["FunctionName"] == {"Ref": "Redriver"}
    assert permission["Principal"] == "lambda.alarms.cloudwatch.amazonaws.com"
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert permission["SourceArn"] == {"Fn::GetAtt": ["DeadLetterAlarm", "Arn"]}


def test_a_webhook_that_nears_amocrms_limit_raises_an_alarm(template: Template) -> None:
    """The alarm comes before the 2 seconds after which amoCRM gives up."""
    alarm = template.properties("AmocrmWebhookSlowAlarm")
    assert (alarm["MetricName"], alarm["ExtendedStatistic"]) == ("Duration", "p99")
    assert alarm["Threshold"] < 2000


@pytest.mark.parametrize("alarm", ["ApiFailureAlarm", "OldestDoorbellAlarm", "AmocrmNeedsAttentionAlarm"])
def test_what_customers_would_notice_raises_an_alarm(template: Template, alarm: str) -> None:
    """The API's failures, doorbells that wait, connections that cannot go on."""
    assert alarm in template.of_type("AWS::CloudWatch::Alarm")


def test_every_alarm_is_mailed_and_none_fires_for_silence(template: Template) -> None:
    """With an address given, each alarm goes there; no data is no alarm."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items():
        assert {"Ref": "AlarmTopic"} in _flat(alarm["AlarmActions"]), name
        assert alarm["TreatMissingData"] == "notBreaching", name


def _flat(value: object) -> list[object]:
    """Return all nodes of a JSON value."""
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(node for child in children for node in _flat(child))]


def test_alarms_watch_metrics_that_exist(template: Template) -> None:
    """Either AWS publishes it or our code does, under exactly these dimensions."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items():
        if alarm["Namespace"] == "Dealtalk":
            assert alarm["MetricName"] in OWN_METRICS, name
            assert [d["Name"] for d in alarm["Dimensions"]] == ["crm", "service"], name
        else:
            assert (alarm["Namespace"], alarm["MetricName"]) in AWS_METRICS, name


def test_the_dashboard_shows_metrics_that_exist(template: Template) -> None:
    """A misspelt name would be an empty graph that nobody notices."""
    for line in dashboard_metrics(template):
        if isinstance(line[0], dict):
            expression = str(line[0]["expression"])
            (found,) = re.findall(
                r"SEARCH\('\{Dealtalk,crm,service\} MetricName=\"(\w+)\" service=\"\$\{AWS::StackName\}\"'", expression
            )
            assert found in OWN_METRICS - WITHOUT_CRM
        elif line[0] == "Dealtalk":
            assert line[1:4] == [line[1], "service", "${AWS::StackName}"]
            assert line[1] in WITHOUT_CRM
        else:
            assert (line[0], line[1]) in AWS_METRICS


def test_the_dashboard_shows_every_metric_of_ours(template: Template) -> None:
    """What the code counts can be seen."""
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    assert {name for name in OWN_METRICS if re.search(rf"\b{name}\b", body)} == OWN_METRICS


def test_ids_on_the_dashboard_are_unique_within_a_graph(template: Template) -> None:
    """CloudWatch refuses a graph whose expressions share an id."""
    (dashboard,) = template.of_type("AWS::CloudWatch::Dashboard").values()
    for widget in json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]:
        ids = [line[0]["id"] for line in widget["properties"]["metrics"] if isinstance(line[0], dict)]
        assert len(ids) == len(set(ids))


def test_the_code_emits_what_the_dashboard_shows() -> None:
    """Each metric's name stands in the code that emits it."""
    assert {name for name in OWN_METRICS if re.search(rf'"{name}"', code())} == OWN_METRICS


def test_every_metric_that_the_code_counts_is_known_here() -> None:
    """A new one is not forgotten on the dashboard."""
    counted = set(re.findall(r"""\.(?:count|took|add_metric)\(\s*(?:name=)?["']([A-Z]\w+)["']""", code()))
    assert counted
    assert counted <= OWN_METRICS


def code() -> str:
    """Return all code that runs in Lambda."""
    files = [path for folder in ("shared", "functions") for path in (PROJECT / folder).rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
