"""Each function: its runtime, logs, alarm, environment and times."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from dealtalk.recovery.reading import LEAST_SECONDS
from dealtalk.settings import Settings
from local.stack.paths import PROJECT

if TYPE_CHECKING:
    from tests.template.conftest import Template

FOLDERS = {
    "AmocrmWebhook": "amocrm_webhook",
    "CustomWebhook": "custom_webhook",
    "GetcourseWebhook": "getcourse_webhook",
    "Bitrix24Webhook": "bitrix24_webhook",
    "HubspotWebhook": "hubspot_webhook",
    "Responder": "responder",
    "Redriver": "redriver",
    "Sweeper": "sweeper",
    "RetailcrmPoller": "retailcrm_poller",
    "RetailcrmCallback": "retailcrm_callback",
    "Reconciler": "reconciler",
}
COMMON = {
    "DEALTALK_TABLE",
    "DEALTALK_QUEUE_URL",
    "POWERTOOLS_SERVICE_NAME",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_LOG_LEVEL",
}
ENVIRONMENT = {
    "AmocrmWebhook": COMMON,
    "CustomWebhook": COMMON,
    "GetcourseWebhook": COMMON,
    "Bitrix24Webhook": COMMON,
    "HubspotWebhook": COMMON,
    "Sweeper": COMMON,
    "RetailcrmCallback": COMMON,
    "RetailcrmPoller": COMMON | {"DEALTALK_POLL_SECONDS", "DEALTALK_SECRETS_PREFIX"},
    "Reconciler": COMMON | {"DEALTALK_SECRETS_PREFIX"},
    "Redriver": COMMON | {"DEALTALK_DLQ_URL", "DEALTALK_BUCKET", "DEALTALK_SECRETS_PREFIX"},
    "Responder": COMMON
    | {
        "DEALTALK_BUCKET",
        "DEALTALK_SECRETS_PREFIX",
        "DEALTALK_MODEL_BASE_URL",
        "DEALTALK_MODEL",
        "DEALTALK_MODEL_SECRET",
        "DEALTALK_MODEL_TIMEOUT",
        "DEALTALK_QUIET_SECONDS",
        "DEALTALK_MAXIMUM_CONCURRENCY",
    },
}
PACKAGES = {
    "amocrm_webhook": {"aws-lambda-powertools"},
    "custom_webhook": {"aws-lambda-powertools"},
    "getcourse_webhook": {"aws-lambda-powertools"},
    "bitrix24_webhook": {"aws-lambda-powertools"},
    "hubspot_webhook": {"aws-lambda-powertools"},
    "sweeper": {"aws-lambda-powertools"},
    "retailcrm_callback": {"aws-lambda-powertools"},
    "retailcrm_poller": {"aws-lambda-powertools", "requests", "tzdata"},
    "reconciler": {"aws-lambda-powertools", "requests"},
    "redriver": {"aws-lambda-powertools", "pydantic", "pyyaml", "requests", "tzdata"},
    "responder": {"aws-lambda-powertools", "openai", "pydantic", "pyyaml", "requests", "tzdata"},
}

every_function = pytest.mark.parametrize("function", FOLDERS)


@every_function
def test_runtime_and_architecture_are_parameters(template: Template, function: str) -> None:
    """One choice for all functions and the layer, so that they always fit each other."""
    properties = template.properties(function)
    assert properties["Runtime"] == {"Ref": "Runtime"}
    assert properties["Architectures"] == [{"Ref": "Architecture"}]
    assert properties["Handler"] == "app.handler"
    (layer,) = template.of_type("AWS::Lambda::LayerVersion")
    assert properties["Layers"] == [{"Ref": layer}]


@every_function
def test_logs_are_json_in_an_own_group_with_retention(template: Template, function: str) -> None:
    """No function writes into a group that Lambda would make, which would keep logs forever."""
    assert template.properties(function)["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": {"Ref": f"{function}Logs"},
    }
    assert template.properties(f"{function}Logs")["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@every_function
def test_errors_raise_an_alarm(template: Template, function: str) -> None:
    """One failure within five minutes is enough."""
    alarm = template.properties(f"{function}ErrorAlarm")
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "Errors", "Sum")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


@every_function
def test_the_environment_holds_what_the_function_needs_and_no_secret(template: Template, function: str) -> None:
    """Names of secrets may stand there, values never."""
    variables = template.properties(function)["Environment"]["Variables"]
    assert set(variables) == ENVIRONMENT[function]
    assert not [n for n in variables if re.search(r"TOKEN|PASSWORD|API_KEY|PRIVATE", n)]
    assert "resolve:secretsmanager" not in str(variables)
    assert "resolve:ssm-secure" not in str(variables)


def test_every_setting_is_given_to_some_function() -> None:
    """The settings that the code reads and the variables that the template sets are the same."""
    given = {name.removeprefix("DEALTALK_").lower() for names in ENVIRONMENT.values() for name in names - COMMON}
    given |= {"table", "queue_url"}
    assert given == {field.name for field in dataclasses.fields(Settings)}


@every_function
def test_no_tracing_and_no_concurrency_is_taken_away(template: Template, function: str) -> None:
    """X-Ray costs start time; reserved concurrency would burn a doorbell's receives."""
    properties = template.properties(function)
    assert "TracingConfig" not in properties
    assert "ReservedConcurrentExecutions" not in properties
    assert "SnapStart" not in properties


def test_times_agree_with_each_other(template: Template) -> None:
    """A webhook answers in time, a model's call fits the turn, the turn fits the wake-up, and a receive outlives it."""
    seconds = {name: template.properties(name)["Timeout"] for name in FOLDERS}
    assert seconds["AmocrmWebhook"] <= 5
    longest_call = template.body["Parameters"]["ModelTimeoutSeconds"]["MaxValue"]
    thinking = 60
    assert template.body["Parameters"]["ModelTimeoutSeconds"]["Default"] == 40
    assert longest_call < thinking < seconds["Responder"] == 90
    assert template.properties("Queue")["VisibilityTimeout"] >= 6 * seconds["Responder"]
    assert template.properties("DeadLetterQueue")["VisibilityTimeout"] > seconds["Redriver"]
    assert seconds["Sweeper"] < 60
    # The next poller begins before the last one stops asking.
    assert seconds["RetailcrmPoller"] - LEAST_SECONDS > 60
    assert seconds["Reconciler"] < 600


@pytest.mark.parametrize("function", ["Redriver", "Sweeper", "RetailcrmPoller", "Reconciler"])
def test_a_scheduled_function_is_not_retried_by_lambda(template: Template, function: str) -> None:
    """The next run is the retry; two runs at once would ring twice."""
    assert template.properties(f"{function}EventInvokeConfig")["MaximumRetryAttempts"] == 0


@pytest.mark.parametrize(
    ("rule", "rate"),
    [
        ("SweeperEveryMinute", 1),
        ("RetailcrmPollerEveryMinute", 1),
        ("RedriverEvery15Minutes", 15),
        ("ReconcilerEvery10Minutes", 10),
    ],
)
def test_schedules(template: Template, rule: str, rate: int) -> None:
    """The sweeper looks every minute, the redriver every quarter of an hour."""
    unit = "minute" if rate == 1 else "minutes"
    assert template.properties(rule)["ScheduleExpression"] == f"rate({rate} {unit})"


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_a_functions_packages_are_the_ones_of_the_lock(folder: str) -> None:
    """What is deployed is what was tested: direct needs, pinned exactly, equal to the lock."""
    lock = dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (PROJECT / "requirements.lock").read_text(encoding="utf-8")))
    lines = (PROJECT / "functions" / folder / "requirements.txt").read_text(encoding="utf-8").split()
    pins = dict(line.split("==") for line in lines)
    assert set(pins) == PACKAGES[folder]
    assert pins == {name: lock[name] for name in pins}


def test_the_layer_is_our_package_alone(template: Template) -> None:
    """Third-party packages are bundled per function: a webhook must not carry openai."""
    assert not (PROJECT / "shared" / "requirements.txt").exists()
    assert {p.name for p in (PROJECT / "shared").iterdir() if p.is_dir() and p.name != "__pycache__"} == {"dealtalk"}
    (layer,) = template.of_type("AWS::Lambda::LayerVersion").values()
    assert layer["CompatibleRuntimes"] == [{"Ref": "Runtime"}]
