"""`dealtalk doctor`: each thing that can be wrong is found, and told with what to do."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
import pytest

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import ConnectionState
from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import Update
from dealtalk.recovery.bookmark import Bookmark, reader_key
from tests.flows.connect.connecting import API, BUCKET, REGION

if TYPE_CHECKING:
    from tests.flows.connect.connecting import World


@pytest.fixture
def healthy(english: World) -> World:
    """Return a connected account to which nothing is wrong."""
    english.connected("--bot-id", str(next(iter(english.account.bots))))
    boto3.client("secretsmanager", region_name=REGION).create_secret(
        Name="dealtalk/test/model", SecretString='{"api_key": "sk-of-tests"}'
    )
    return english


def store(world: World) -> ConnectionStore:
    """Return the store that the functions mark connections in."""
    return ConnectionStore(world.table, SystemClock())


def test_a_healthy_connection_has_neither_problems_nor_warnings(healthy: World) -> None:
    """Every check is ok, and the exit code says so."""
    ran = healthy.doctor()
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1] == "0 problems, 0 warnings"
    for check in ("token", "webhook", "reply field", "bot", "names", "profile", "state", "model"):
        assert f"✓ ok       {check}: " in ran.out


def test_the_report_for_scripts_is_one_object(healthy: World) -> None:
    """Connections with findings, each with check, level, sentence and advice."""
    ran = healthy.doctor("--json")
    (report,) = ran.json["connections"]
    assert (ran.json["problems"], ran.json["warnings"]) == (0, 0)
    assert report["account"] == str(healthy.account.id)
    assert report["findings"][0].keys() == {"check", "level", "sentence", "advice"}


def test_a_dead_token_ends_the_examination_with_exit_code_1(healthy: World) -> None:
    """Nothing else can be looked at in the account."""
    healthy.simulator.revoke(healthy.subdomain, healthy.token)
    ran = healthy.doctor()
    assert ran.code == 1
    assert "✗ problem  token: Kommo refused the token (401). Check that it was made" in ran.out
    assert "webhook:" not in ran.out


def test_a_secret_that_is_gone_is_found(healthy: World) -> None:
    """Then there is no token at all."""
    client = boto3.client("secretsmanager", region_name=REGION)
    client.delete_secret(SecretId=healthy.connection().secret, ForceDeleteWithoutRecovery=True)
    assert "secret cannot be read" in healthy.findings()["token"]["sentence"]


def test_a_missing_webhook_is_a_problem(healthy: World) -> None:
    """Its key is nowhere else, so it has to be connected again."""
    healthy.account.hooks.clear()
    found = healthy.findings()["webhook"]
    assert found["level"] == "problem"
    assert "not registered" in found["sentence"]
    assert "dealtalk connect amocrm" in found["advice"]


def test_a_webhook_that_leads_elsewhere_is_a_problem(healthy: World) -> None:
    """The key is right and the stack's address is not."""
    (hook,) = healthy.hooks()
    hook.destination = hook.destination.replace(API, "https://old.example.test")
    assert "another address" in healthy.findings()["webhook"]["sentence"]


def test_a_left_over_webhook_elsewhere_does_not_hide_the_right_one(healthy: World) -> None:
    """The stack moved and the old subscription, with the same key, stands first in the list."""
    ((number, hook),) = healthy.account.hooks.items()
    old = dataclasses.replace(hook, id=1, destination=hook.destination.replace(API, "https://old.example.test"))
    healthy.account.hooks = {1: old, number: hook}
    assert healthy.findings()["webhook"]["level"] == "ok"


def test_a_token_of_another_account_is_a_problem(healthy: World) -> None:
    """The address belongs to somebody else now."""
    healthy.account.id += 1
    assert "it belongs to the account" in healthy.findings()["token"]["sentence"]


def test_contacts_fields_that_the_connection_does_not_read_are_a_problem(healthy: World) -> None:
    """The option was switched off by hand."""
    healthy.connected("--option", "contact_fields=false")
    assert "reads contacts' fields" in healthy.findings()["names"]["sentence"]


def test_a_webhook_that_was_switched_off_is_a_problem_and_fix_switches_it_on(healthy: World) -> None:
    """The CRM does so after a hundred failures."""
    (hook,) = healthy.hooks()
    hook.disabled = True
    assert "switched off by Kommo" in healthy.findings()["webhook"]["sentence"]
    assert "✓ ok       webhook: repaired" in healthy.doctor("--fix").out
    assert [each.disabled for each in healthy.hooks()] == [False]


def test_a_webhook_without_incoming_messages_is_a_problem_and_fix_adds_them(healthy: World) -> None:
    """The other events stay."""
    (hook,) = healthy.hooks()
    hook.settings = ["add_lead"]
    assert "without add_message" in healthy.doctor().out
    assert healthy.findings("--fix")["webhook"]["level"] == "ok"
    assert healthy.hooks()[0].settings == ["add_lead", "add_message", "add_outgoing_message"]


def test_a_webhook_without_outgoing_messages_is_a_warning_on_kommo(healthy: World) -> None:
    """The bot works, and asks before it writes."""
    healthy.hooks()[0].settings = ["add_message"]
    assert healthy.findings()["webhook"]["level"] == "warning"
    assert healthy.doctor().code == 0


def test_a_reply_field_that_is_gone_or_no_text_area_is_a_problem(healthy: World) -> None:
    """Replies through the bot would be lost or cut."""
    field = healthy.account.field_named("Bot reply")
    field.type = "text"
    assert "not a text area" in healthy.findings()["reply field"]["sentence"]
    del healthy.account.fields[field.id]
    assert f"leads have no field {field.id}" in healthy.findings()["reply field"]["sentence"]


def test_a_bot_that_is_gone_is_a_problem(healthy: World) -> None:
    """Kommo lists its bots."""
    healthy.account.bots.clear()
    assert "the account has no bot" in healthy.findings()["bot"]["sentence"]


def test_without_field_and_bot_it_depends_on_the_other_way(russian: World, english: World) -> None:
    """On amocrm.ru nothing can be sent: a problem; on Kommo the add-on may send: a warning."""
    russian.connected()
    assert russian.findings("--connection", russian.subdomain)["bot"]["level"] == "problem"
    english.connected()
    assert english.findings("--connection", english.subdomain)["bot"]["level"] == "warning"


def test_where_bots_cannot_be_asked_for_this_is_said(russian: World) -> None:
    """amocrm.ru has no list of bots."""
    russian.connected("--bot-id", "5")
    found = russian.findings()["bot"]
    assert (found["level"], found["sentence"]) == ("warning", "amoCRM cannot be asked whether the bot 5 exists")


def test_a_stage_that_was_renamed_is_a_problem(healthy: World) -> None:
    """The profile names it, the account has it no more."""
    pipeline = next(iter(healthy.account.pipelines.values()))
    stage = next(each for each in pipeline.statuses if each.name == "Qualification")
    stage.name = "Qualified leads"
    found = healthy.findings()["names"]
    assert found["level"] == "problem"
    assert '"Qualification"' in found["sentence"]


def test_a_profile_that_cannot_be_read_is_a_problem(healthy: World) -> None:
    """The rest of the account is looked at all the same."""
    client = boto3.client("s3", region_name=REGION)
    client.put_object(Bucket=BUCKET, Key=healthy.connection().profile, Body=b"name: Emma\n")
    findings = healthy.findings()
    assert "is not usable" in findings["profile"]["sentence"]
    assert findings["webhook"]["level"] == "ok"


def test_a_profile_that_is_not_there_is_a_problem(healthy: World) -> None:
    """Nobody can be answered without it."""
    boto3.client("s3", region_name=REGION).delete_object(Bucket=BUCKET, Key=healthy.connection().profile)
    assert "is not in the bucket" in healthy.findings()["profile"]["sentence"]


def test_an_account_that_was_renamed_is_a_problem(healthy: World) -> None:
    """Its webhooks name the new subdomain, which is not believed."""
    healthy.account.subdomain = "brightpanes"
    assert "now called brightpanes" in healthy.findings()["subdomain"]["sentence"]


def test_a_connection_that_needs_attention_is_a_problem_until_it_is_fixed(healthy: World) -> None:
    """The token works again: --fix makes it active, and says what was wrong."""
    store(healthy).needs_attention(healthy.connection(), "amoCRM refused the token")
    found = healthy.findings()["state"]
    assert (found["level"], found["advice"]) == ("problem", "The token works: run dealtalk doctor --fix.")
    assert healthy.doctor("--fix").code == 0
    assert healthy.connection().state is ConnectionState.ACTIVE


def test_fix_does_not_wake_a_connection_whose_token_is_dead(healthy: World) -> None:
    """It would only fail again."""
    store(healthy).needs_attention(healthy.connection(), "amoCRM refused the token")
    healthy.simulator.revoke(healthy.subdomain, healthy.token)
    assert healthy.doctor("--fix").code == 1
    assert healthy.connection().state is ConnectionState.NEEDS_ATTENTION


def test_without_fix_nothing_is_changed(healthy: World) -> None:
    """An examination only reads."""
    store(healthy).needs_attention(healthy.connection(), "x")
    healthy.hooks()[0].disabled = True
    before = len([call for call in healthy.simulator.calls(healthy.subdomain) if call.method != "GET"])
    healthy.doctor()
    assert len([call for call in healthy.simulator.calls(healthy.subdomain) if call.method != "GET"]) == before
    assert healthy.connection().state is ConnectionState.NEEDS_ATTENTION


def test_when_the_accounts_record_was_last_read_is_said(healthy: World) -> None:
    """Not yet is no fault of a fresh connection; long ago is one of the reader."""
    assert "✓ ok       history: not read yet" in healthy.doctor().out
    (connection,) = store(healthy).of_crm("amocrm")
    bookmark = Bookmark.take(healthy.table, SystemClock(), connection)
    assert bookmark is not None
    bookmark.leave(read_to_end=True)
    assert "✓ ok       history: last read at" in healthy.doctor().out
    long_ago = SystemClock().now() - timedelta(hours=2)
    healthy.table.write(Update(reader_key(connection), {"read_at": milliseconds(long_ago), "failed_why": "refused"}))
    ran = healthy.doctor()
    assert "! warning  history: last read at" in ran.out
    assert "refused since" in ran.out


def test_a_pause_that_the_crm_asked_for_is_said(healthy: World) -> None:
    """Nobody is answered meanwhile."""
    store(healthy).cool_down(healthy.connection(), SystemClock().now() + timedelta(minutes=5))
    assert "asked for a pause" in healthy.findings()["state"]["sentence"]


@pytest.mark.parametrize("value", [None, '{"other": "x"}'])
def test_a_models_secret_without_its_key_is_a_warning(english: World, value: str | None) -> None:
    """An endpoint of one's own may need none, so it is no problem; what to put where is said."""
    if value is not None:
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name="dealtalk/test/model", SecretString=value)
    (found,) = english.doctor("--json").json["stack"]
    assert found["level"] == "warning"
    assert '{"api_key": "…"}' in found["advice"]


def test_a_models_key_that_was_pasted_bare_is_a_key(english: World) -> None:
    """As a person pastes it; it is never printed."""
    boto3.client("secretsmanager", region_name=REGION).create_secret(Name="dealtalk/test/model", SecretString="sk-bare")
    (found,) = english.doctor("--json").json["stack"]
    assert found["level"] == "ok"
    assert "sk-bare" not in english.printed


def test_takeover_by_a_webhook_that_was_never_seen_is_a_warning(healthy: World) -> None:
    """Employees' messages would go unnoticed."""
    healthy.connected("--takeover-source", "webhook")
    assert healthy.findings()["takeover"]["level"] == "warning"
    store(healthy).saw_outgoing(healthy.connection())
    assert "takeover" not in healthy.findings()


def test_an_oauth_connection_is_examined_with_its_pair(russian: World) -> None:
    """The access token is the table's, and no refresh is spent on a fresh one."""
    russian.connect(*russian.oauth_options(), signed=False)
    assert russian.findings()["token"]["level"] == "ok"
    assert len(russian.simulator.calls(russian.subdomain, path_regex="oauth2")) == 1


def test_all_connections_are_examined_unless_one_is_named(russian: World, english: World) -> None:
    """By id, account or subdomain."""
    russian.connected()
    english.connected()
    assert len(russian.doctor("--json").json["connections"]) == 2
    assert len(russian.doctor("--json", "--all").json["connections"]) == 2
    for name in (russian.connection().id, str(russian.account.id), russian.subdomain):
        (report,) = russian.doctor("--json", "--connection", name).json["connections"]
        assert report["account"] == str(russian.account.id)


def test_a_connection_that_is_not_there_is_an_error(russian: World) -> None:
    """Exit code 2: nothing was examined."""
    ran = russian.doctor("--connection", "nosuch")
    assert ran.code == 2
    assert "has no connection nosuch" in ran.err


def test_a_stack_without_connections_is_healthy_and_says_so(english: World) -> None:
    """What comes first is connecting one."""
    ran = english.doctor()
    assert ran.code == 0
    assert "connections: none yet. Connect an account: dealtalk connect." in ran.out
