"""Connecting an account for the first time: what is checked, stored, registered and told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Auth, ConnectionState, Mode, connection_id
from dealtalk.crm.oauth import token_key
from dealtalk_cli.amocrm import webhooks
from tests.flows.connect.connecting import API, PREFIX

if TYPE_CHECKING:
    from dealtalk.connections import Connection
    from dealtalk_cli.amocrm.account import AmocrmAccount
    from tests.flows.connect.connecting import World

ANSWERED = {"crm", "connection", "key", "account", "webhook_url", "crm_base_url", "webhook_registered", "events"}


@pytest.fixture(params=["russian", "english"])
def world(request: pytest.FixtureRequest) -> World:
    """Return an account on each platform in turn."""
    found: World = request.getfixturevalue(request.param)
    return found


def test_the_result_for_scripts_is_one_object(world: World) -> None:
    """Standard output holds the JSON alone; who runs the demo needs these keys."""
    result = world.connected()
    assert result.keys() >= ANSWERED
    assert result["crm"] == "amocrm"
    assert result["account"] == str(world.account.id)
    assert result["crm_base_url"] == world.base
    assert result["webhook_url"] == f"{API}/amocrm/{result['key']}/"
    assert result["connection"] == connection_id(result["key"])
    assert result["reused"] is False


def test_the_connection_is_stored_as_webhook_and_responder_read_it(world: World) -> None:
    """Account, address, profile, secret and subdomain stand in the table, the key nowhere."""
    result = world.connected()
    stored = world.connection()
    assert (stored.id, stored.account, stored.api_base) == (result["connection"], str(world.account.id), world.base)
    assert (stored.state, stored.mode, stored.auth) == (ConnectionState.ACTIVE, Mode.AUTO, Auth.TOKEN)
    assert stored.options["subdomain"] == world.subdomain
    assert stored.options["platform"] == world.platform
    assert result["key"] not in str(world.item((stored.partition, "CONN")))


def test_the_token_is_stored_where_only_the_responder_reads(world: World) -> None:
    """The secret's name lies under the stack's connections, its value holds the token."""
    result = world.connected()
    name = f"{PREFIX}/connections/amocrm/{result['connection']}"
    assert world.connection().secret == name
    assert world.secret(name) == {"token": world.token}


def test_the_profile_is_in_the_bucket_as_it_was_written(world: World) -> None:
    """The file's text is uploaded under its own name."""
    world.connected()
    assert world.stored_profile(f"profiles/{world.profile.name}") == world.profile.read_text(encoding="utf-8")


def test_the_webhook_is_registered_for_messages(world: World) -> None:
    """One subscription with the slash at its end; outgoing messages only where the platform knows them."""
    result = world.connected()
    (hook,) = world.hooks()
    outgoing = ["add_outgoing_message"] if world.platform == "kommo.com" else []
    assert hook.destination == result["webhook_url"]
    assert hook.settings == ["add_message", *outgoing] == result["events"]


def test_an_address_without_a_slash_would_be_refused_and_ours_is_not(english: World) -> None:
    """Kommo says "Invalid URL" until the path ends with a slash."""
    english.simulator.switch(english.subdomain, require_trailing_slash=True)
    assert english.connected()["webhook_registered"] is True


def test_every_step_is_a_line_with_what_was_found(russian: World) -> None:
    """A person reads account, profile, connection and, once, the webhook's address."""
    ran = russian.connect()
    assert ran.code == 0
    ticked = [line for line in ran.out.splitlines() if line.startswith("✓")]
    for word in ("Окна Мастер", "windows-ru", "secret", "connection", "add_message"):
        assert any(word in line for line in ticked), word
    assert ran.out.count(f"{API}/amocrm/") == 1


def test_oauth_exchanges_the_code_and_keeps_the_pair_in_the_table(world: World) -> None:
    """The secret holds the integration, the table the two tokens; the code was used once."""
    ran = world.connect("--json", *world.oauth_options(), signed=False)
    assert ran.code == 0, ran.err
    stored = world.connection()
    pair = world.item(token_key("amocrm", stored.account))
    exchanges = world.simulator.calls(world.subdomain, path_regex="oauth2")
    assert stored.auth is Auth.OAUTH
    assert set(world.secret(stored.secret)) == {"client_id", "client_secret", "redirect_uri"}
    assert pair["access"] in world.account.tokens
    assert pair["refresh"] in world.account.refresh_tokens
    assert len(exchanges) == 1


def test_the_token_may_come_from_the_environment(russian: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script needs no file."""
    monkeypatch.setenv("DEALTALK_AMOCRM_TOKEN", russian.token)
    assert russian.connect(signed=False).code == 0


def test_the_reply_field_is_found_by_its_usual_name(world: World) -> None:
    """An account that has the text area already needs no option for it."""
    name = "Ответ бота" if world.platform == "amocrm.ru" else "Bot reply"
    assert world.connected()["reply_field_id"] == str(world.account.field_named(name).id)


def test_the_reply_field_is_made_where_it_is_asked_for(russian: World) -> None:
    """A text area of leads, and its number is the connection's."""
    result = russian.connected("--create-reply-field", "Ответ Dealtalk")
    made = russian.account.field_named("Ответ Dealtalk")
    assert made.type == "textarea"
    assert russian.connection().options["reply_field_id"] == result["reply_field_id"] == str(made.id)


def test_a_reply_field_is_not_made_twice(russian: World) -> None:
    """It is found by its name."""
    first = russian.connected("--create-reply-field", "Ответ Dealtalk")
    again = russian.connected("--create-reply-field", "ответ dealtalk")
    assert first["reply_field_id"] == again["reply_field_id"]


def test_a_bot_is_looked_up_where_the_platform_lists_bots(english: World) -> None:
    """Kommo is asked for the bot's name."""
    bot = next(iter(english.account.bots))
    ran = english.connect("--bot-id", str(bot))
    assert 'the bot is "Send the reply"' in ran.out
    assert english.connection().options["bot_id"] == str(bot)


def test_where_bots_cannot_be_asked_for_this_is_said(russian: World) -> None:
    """amocrm.ru has no list of bots."""
    ran = russian.connect("--bot-id", "77")
    assert ran.code == 0
    assert "! amoCRM cannot be asked whether the bot 77 exists" in ran.out


def test_without_a_bot_it_is_said_that_replies_cannot_be_sent(russian: World) -> None:
    """On amocrm.ru the Salesbot is the only way, and the step to take names field and placeholder."""
    ran = russian.connect()
    field = russian.account.field_named("Ответ бота").id
    assert "! reply field and bot are not both set up: replies cannot be sent yet" in ran.out
    assert f"{{{{lead.cf.{field}}}}}" in ran.out


def test_names_that_the_account_lacks_are_warnings(russian: World) -> None:
    """The account is connected all the same, since a stage can be added later."""
    text = russian.profile.read_text(encoding="utf-8").replace("Квалификация", "Квалификаци")
    ran = russian.connect("--profile", russian.file("other.yaml", text))
    assert ran.code == 0
    assert "! profiles/other.yaml: works_in[0].stages" in ran.out


def test_contacts_fields_are_read_where_the_profile_names_one(russian: World) -> None:
    """The adapter's option follows the profile."""
    text = "reads_contact: [Должность]\n" + russian.profile.read_text(encoding="utf-8")
    russian.connected("--profile", russian.file("other.yaml", text))
    assert russian.connection().options["contact_fields"] is True


def test_any_option_of_the_adapter_can_be_set(russian: World) -> None:
    """What nobody could verify is a switch, and each switch can be set here."""
    russian.connected(
        "--option", "message_limit=4000", "--option", 'channel_limits={"telegram": 4096}', "--mode", "draft"
    )
    stored = russian.connection()
    assert stored.options["message_limit"] == 4000
    assert stored.options["channel_limits"] == {"telegram": 4096}
    assert stored.mode is Mode.DRAFT


def test_a_dry_run_changes_nothing(russian: World) -> None:
    """Nothing is written anywhere, and what would be is told."""
    ran = russian.connect("--json", "--dry-run", "--create-reply-field", "Ответ Dealtalk")
    assert ran.code == 0
    assert ran.json["dry_run"] is True
    assert any("Ответ Dealtalk" in each for each in ran.json["would"])
    assert [call.method for call in russian.simulator.calls(russian.subdomain) if call.method != "GET"] == []
    assert russian.table.newest("CONN#amocrm#accounts", "ACCOUNT#", 10) == []


def test_the_signpost_leads_from_account_to_connection(russian: World) -> None:
    """One item per account, found without a scan."""
    result = russian.connected()
    (signpost,) = russian.table.newest("CONN#amocrm#accounts", "ACCOUNT#", 10)
    assert signpost["sk"] == f"ACCOUNT#{russian.account.id}"
    assert signpost["connection"] == result["connection"]


def test_no_token_secret_or_code_is_printed(world: World) -> None:
    """Neither by a success nor by a failure, on either stream."""
    options = world.oauth_options()
    world.connect("--json", *options, signed=False)
    pair = world.item(token_key("amocrm", str(world.account.id)))
    world.connect(*options, signed=False)
    world.connect()
    world.doctor()
    world.account.tokens[world.token].revoked = True
    world.connect()
    secret = (world.folder / "client_secret").read_text(encoding="utf-8")
    for hidden in (world.token, secret, options[-1], pair["access"], pair["refresh"]):
        assert hidden not in world.printed


def test_with_json_the_address_stands_in_the_result_alone(russian: World) -> None:
    """Standard error often ends in a log."""
    ran = russian.connect("--json")
    assert ran.json["key"] not in ran.err


def test_the_connection_is_stored_before_the_crm_may_send(russian: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the webhook is registered, everything that its first message needs is there."""
    seen: list[Connection] = []
    register = webhooks.subscribe

    def look_first(account: AmocrmAccount, url: str, found: list[webhooks.Hook]) -> webhooks.Hook | None:
        seen.append(russian.connection())
        return register(account, url, found)

    monkeypatch.setattr(webhooks, "subscribe", look_first)
    russian.connected()
    (stored,) = seen
    assert russian.secret(stored.secret) == {"token": russian.token}
    assert russian.stored_profile(stored.profile)


def test_only_connect_prints_the_address(russian: World) -> None:
    """The doctor knows the webhook and keeps its key to itself."""
    key = russian.connected()["key"]
    assert key not in russian.doctor().out
    assert key not in json.dumps(russian.doctor("--json").json)
