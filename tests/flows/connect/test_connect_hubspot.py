"""`dealtalk connect hubspot` and its doctor, against the simulated portal and an empty stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from dealtalk.clock import SystemClock
from dealtalk.connections import connection_id
from dealtalk_cli.directory import Directory
from dealtalk_cli.main import main
from local.simulators.hubspot import HubspotSimulator, russian_portal
from tests.flows.connect.connecting import API, BUCKET, PROFILES, REGION, STACK, Ran, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dealtalk.connections import Connection
    from local.simulators.hubspot.portal import Portal

NAME = "oknamaster"


@dataclass
class Desk:
    """One portal and the command line."""

    simulator: HubspotSimulator
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        """Make the app's token."""
        self.token = self.simulator.token(NAME)
        self.profile = PROFILES / "windows-ru.yaml"

    @property
    def portal(self) -> Portal:
        """The portal."""
        return self.simulator.account(NAME)

    def file(self, name: str, text: str) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, *arguments: str) -> Ran:
        """Run the command line."""
        self.capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as usage:
            code = int(usage.code or 0)
        return Ran(code, *self.capsys.readouterr())

    def connect(self, *more: str, signed: bool = True) -> Ran:
        """Run `dealtalk connect hubspot` with what every run needs."""
        app = ["--app-id", str(self.portal.app.id), "--api-base", self.portal.base_url]
        bot = ["--profile", str(self.profile), "--bot-user", str(max(self.portal.users)), "--tags-property", "Метки"]
        secret = self.file("secret", self.portal.app.client_secret)
        token = ["--token-file", self.file("token", self.token), "--client-secret-file", secret] if signed else []
        return self.run("connect", "hubspot", *STACK, "--yes", "--json", *app, *bot, *token, *more)

    def connected(self, *more: str) -> Any:
        """Connect the portal, which must work, and return the result."""
        ran = self.connect(*more)
        assert ran.code == 0, ran.err
        return ran.json

    def connection(self) -> Connection:
        """Return the portal's connection."""
        found = Directory(table(), SystemClock()).find("hubspot", str(self.portal.id))
        assert found is not None
        return found

    def findings(self) -> dict[str, str]:
        """Return the doctor's worst level of each check."""
        order = ["ok", "warning", "problem"]
        found: dict[str, str] = {}
        for each in self.run("doctor", *STACK, "--json").json["connections"][0]["findings"]:
            levels = [found.get(each["check"], "ok"), each["level"]]
            found[each["check"]] = max(levels, key=order.index)
        return found


@pytest.fixture
def desk(
    aws: None,  # noqa: ARG001 (wanted for what it does)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """Serve a portal; nobody waits."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, _seconds: None)
    with HubspotSimulator([russian_portal]) as simulator:
        simulator.switch(NAME, per_ten_seconds=10_000)
        yield Desk(simulator, tmp_path, capsys)


def test_a_portal_is_connected_with_what_its_webhook_and_its_bot_need(desk: Desk) -> None:
    """Key as a hash, signing secret at the connection, token in the secret, ids of user, pipeline and property."""
    said = desk.connected()
    connection = desk.connection()
    assert connection.id == connection_id(said["key"]) == said["connection"]
    assert connection.signing_secret == desk.portal.app.client_secret
    assert said["webhook_url"] == f"{API}/hubspot/{said['key']}/"
    assert said["key"] not in str(connection.options)
    assert connection.options["public_url"] == f"{API}/hubspot/{{key}}/"
    assert connection.options["bot_user_id"] == str(max(desk.portal.users))
    assert connection.options["pipeline_ids"] == ["default"]
    assert (connection.options["tags_property"], connection.options["time_zone"]) == ("bot_tags", "Europe/Moscow")
    secret = boto3.client("secretsmanager", region_name=REGION).get_secret_value(SecretId=connection.secret)
    assert desk.token in secret["SecretString"]
    assert boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1


def test_no_secret_is_printed(desk: Desk) -> None:
    """Neither token nor client secret stand in what the command says."""
    ran = desk.connect()
    for secret in (desk.token, desk.portal.app.client_secret):
        assert secret not in ran.out + ran.err


def test_connected_again_the_address_stays_and_nothing_has_to_be_typed(desk: Desk) -> None:
    """The key is known by its hash only, so the URL in HubSpot goes on working."""
    before = desk.connected()
    again = desk.connect("--mode", "draft", signed=False).json
    assert (again["connection"], again["key"], again["reused"]) == (before["connection"], None, True)
    assert desk.connection().signing_secret == desk.portal.app.client_secret
    assert desk.connection().mode == "draft"


def test_a_new_key_closes_the_old_address(desk: Desk) -> None:
    """One connection is left, with another id."""
    before = desk.connected()
    after = desk.connected("--new-key")
    assert after["connection"] != before["connection"]
    assert [each.id for each in Directory(table(), SystemClock()).connections("hubspot")] == [after["connection"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--bot-user", "nobody@panes.test"], "--bot-user names nobody"),
        (["--tags-property", "Нет такого"], "no deal property"),
        (["--public-url", "https://example.com/hubspot/"], "--public-url needs {key}"),
        (["--option", "weather=1"], "unknown option weather"),
        (["--api-base", "http://example.com"], "--api-base"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(desk: Desk, change: list[str], words: str) -> None:
    """The error names the option, and no connection is there."""
    ran = desk.connect(*change)
    assert ran.code != 0
    assert words in ran.err
    assert Directory(table(), SystemClock()).connections("hubspot") == []


def test_a_token_without_a_scope_is_refused_by_name(desk: Desk) -> None:
    """The scope that is missing is named."""
    scopes = ["conversations.read", "crm.objects.owners.read", "crm.schemas.deals.read", "crm.objects.deals.read"]
    desk.token = desk.simulator.token(NAME, scopes=scopes)
    ran = desk.connect()
    assert "crm.objects.contacts.read" in ran.err


def test_a_dry_run_changes_nothing(desk: Desk) -> None:
    """It says what would be done."""
    said = desk.connect("--dry-run").json
    assert said["dry_run"] is True
    assert Directory(table(), SystemClock()).connections("hubspot") == []


def test_the_doctor_finds_a_healthy_portal_healthy(desk: Desk) -> None:
    """Only what nobody can know yet is a warning: no message was told of."""
    desk.connected()
    found = desk.findings()
    assert {check for check, level in found.items() if level != "ok"} == {"webhook"}
    assert found["webhook"] == "warning"


def test_the_doctor_sees_a_withdrawn_token(desk: Desk) -> None:
    """Nothing after it is looked at."""
    desk.connected()
    desk.simulator.revoke(NAME, desk.token)
    assert desk.findings()["token"] == "problem"


def test_the_doctor_sees_that_the_bots_user_left(desk: Desk) -> None:
    """No reply could be sent in their name."""
    desk.connected()
    desk.portal.users[max(desk.portal.users)].archived = True
    assert desk.findings()["bot"] == "problem"


def test_the_doctor_sees_a_tag_that_has_no_option(desk: Desk) -> None:
    """The profile's tag is an option of the property that stands for tags."""
    desk.connected()
    desk.portal.properties["bot_tags"].options = {"vip": "VIP"}
    assert desk.findings()["names"] == "problem"
