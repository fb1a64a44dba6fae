"""`dealtalk connect retailcrm` and its doctor, on moto's AWS and the simulated account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from dealtalk.clock import SystemClock
from dealtalk.connections import connection_id
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.state import milliseconds
from dealtalk.conversation.table import Update
from dealtalk.recovery.bookmark import reader_key
from dealtalk_cli.directory import Directory
from dealtalk_cli.main import main
from local.simulators.retailcrm import RetailcrmSimulator, russian_account
from local.simulators.retailcrm.state import ALL_SCOPES
from tests.flows.connect.connecting import API, PROFILES, REGION, STACK, TABLE, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dealtalk.connections import Connection
    from local.simulators.retailcrm.entities import Bot, Module

SUB = "oknamaster"
HOST = "oknamaster.retailcrm.ru"


@dataclass
class World:
    """The account, a stack that is still empty, and the command line between them."""

    simulator: RetailcrmSimulator
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        """Make an API key and its file."""
        self.account = self.simulator.account(SUB)
        self.key = self.simulator.api_key(SUB)
        self.key_file = self.folder / "key"
        self.key_file.write_text(self.key, encoding="utf-8")
        self.printed = ""

    def run(self, *arguments: str) -> Ran:
        """Run the command line."""
        self.capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as usage:
            code = int(usage.code or 0)
        out, err = self.capsys.readouterr()
        self.printed += out + err
        return Ran(code, out, err)

    def connect(self, *more: str, url: str = HOST, signed: bool = True, profile: bool = True) -> Ran:
        """Run the command with what every run needs."""
        key = ["--api-key-file", str(self.key_file)] if signed else []
        bot = ["--profile", str(PROFILES / "windows-ru.yaml")] if profile else []
        where = ["--url", url, "--api-base", self.account.base_url]
        return self.run("connect", "retailcrm", *STACK, "--yes", "--json", *where, *key, *bot, *more)

    def connected(self, *more: str, **how: bool) -> Any:
        """Connect the account, which must work, and return the result."""
        ran = self.connect(*more, **how)  # type: ignore[arg-type]  # only the switches
        assert ran.code == 0, ran.err
        return ran.json

    def connection(self) -> Connection:
        """Return the account's connection."""
        found = Directory(self.table, SystemClock()).find("retailcrm", HOST)
        assert found is not None
        return found

    def findings(self) -> dict[str, tuple[str, str]]:
        """Return level and sentence of what the doctor finds, by check."""
        said = self.run("doctor", *STACK, "--json").json["connections"][0]["findings"]
        return {each["check"]: (each["level"], each["sentence"]) for each in said}

    def looked(self, ago: timedelta) -> None:
        """Let the poller have looked some time ago."""
        at = milliseconds(SystemClock().now() - ago)
        self.table.write(Update(reader_key(self.connection()), {"read_at": at}))

    @property
    def table(self) -> DynamoTable:
        """The stack's table."""
        return DynamoTable(boto3.client("dynamodb", region_name=REGION), TABLE, pause=lambda _: None)

    @property
    def bot(self) -> Bot:
        """The account's only chat bot."""
        (bot,) = self.account.bots.values()
        return bot

    @property
    def module(self) -> Module:
        """The account's only module."""
        (module,) = self.account.modules.values()
        return module


@pytest.fixture
def world(
    aws: None,  # noqa: ARG001 (wanted for what it does)
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[World]:
    """Return an account to be connected; nobody waits."""
    monkeypatch.setattr(SystemClock, "sleep", lambda _self, _seconds: None)
    monkeypatch.delenv("DEALTALK_RETAILCRM_KEY", raising=False)
    with RetailcrmSimulator([russian_account]) as simulator:
        simulator.switch(SUB, requests_per_second=1000, mg_requests_per_second=1000)
        yield World(simulator, tmp_path, capsys)


def test_an_account_is_connected_with_a_registered_bot(world: World) -> None:
    """Module, bot with its name and role, channels with their limits, zone and currency are known afterwards."""
    said = world.connected()
    connection = world.connection()
    assert (connection.id, connection.account) == (connection_id(said["key"]), HOST)
    assert world.module.client_id == said["key"]
    assert f"{world.module.base_url}{world.module.activity}" == f"{API}/retailcrm/{said['key']}"
    assert (world.bot.name, world.bot.roles) == ("Анна, «Окна Мастер»", ["responsible"])
    options = connection.options
    assert (options["mg_url"], options["bot_id"]) == (world.account.mg_url, str(world.bot.id))
    assert options["takeover_source"] == "poll"
    assert (options["timezone"], options["currency"]) == ("Europe/Moscow", "RUB")
    assert sorted(set(options["channels"].values())) == ["telegram", "vk", "whatsapp"]
    assert options["channel_limits"] == {"telegram": 4096, "vk": 1000, "whatsapp": 4096}


def test_both_secrets_are_stored_and_none_is_printed(world: World) -> None:
    """The API key and the bot's token stand in Secrets Manager alone."""
    world.connected()
    secret = boto3.client("secretsmanager", region_name=REGION).get_secret_value(SecretId=world.connection().secret)
    assert world.key in secret["SecretString"]
    assert world.bot.token in secret["SecretString"]
    assert world.key not in world.printed
    assert world.bot.token not in world.printed
    assert world.key not in str(world.connection())


def test_connecting_again_keeps_connection_bot_and_key(world: World) -> None:
    """Nothing has to be given a second time; the module holds the key."""
    first = world.connected("--option", "order_choice=newest")
    token = world.bot.token
    again = world.connected(signed=False, profile=False)
    assert (again["connection"], again["key"], again["reused"]) == (first["connection"], first["key"], True)
    assert world.bot.token == token
    assert world.connection().options["order_choice"] == "newest"


def test_a_new_key_closes_the_old_connection(world: World) -> None:
    """Its conversations are served by the new one."""
    first = world.connected()
    again = world.connected("--new-key")
    assert again["connection"] != first["connection"]
    assert Directory(world.table, SystemClock()).load("retailcrm", first["connection"]) is None
    assert world.module.client_id == again["key"]


def test_a_dry_run_changes_nothing(world: World) -> None:
    """Neither here nor there."""
    said = world.connected("--dry-run")
    assert said["dry_run"]
    assert world.account.modules == {}
    assert Directory(world.table, SystemClock()).find("retailcrm", HOST) is None


def test_a_dialog_can_be_left_to_somebody_by_name(world: World) -> None:
    """The chats know people by other ids than the CRM."""
    world.connected("--handover-to", "Мария Кузнецова")
    person = next(user for user in world.account.users.values() if user.name == "Мария Кузнецова")
    assert world.connection().options["handover_user_id"] == str(person.mg_id)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--handover-to", "Никто"), "no person"),
        (("--option", "colour=red"), "colour"),
        (("--option", "timezone=Mars"), "timezone"),
    ],
)
def test_what_cannot_be_used_stops_before_anything_is_written(
    world: World, arguments: tuple[str, ...], words: str
) -> None:
    """The sentence names it."""
    ran = world.connect(*arguments)
    assert ran.code != 0
    assert words in ran.err
    assert world.account.modules == {}


@pytest.mark.parametrize("url", ["okna", "https://", "okna retailcrm", "user@okna.retailcrm.ru"])
def test_an_address_that_is_none_is_refused(world: World, url: str) -> None:
    """Before any key is sent anywhere."""
    ran = world.connect(url=url)
    assert ran.code != 0
    assert "--url" in ran.err
    assert world.simulator.calls() == []


def test_a_wrong_key_says_where_keys_are(world: World) -> None:
    """It is the most likely mistake."""
    world.key_file.write_text("wrong", encoding="utf-8")
    ran = world.connect()
    assert ran.code != 0
    assert "API access keys" in ran.err


def test_an_account_without_chats_says_what_to_do(world: World) -> None:
    """The bot lives in the chats."""
    world.simulator.switch(SUB, chats=False)
    ran = world.connect()
    assert ran.code != 0
    assert "Chats are not enabled" in ran.err


def test_a_foreign_host_for_chats_is_not_called(world: World) -> None:
    """The bot's token travels to the vendor's hosts only."""
    answer = {"success": True, "info": {"mgBot": {"endpointUrl": "https://mg.stranger.example", "token": "t"}}}
    world.simulator.fault("status", path=r"/integration-modules/[\w-]+/edit$", status=200, body=answer)
    ran = world.connect()
    assert ran.code != 0
    assert "none of the vendor's" in ran.err


def test_missing_rights_are_a_warning(world: World) -> None:
    """The names of rights are not certain enough to stop for."""
    world.key_file.write_text(world.simulator.api_key(SUB, ALL_SCOPES - {"task_write"}), encoding="utf-8")
    assert any("task_write" in each for each in world.connected()["warnings"])


class TestDoctor:
    """What is looked at afterwards."""

    def test_a_healthy_account_has_no_problem(self, world: World) -> None:
        """Key, module, bot, channels, poller and names."""
        world.connected()
        world.looked(timedelta(seconds=20))
        found = world.findings()
        assert {level for level, _ in found.values()} == {"ok"}
        assert {"token", "rights", "module", "bot", "channels", "history", "names"} <= found.keys()

    def test_a_poller_that_does_not_look_is_a_problem(self, world: World) -> None:
        """Nothing would arrive, and nobody would know."""
        world.connected()
        assert world.findings()["history"][0] == "ok"
        world.looked(timedelta(minutes=20))
        assert world.findings()["history"][0] == "problem"

    def test_a_module_that_was_switched_off_is_a_problem(self, world: World) -> None:
        """Somebody did it in the CRM."""
        world.connected()
        world.module.active = world.bot.active = False
        found = world.findings()
        assert (found["module"][0], found["bot"][0]) == ("problem", "problem")

    def test_a_withdrawn_key_ends_the_examination(self, world: World) -> None:
        """All else would be the same sentence again."""
        world.connected()
        world.simulator.revoke(SUB, world.key)
        found = world.findings()
        assert found["token"][0] == "problem"
        assert "module" not in found

    def test_another_time_zone_is_a_problem(self, world: World) -> None:
        """Visits would be booked at the wrong hour."""
        world.connected()
        world.account.timezone = "Asia/Omsk"
        assert world.findings()["time zone"][0] == "problem"

    def test_a_new_channel_is_a_warning(self, world: World) -> None:
        """Its limit is not known to the connection yet."""
        world.connected()
        next(iter(world.account.channels.values())).max_chars = 500
        assert world.findings()["channels"][0] == "warning"

    def test_a_name_that_the_account_lacks_is_a_problem(self, world: World) -> None:
        """As the profile writes it."""
        world.connected()
        del world.account.fields["order", "city"]
        level, sentence = world.findings()["names"]
        assert level == "problem"
        assert "Город" in sentence
