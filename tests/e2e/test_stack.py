"""The deployed stack itself: routes, wiring and roles, before any conversation."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.alarms import set_back_alarm
from tests.e2e.asking import call, wait_until

if TYPE_CHECKING:
    from local.stack import Stack

pytestmark = pytest.mark.e2e


def invocations(stack: Stack, function: str, since: float) -> list[str]:
    """Return the START lines that a function's log group has got since then."""
    logs = stack.client("logs")
    group = f"/dealtalk/{stack.secrets_prefix.removeprefix('dealtalk/')}/{function}"
    found = logs.filter_log_events(logGroupName=group, startTime=int(since * 1000))["events"]
    return [event["message"] for event in found if event["message"].startswith("START ")]


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function and return Lambda's answer."""
    answer: dict[str, Any] = stack.client("lambda").invoke(
        FunctionName=stack.functions[function], Payload=json.dumps(event)
    )
    return answer


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/amocrm/x", "/amocrm/x/"])
def test_the_webhooks_url_answers_a_probe(stack: Stack, method: str, path: str) -> None:
    """Kommo asks the URL before it accepts it, with or without a trailing slash."""
    assert call(method, stack.api + path).status_code == 200


def test_a_path_that_is_no_webhook_is_not_found(stack: Stack) -> None:
    """The API answers by itself; no function runs."""
    assert call("GET", f"{stack.api}/elsewhere").status_code == 404


def test_an_unknown_key_is_refused(stack: Stack) -> None:
    """A well-formed event under a key that nobody connected is 401 and says nothing."""
    answer = call("POST", f"{stack.api}/amocrm/nobody", b"account[id]=1", "application/x-www-form-urlencoded")
    assert answer.status_code == 401
    assert b"Traceback" not in answer.content


def test_a_dead_doorbell_wakes_the_redriver(stack: Stack) -> None:
    """The alarm on the dead-letter queue's depth calls the function."""
    set_back_alarm(stack)  # another test may have let it ring
    since = time.time()
    stack.client("sqs").send_message(
        QueueUrl=stack.dlq_url, MessageBody="{}", MessageGroupId="e2e", MessageDeduplicationId=str(since)
    )
    assert wait_until(lambda: invocations(stack, "redriver", since), "the redriver's invocation")


def test_the_sweeper_may_do_what_it_does(stack: Stack) -> None:
    """Under its own role it queries the index and ends without an error."""
    answer = invoke(stack, "Sweeper", {"source": "aws.events", "detail-type": "Scheduled Event"})
    assert "FunctionError" not in answer, answer["Payload"].read()
