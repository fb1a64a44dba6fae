"""What `dealtalk connect amocrm` cannot do, and what a person reads then: one line, no stack trace, exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from dealtalk_cli.amocrm import telling
from dealtalk_cli.main import main
from tests.flows.connect.connecting import REGION, STACK

if TYPE_CHECKING:
    from tests.flows.connect.connecting import Ran, World


def error_of(ran: Ran) -> str:
    """Return the one line that says what is wrong."""
    lines = [line for line in ran.err.splitlines() if not line.startswith(("✓", "!", "✗"))]
    assert ran.code == 2
    assert len(lines) == 1, ran.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in ran.out + ran.err
    return lines[0]


def nothing_written(world: World) -> bool:
    """Return whether stack and account are as they were."""
    secrets = boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"]
    signposts = world.table.newest("CONN#amocrm#accounts", "ACCOUNT#", 10)
    return not world.hooks() and not secrets and not signposts


@pytest.mark.parametrize(
    ("switches", "says", "advises"),
    [
        ({"paid": False}, "(402)", "not paid for"),
        ({"ip_whitelist": ["10.0.0.1"]}, "(403)", "IP list"),
    ],
)
def test_an_account_that_lets_nobody_in_is_told_with_what_to_do(
    russian: World, switches: dict[str, Any], says: str, advises: str
) -> None:
    """402 and 403 are sentences, and nothing is written."""
    russian.simulator.switch(russian.subdomain, **switches)
    error = error_of(russian.connect())
    assert says in error
    assert advises in error
    assert nothing_written(russian)


def test_a_bad_token_is_told_with_where_a_new_one_is_made(russian: World) -> None:
    """401: the sentence names the account's address and the page for tokens."""
    russian.simulator.revoke(russian.subdomain, russian.token)
    error = error_of(russian.connect())
    assert "amoCRM refused the token (401)" in error
    assert "Keys and scopes" in error
    assert nothing_written(russian)


def test_the_token_of_somebody_who_is_no_administrator_is_refused_before_anything_is_written(russian: World) -> None:
    """Webhooks need an administrator's token, and the listing tells it in time."""
    seller = list(russian.account.users)[1]
    token = russian.simulator.token(russian.subdomain, user_id=seller)
    error = error_of(russian.connect("--token-file", russian.file("weak", token)))
    assert "administrator" in error
    assert nothing_written(russian)


def test_an_account_whose_plan_has_no_webhooks_is_saved_and_told_so(russian: World) -> None:
    """Only registering fails: what was done is said, and that the same command goes on from there."""
    russian.simulator.switch(russian.subdomain, plan="base")
    error = error_of(russian.connect())
    assert "the connection is saved, its webhook is not registered" in error
    assert "professional plan" in error
    russian.simulator.switch(russian.subdomain, plan="pro")
    assert russian.connected()["webhook_registered"] is True


def test_where_the_api_refuses_incoming_messages_the_page_is_explained(russian: World) -> None:
    """The connection is saved; its address goes into the CRM's page by hand."""
    russian.simulator.switch(russian.subdomain, accepts_add_message=False)
    ran = russian.connect("--json")
    assert ran.code == 0
    assert ran.json["webhook_registered"] is False
    assert "WEB HOOKS" in ran.json["next"][0]
    assert russian.hooks() == []


def test_a_used_code_is_told_with_how_to_get_a_new_one(russian: World) -> None:
    """The CRM takes a code once."""
    options = russian.oauth_options()
    russian.connect(*options, signed=False)
    error = error_of(russian.connect(*options, signed=False))
    assert "refused the authorization code" in error
    assert "copy a new code" in error


def test_a_code_that_was_used_up_by_a_failed_run_is_said(russian: World) -> None:
    """Else one would try it again."""
    text = russian.profile.read_text(encoding="utf-8").replace("Квалификация", "Квалификаци")
    options = [*russian.oauth_options(), "--strict", "--profile", russian.file("other.yaml", text)]
    assert "The code is used up" in error_of(russian.connect(*options, signed=False))


def test_a_dry_run_does_not_use_up_a_code(russian: World) -> None:
    """It would have to be exchanged to look at the account."""
    assert "works once" in error_of(russian.connect("--dry-run", *russian.oauth_options(), signed=False))
    assert russian.simulator.calls(russian.subdomain) == []


def test_a_code_is_not_used_up_before_somebody_agreed(russian: World) -> None:
    """Nobody is there to say yes."""
    where = ["--subdomain", russian.subdomain, "--platform", "amocrm.ru", "--api-base", russian.base]
    bot = ["--profile", str(russian.profile)]
    ran = russian.run("connect", "amocrm", *STACK, *where, *bot, *russian.oauth_options())
    assert "--yes is missing" in error_of(ran)
    assert russian.simulator.calls(russian.subdomain) == []


def test_strict_makes_missing_names_errors(russian: World) -> None:
    """Nothing is written then."""
    text = russian.profile.read_text(encoding="utf-8").replace("Квалификация", "Квалификаци")
    ran = russian.connect("--strict", "--profile", russian.file("other.yaml", text))
    assert "does not fit the account" in error_of(ran)
    assert "Квалификация" in ran.out
    assert nothing_written(russian)


def test_every_problem_of_a_profile_is_shown(russian: World) -> None:
    """Each with its line, before the account is called at all."""
    ran = russian.connect("--profile", russian.file("bad.yaml", "name: Анна\nlanguge: ru\nworks_in: []\n"))
    problems = [line for line in ran.out.splitlines() if line.startswith("✗")]
    assert "problems" in error_of(ran)
    assert any("bad.yaml:2: languge" in line for line in problems)
    assert any("instructions" in line for line in problems)
    assert russian.simulator.calls(russian.subdomain) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--profile", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--token-file", "nowhere"], "--token-file cannot be read"),
        (["--bot-id", "abc"], "option bot_id"),
        (["--option", "colour=red"], "unknown option colour"),
        (["--option", "colour"], "NAME=VALUE"),
        (["--reply-field-id", "1"], "leads have no field 1"),
        (["--create-reply-field", "Город"], "not a text area"),
        (["--code", "x"], "two ways to sign in"),
        (["--subdomain", "окна"], "--subdomain is the first part"),
        (["--api-base", "http://crm.example.test"], "--api-base"),
        (["--api-url", "http://stack.example.test"], "--api-url must be https://host"),
        (["--table", "elsewhere"], "ResourceNotFoundException. Check the table's name"),
        (["--bucket", "elsewhere"], "to read the bucket of profiles"),
        (["--stack-file", "nowhere.json"], "nowhere.json does not describe a stack"),
        (["--stack", "shop", "--local"], "two stacks"),
    ],
)
def test_bad_options_are_one_line(russian: World, options: list[str], says: str) -> None:
    """The line names the option or what it led to."""
    assert says in error_of(russian.connect(*options))


def test_a_bot_that_the_account_lacks_is_refused(english: World) -> None:
    """Kommo can be asked."""
    assert "the account has no bot 5" in error_of(english.connect("--bot-id", "5"))
    assert nothing_written(english)


def test_a_host_that_does_not_answer_is_named(russian: World) -> None:
    """Connection refused: the address is what one has to look at."""
    error = error_of(russian.connect("--api-base", "http://127.0.0.1:1/a/oknamaster"))
    assert "127.0.0.1:1" in error
    assert "--subdomain" in error


def test_another_program_at_that_address_is_told(russian: World) -> None:
    """Something answers 404 there."""
    error = error_of(russian.connect("--api-base", f"{russian.simulator.base_url}/__control__"))
    assert "Check --subdomain and --platform" in error


def test_a_token_file_with_two_lines_is_no_token(russian: World) -> None:
    """Nothing is sent with it, and it is not quoted."""
    ran = russian.connect("--token-file", russian.file("odd", "first\nsecond"))
    assert "--token-file holds spaces" in error_of(ran)
    assert "first" not in ran.err
    assert russian.simulator.calls(russian.subdomain) == []


def test_a_server_error_leaves_nothing_written(russian: World) -> None:
    """The account cannot be looked at, so nothing begins."""
    russian.simulator.fault("status", russian.subdomain, path="/api/v4/leads/pipelines", status=502)
    assert "502" in error_of(russian.connect())
    assert nothing_written(russian)


def test_too_many_requests_are_waited_for(russian: World) -> None:
    """Other programs call the account as well."""
    russian.simulator.fault("status", russian.subdomain, path="/api/v4/users", status=429, count=2)
    assert russian.connect().code == 0


def test_where_nobody_can_be_asked_the_missing_option_is_named(russian: World) -> None:
    """No terminal: no waiting for an answer that cannot come."""
    where = ["--platform", "amocrm.ru", "--api-base", russian.base, "--token-file", russian.token_file]
    assert "--subdomain is missing" in error_of(russian.run("connect", "amocrm", *STACK, *where))
    where += ["--subdomain", russian.subdomain]
    assert "--profile is missing" in error_of(russian.run("connect", "amocrm", *STACK, *where))
    where += ["--profile", str(russian.profile)]
    assert "--yes is missing" in error_of(russian.run("connect", "amocrm", *STACK, *where))
    assert nothing_written(russian)


def test_a_stack_that_no_crm_can_reach_is_told(russian: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local stack and an account elsewhere: messages would never arrive. "localhost" stands for elsewhere here."""
    monkeypatch.setattr(telling, "is_loopback", lambda host: host == "127.0.0.1")
    local = ["--api-url", "http://127.0.0.1:4566/x"]
    assert "cannot reach" not in russian.connect(*local).out
    elsewhere = ["--api-base", russian.base.replace("127.0.0.1", "localhost")]
    assert "! amoCRM cannot reach http://127.0.0.1:4566/x" in russian.connect(*local, *elsewhere).out


def test_without_a_stack_the_command_says_how_to_name_one(russian: World) -> None:
    """Nothing is guessed."""
    assert "which stack is not said" in error_of(russian.run("connect", "amocrm", "--region", REGION))


def test_an_unknown_crm_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The CRMs that there are stand in the message."""
    with pytest.raises(SystemExit) as refused:
        main(["connect", "pipedrive"])
    assert refused.value.code == 2
    assert "amocrm" in capsys.readouterr().err
