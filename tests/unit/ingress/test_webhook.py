"""A webhook from end to end, over fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dealtalk.connections import ConnectionState, connection_id
from dealtalk.errors import Permanent, Retryable
from tests.unit.ingress.fakes import (
    ACCOUNT,
    KEY,
    KnownConnections,
    RememberedMessages,
    compose,
    connection,
    message_form,
    post,
)

MESSAGE = ACCOUNT | message_form()
SECRET = "Секретный текст клиента +79170000000"


def metrics_of(printed: str) -> list[dict[str, Any]]:
    """Return the metric lines that were printed."""
    return [line for line in map(json.loads, printed.splitlines()) if "_aws" in line]


def test_a_message_is_stored_and_answered_with_200() -> None:
    """The way of nearly all webhooks."""
    rig = compose()
    assert rig.status(post(MESSAGE)) == 200
    assert [message.text for message in rig.intake.messages] == ["Здравствуйте! Сколько стоит окно?"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_probe_is_answered_with_200_without_a_look_at_its_key(method: str) -> None:
    """Kommo probes the URL before it accepts it; the answer must not tell whether the key exists."""
    rig = compose()
    assert rig.status(post(b"", requestContext={"http": {"method": method}})) == 200
    assert rig.connections.asked == []


def test_an_unknown_key_is_unauthorized() -> None:
    """Nothing is stored for nobody."""
    rig = compose()
    assert rig.status(post(MESSAGE, key="another-key")) == 401
    assert rig.intake.messages == []


@pytest.mark.parametrize("key", ["", "/", "k" * 201])
def test_a_key_that_cannot_be_one_is_not_looked_up(key: str) -> None:
    """It costs no read of the table."""
    rig = compose()
    assert rig.status(post(MESSAGE, key=key)) == 401
    assert rig.connections.asked == []


@pytest.mark.parametrize(
    "wrong", [{"account[id]": "1"}, {"account[subdomain]": "other"}, {"account[id]": "", "account[subdomain]": ""}]
)
def test_another_account_is_answered_as_an_unknown_key_is(wrong: dict[str, str]) -> None:
    """Whoever has one half learns nothing of the other: equal answers, to the byte."""
    rig = compose()
    unknown_key = rig.webhook.handle(post(MESSAGE, key="another-key"), None)
    assert rig.webhook.handle(post(MESSAGE | wrong), None) == unknown_key
    assert rig.intake.messages == []


@pytest.mark.parametrize("body", [b"{", b"a=%FF", b"", b"a" + b"[b]" * 50 + b"=1"])
def test_a_broken_body_has_the_same_answer_with_any_key(body: bytes) -> None:
    """A status must not tell whether a key exists."""
    rig = compose()
    assert rig.webhook.handle(post(body), None) == rig.webhook.handle(post(body, key="another-key"), None)


@pytest.mark.parametrize("groups", [{"leads[update][0][id]": "1"}, {"foo[bar]": "1"}, {}])
def test_what_is_not_ours_is_answered_with_200(groups: dict[str, str]) -> None:
    """A 4xx would count towards the webhook's being switched off."""
    rig = compose()
    assert rig.status(post(ACCOUNT | groups)) == 200
    assert rig.intake.messages == []


def test_a_connection_that_is_off_is_answered_with_200_and_nothing_is_stored() -> None:
    """The CRM goes on posting until somebody deletes the webhook there."""
    rig = compose(KnownConnections({KEY: connection(state=ConnectionState.OFF)}))
    assert rig.status(post(MESSAGE)) == 200
    assert rig.intake.messages == []
    assert rig.log_lines[-1]["ignored"] == {"connection_off": 1}


def test_a_connection_that_needs_attention_still_takes_messages() -> None:
    """They wait until its token is mended."""
    rig = compose(KnownConnections({KEY: connection(state=ConnectionState.NEEDS_ATTENTION)}))
    assert rig.status(post(MESSAGE)) == 200
    assert len(rig.intake.messages) == 1


def test_what_could_not_be_stored_is_answered_with_500() -> None:
    """The CRM sends it again."""
    assert compose(intake=RememberedMessages(error=Retryable("throttled"))).status(post(MESSAGE)) == 500


def test_a_connection_that_could_not_be_read_is_answered_with_500() -> None:
    """A table that does not answer must not look like a wrong key: a 401 would lose the message."""
    assert compose(KnownConnections(error=Retryable("throttled"))).status(post(MESSAGE)) == 500


@pytest.mark.parametrize("error", [RuntimeError(SECRET), Permanent(SECRET), KeyError(SECRET), RecursionError(SECRET)])
def test_an_unknown_exception_is_answered_with_an_empty_500(error: Exception) -> None:
    """No stack trace reaches the caller."""
    rig = compose(intake=RememberedMessages(error=error))
    answer = rig.webhook.handle(post(MESSAGE), None)
    assert (answer["statusCode"], answer["body"]) == (500, "")


def test_an_unknown_exception_is_logged_by_type_and_place_only() -> None:
    """An exception's text may quote a customer."""
    rig = compose(intake=RememberedMessages(error=RuntimeError(SECRET)))
    rig.status(post(MESSAGE))
    (line,) = rig.log_lines
    assert (line["level"], line["error"]) == ("ERROR", "RuntimeError")
    assert line["error_at"].startswith("dealtalk.ingress.webhook:")
    assert SECRET not in rig.log.getvalue()


def test_a_second_delivery_is_known() -> None:
    """The same id is the same message."""
    rig = compose()
    rig.status(post(MESSAGE))
    assert rig.status(post(MESSAGE)) == 200
    assert len(rig.intake.messages) == 1
    assert rig.log_lines[-1]["known"] == 1


def test_one_line_is_logged_with_counts_and_no_content() -> None:
    """An operator sees what happened, and to whom by hash only."""
    rig = compose()
    rig.webhook.handle(post(MESSAGE), SimpleNamespace(aws_request_id="3f6c"))
    (line,) = rig.log_lines
    assert {name: line[name] for name in ("level", "crm", "status", "messages", "stored", "rung", "connection")} == {
        "level": "INFO",
        "crm": "amocrm",
        "status": 200,
        "messages": 1,
        "stored": 1,
        "rung": 1,
        "connection": connection_id(KEY),
    }
    assert line["text_characters"] == len("Здравствуйте! Сколько стоит окно?")
    assert line["request_id"] == "3f6c"
    assert line["ms"] == 0


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (post(MESSAGE, key="another-key"), "unknown_key"),
        (post(MESSAGE | {"account[id]": "1"}), "other_account"),
        (post(b"{"), "json"),
        (post(b"a=%FF"), "utf8"),
        (post(b"", body="%"), "base64"),
    ],
)
def test_the_log_says_why_a_request_was_refused(event: dict[str, Any], reason: str) -> None:
    """What the caller does not learn, the operator does."""
    rig = compose()
    rig.status(event)
    (line,) = rig.log_lines
    assert (line["level"], line["reason"]) == ("WARNING", reason)


@pytest.mark.parametrize(
    ("event", "name", "count"),
    [
        (post(MESSAGE | message_form(1)), "MessagesIn", 2),
        (post(ACCOUNT | {"leads[update][0][id]": "1", "leads[add][0][id]": "2"}), "EventsIgnored", 2),
        (post(MESSAGE, key="another-key"), "Unauthorized", 1),
        (post(b"{"), "BadRequests", 1),
        (post(b"", requestContext={"http": {"method": "PUT"}}), "BadRequests", 1),
    ],
)
def test_metrics_count_what_came(
    event: dict[str, Any], name: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line per invocation, with the CRM as its dimension."""
    compose().status(event)
    (line,) = metrics_of(capsys.readouterr().out)
    assert (line[name], line["crm"]) == ([count], "amocrm")
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["crm", "service"]]


def test_a_failure_is_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm can watch it."""
    compose(intake=RememberedMessages(error=Retryable("throttled"))).status(post(MESSAGE))
    (line,) = metrics_of(capsys.readouterr().out)
    assert line["WebhookErrors"] == [1]


def test_the_kinds_of_ignored_events_stand_in_the_metrics_line(capsys: pytest.CaptureFixture[str]) -> None:
    """They are counted together, and told apart there and in the log."""
    rig = compose()
    rig.status(post(ACCOUNT | {"leads[update][0][id]": "1", "talk[update][0][talk_id]": "2", "x": "1"}))
    (line,) = metrics_of(capsys.readouterr().out)
    assert line["ignored"] == rig.log_lines[-1]["ignored"] == {"leads": 1, "talk": 1, "unknown_event": 1}


def test_a_probe_writes_no_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to count."""
    compose().status(post(b"", requestContext={"http": {"method": "GET"}}))
    assert metrics_of(capsys.readouterr().out) == []


def test_metrics_of_one_invocation_do_not_reach_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    """A process serves many invocations."""
    rig = compose()
    rig.status(post(MESSAGE))
    rig.status(post(ACCOUNT | {"x": "1"}))
    first, second = metrics_of(capsys.readouterr().out)
    assert "EventsIgnored" not in first
    assert "MessagesIn" not in second


def test_messages_are_parsed_for_the_connection_of_the_key() -> None:
    """Two accounts that are connected do not mix, even with chats of the same id."""
    other = replace(connection(), id=connection_id("other"), account="2", options={"subdomain": "other"})
    rig = compose(KnownConnections({KEY: connection(), "other": other}))
    rig.status(post(MESSAGE))
    rig.status(post(MESSAGE | {"account[id]": "2", "account[subdomain]": "other"}, key="other"))
    first, second = rig.intake.messages
    assert (first.conversation.account, second.conversation.account) == ("31337000", "2")
    assert first.conversation.id != second.conversation.id
