"""Connecting an account that is connected already: what is kept, what is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore, signpost_key
from dealtalk.connections import Auth, ConnectionState, Mode
from dealtalk.conversation.table import Put
from dealtalk_cli.amocrm import webhooks
from local.simulators.amocrm import webhooks as page
from tests.flows.connect.connecting import API, PREFIX, REGION

if TYPE_CHECKING:
    from dealtalk_cli.amocrm.account import AmocrmAccount
    from tests.flows.connect.connecting import World


def test_the_same_key_stays_where_the_crm_still_has_the_webhook(russian: World) -> None:
    """The key is read back from the webhook by its hash, and nothing is doubled."""
    first, second = russian.connected(), russian.connected()
    assert first["webhook_url"] == second["webhook_url"]
    assert second["reused"] is True
    assert len(russian.hooks()) == 1


def test_a_broken_connection_is_active_again(russian: World) -> None:
    """Connecting clears what needed attention, and the pause."""
    russian.connected()
    store = ConnectionStore(russian.table, SystemClock())
    store.needs_attention(russian.connection(), "the token was refused")
    store.cool_down(russian.connection(), SystemClock().now())
    russian.connected()
    stored = russian.connection()
    assert (stored.state, stored.state_reason, stored.cooldown_until) == (ConnectionState.ACTIVE, "", None)


def test_what_is_not_given_is_kept(english: World) -> None:
    """A second run needs neither token nor profile: here it only adds the bot."""
    english.connected("--mode", "draft", "--option", "message_limit=300")
    bot = str(next(iter(english.account.bots)))
    ran = english.connect("--json", "--bot-id", bot, signed=False, profile=False)
    stored = english.connection()
    assert ran.code == 0, ran.err
    assert (stored.mode, stored.options["message_limit"], stored.options["bot_id"]) == (Mode.DRAFT, 300, bot)
    assert english.secret(stored.secret) == {"token": english.token}
    assert stored.profile == "profiles/booking-en.yaml"


def test_an_oauth_connection_is_entered_with_its_own_pair(russian: World) -> None:
    """No new code is needed to change something."""
    assert russian.connect(*russian.oauth_options(), signed=False).code == 0
    ran = russian.connect("--bot-id", "5", signed=False, profile=False)
    assert ran.code == 0, ran.err
    assert russian.connection().auth is Auth.OAUTH


def test_that_outgoing_messages_were_seen_is_not_forgotten(russian: World) -> None:
    """Else the bot would poll again for who writes."""
    russian.connected()
    store = ConnectionStore(russian.table, SystemClock())
    store.saw_outgoing(russian.connection())
    russian.connected()
    assert russian.connection().outgoing_seen is True


def test_a_lost_webhook_gets_a_new_key(russian: World) -> None:
    """The key cannot be read back, so the connection has a new one and the signpost follows."""
    first = russian.connected()
    russian.account.hooks.clear()
    second = russian.connected()
    assert first["key"] != second["key"]
    assert russian.connection().id == second["connection"]
    assert second["reused"] is False


def test_a_replaced_connection_serves_what_still_names_it(russian: World) -> None:
    """Doorbells and conversations of the old id are answered with the new secret until they are gone."""
    first = russian.connected()
    russian.account.hooks.clear()
    second = russian.connected()
    old = russian.item((f"CONN#amocrm#{first['connection']}", "CONN"))
    assert old["secret"] == russian.connection().secret
    assert old["id"] == first["connection"]
    assert old["expires_at"] > SystemClock().now().timestamp()
    assert "expires_at" not in russian.item((f"CONN#amocrm#{second['connection']}", "CONN"))


def test_a_new_key_closes_the_old_address_at_once(russian: World) -> None:
    """For an address that leaked: webhook, connection and secret of the old key are gone."""
    first = russian.connected()
    second = russian.connected("--new-key")
    (hook,) = russian.hooks()
    assert first["key"] != second["key"]
    assert hook.destination == second["webhook_url"]
    assert russian.item((f"CONN#amocrm#{first['connection']}", "CONN")) == {}
    client = boto3.client("secretsmanager", region_name=REGION)
    with pytest.raises(ClientError, match="InvalidRequestException"):
        client.get_secret_value(SecretId=f"dealtalk/test/connections/amocrm/{first['connection']}")


def test_a_token_is_taken_along_to_a_new_key(russian: World) -> None:
    """A new address needs no new token."""
    russian.connected()
    ran = russian.connect("--new-key", signed=False, profile=False)
    assert ran.code == 0, ran.err
    assert russian.secret(russian.connection().secret) == {"token": russian.token}


def test_a_webhook_of_a_stack_that_moved_is_replaced_under_its_key(russian: World) -> None:
    """The API's address changed: the key is kept, the old subscription goes."""
    first = russian.connected()
    (hook,) = russian.hooks()
    hook.destination = hook.destination.replace(API, "https://old.example.test")
    second = russian.connected()
    (only,) = russian.hooks()
    assert second["key"] == first["key"]
    assert only.destination == second["webhook_url"]


def test_other_peoples_webhooks_stay(russian: World) -> None:
    """Only what leads to this stack's API is ours to remove."""
    other = "https://other.example.test/amocrm/somebody/"
    stale = f"{API}/amocrm/left-behind/"
    for destination in (other, stale):
        page.save(russian.account, {"destination": destination, "settings": ["add_lead"]}, 1)
    result = russian.connected()
    assert {hook.destination for hook in russian.hooks()} == {other, result["webhook_url"]}


def test_what_a_person_ticked_in_the_page_is_not_unticked(russian: World) -> None:
    """The API refuses the event that the page allows: the subscription is left as it is."""
    russian.connected()
    (hook,) = russian.hooks()
    hook.settings = ["add_message", "add_talk"]
    russian.simulator.switch(russian.subdomain, accepts_add_message=False)
    result = russian.connected()
    assert hook.settings == ["add_message", "add_talk"]
    assert result["webhook_registered"] is True


def test_a_webhook_with_an_event_that_the_api_does_not_know_is_left_to_the_page(russian: World) -> None:
    """Made anew it would lose that event: a person is told to switch it on."""
    russian.connected()
    (hook,) = russian.hooks()
    hook.settings, hook.disabled = ["add_message", "event_of_tomorrow"], True
    result = russian.connected()
    assert (hook.settings, hook.disabled) == (["add_message", "event_of_tomorrow"], True)
    assert result["webhook_registered"] is False
    assert "switch the webhook on" in result["next"][0]


def test_another_accounts_connection_is_left_alone(russian: World, english: World) -> None:
    """Its webhook was pasted into this account by mistake: only the webhook here goes."""
    theirs = english.connected()
    page.save(russian.account, {"destination": theirs["webhook_url"], "settings": ["add_message"]}, 1)
    before = english.connection()
    russian.connected()
    assert english.connection() == before
    assert len(russian.hooks()) == len(english.hooks()) == 1


def test_a_stored_token_is_not_used_for_another_account(russian: World) -> None:
    """The address belongs to somebody else now."""
    russian.connected()
    russian.account.id += 1
    ran = russian.connect(signed=False, profile=False)
    assert ran.code == 2
    assert "the stored token belongs to another account" in ran.err


def test_a_secret_that_was_to_be_deleted_is_kept_again(russian: World) -> None:
    """AWS keeps it for a week, and refuses to make another one of this name."""
    russian.connected()
    name = russian.connection().secret
    boto3.client("secretsmanager", region_name=REGION).delete_secret(SecretId=name, RecoveryWindowInDays=7)
    russian.connected()
    assert russian.secret(name) == {"token": russian.token}


def test_a_webhook_that_was_switched_off_is_made_anew(russian: World) -> None:
    """An update alone leaves it off."""
    russian.connected()
    (hook,) = russian.hooks()
    hook.disabled = True
    result = russian.connected()
    (now,) = russian.hooks()
    assert (now.disabled, now.destination) == (False, result["webhook_url"])


def test_an_account_is_not_taken_from_whoever_connected_it_meanwhile(
    russian: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people connect at the same time: one of them is told, and no webhook of theirs is left."""
    first = russian.connected()
    original, signpost = webhooks.hooks, signpost_key("amocrm", str(russian.account.id))

    def meanwhile(account: AmocrmAccount) -> list[webhooks.Hook]:
        russian.table.write(Put(signpost, {"connection": "somebody-else"}))
        return original(account)

    monkeypatch.setattr(webhooks, "hooks", meanwhile)
    ran = russian.connect("--new-key")
    assert ran.code == 2
    assert "somebody else connected this account" in ran.err
    assert [hook.destination for hook in russian.hooks()] == [first["webhook_url"]]
    assert [each["Name"] for each in secrets()] == [f"{PREFIX}/connections/amocrm/{first['connection']}"]


def test_a_registration_whose_answer_was_lost_is_found_again(english: World) -> None:
    """The CRM registered and answered 502: the next run reads the key back."""
    english.simulator.fault("status_after", english.subdomain, path="/api/v4/webhooks", method="POST", status=502)
    assert english.connect().code == 2
    (hook,) = english.hooks()
    english.simulator.faults.clear()
    assert english.connected()["webhook_url"] == hook.destination


def test_a_failed_run_leaves_the_account_served_as_before(russian: World) -> None:
    """The old webhook and its connection stay until the new one is registered; the next run tidies up."""
    first = russian.connected()
    russian.simulator.fault("status", russian.subdomain, path="/api/v4/webhooks", method="POST", status=502)
    assert russian.connect("--new-key").code == 2
    assert [hook.destination for hook in russian.hooks()] == [first["webhook_url"]]
    assert russian.item((f"CONN#amocrm#{first['connection']}", "CONN"))["state"] == "active"
    russian.simulator.faults.clear()
    again = russian.connected("--new-key")
    assert [hook.destination for hook in russian.hooks()] == [again["webhook_url"]]
    assert russian.item((f"CONN#amocrm#{first['connection']}", "CONN")) == {}
    assert [each["Name"] for each in secrets()] == [russian.connection().secret]


def secrets() -> list[Any]:
    """Return all secrets that are not deleted."""
    return list(boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"])
