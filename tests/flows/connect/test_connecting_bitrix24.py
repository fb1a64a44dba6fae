"""`dealtalk connect bitrix24` and its doctor, on moto's AWS and a simulated portal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Auth, connection_id
from dealtalk.crm.bitrix24 import inbound
from dealtalk.crm.bitrix24.installing import Installations, install_key
from dealtalk.crm.oauth import token_key
from dealtalk.ingress.body import decode_body
from dealtalk.ingress.http import Request
from dealtalk.ingress.signatures import sha256_hex
from dealtalk_cli.directory import Directory
from dealtalk_cli.main import main
from local.simulators.bitrix24 import BitrixSimulator, oauth, russian_portal
from local.simulators.bitrix24.defaults import TAGS_FIELD
from local.simulators.bitrix24.settings import ALL_SCOPES
from local.simulators.forms import encode_form
from tests.flows.connect.connecting import API, PROFILES, REGION, STACK, Ran, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dealtalk.connections import Connection
    from dealtalk.conversation.table import Item, Key
    from local.simulators.bitrix24.entities import App, Bot, Line
    from local.simulators.bitrix24.state import Portal

NAME = "okna"


@dataclass
class Place:
    """A portal, a stack, and the command line between them."""

    simulator: BitrixSimulator
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        """Make an incoming webhook, and keep its address in a file."""
        self.user, self.hook = self.simulator.webhook(NAME)
        self.hook_file = self.file("hook", f"https://{self.portal.domain}/rest/{self.user}/{self.hook}/")
        self.printed = ""

    @property
    def portal(self) -> Portal:
        """The portal's data."""
        return self.simulator.account(NAME)

    @property
    def line(self) -> Line:
        """The portal's open line."""
        return self.portal.lines[1]

    @property
    def bot(self) -> Bot:
        """The only bot."""
        [found] = self.portal.bots.values()
        return found

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
        out, err = self.capsys.readouterr()
        self.printed += out + err
        return Ran(code, out, err)

    def connect(self, *more: str) -> Ran:
        """Run `dealtalk connect bitrix24` against the simulator."""
        return self.run("connect", "bitrix24", *STACK, "--yes", "--json", "--api-base", self.portal.base_url, *more)

    def first(self, *more: str) -> Any:
        """Connect with the webhook and a profile, which must work, and return the result."""
        ran = self.connect("--webhook-file", self.hook_file, "--profile", str(PROFILES / "windows-ru.yaml"), *more)
        assert ran.code == 0, ran.err
        return ran.json

    def connection(self, account: str | None = None) -> Connection:
        """Return the stored connection."""
        found = Directory(table(), SystemClock()).find("bitrix24", account or self.portal.domain)
        assert found is not None
        return found

    def item(self, key: Key) -> Item:
        """Return an item of the table, empty where there is none."""
        return table().read([key]).get(key, {})

    def secret(self, name: str) -> Any:
        """Return a secret's JSON."""
        client = boto3.client("secretsmanager", region_name=REGION)
        return json.loads(client.get_secret_value(SecretId=name)["SecretString"])

    def findings(self, *more: str) -> dict[str, str]:
        """Return the worst level that the doctor finds of each check."""
        order, found = ["ok", "warning", "problem"], dict[str, str]()
        for each in self.run("doctor", *STACK, "--json", *more).json["connections"][0]["findings"]:
            if order.index(each["level"]) >= order.index(found.get(each["check"], "ok")):
                found[each["check"]] = each["level"]
        return found


@pytest.fixture
def place(
    aws: None,  # noqa: ARG001 (wanted for what it does)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """Serve a portal to be connected."""
    for name in ("WEBHOOK", "CLIENT_SECRET", "INSTALL"):
        monkeypatch.delenv(f"DEALTALK_BITRIX24_{name}", raising=False)
    with BitrixSimulator([russian_portal]) as simulator:
        yield Place(simulator, tmp_path, capsys)


def test_a_portal_is_connected_by_its_webhook(place: Place) -> None:
    """The bot posts to this stack, stays in the line, and its events are known by their token's hash."""
    said = place.first("--create-tags-field")

    connection = place.connection()
    token = place.secret(connection.secret)["bot_token"]
    assert connection.id == connection_id(said["key"])
    assert place.bot.webhook_url == f"{API}/bitrix24/{said['key']}/"
    assert (place.bot.type, place.bot.openline, place.bot.token) == ("openline", True, token)
    assert connection.options["application_token_sha256"] == sha256_hex(f"custom{token}")
    assert (connection.options["bot_id"], connection.options["tags_field"]) == (str(place.bot.id), TAGS_FIELD)
    assert connection.options["takeover_source"] == "poll"
    assert (place.line.welcome_bot_enable, place.line.welcome_bot_id) == ("Y", place.bot.id)
    assert (place.line.welcome_bot_join, place.line.welcome_bot_time) == ("always", 0)
    assert place.line.welcome_bot_left == "close"


def test_a_bot_s_token_is_short_enough(place: Place) -> None:
    """More than 40 characters are refused since August 2026."""
    place.first()

    assert len(str(place.bot.token)) <= 40


def test_no_secret_is_printed(place: Place) -> None:
    """Neither the webhook's nor the bot's token."""
    place.first()

    assert place.hook not in place.printed
    assert str(place.bot.token) not in place.printed


def test_the_field_for_tags_is_made_where_it_is_missing(place: Place) -> None:
    """A text with several values."""
    del place.portal.fields[TAGS_FIELD]

    said = place.first("--create-tags-field", "Метки")

    made = place.portal.fields[said["tags_field"]]
    assert (made.title, made.type, made.multiple) == ("Метки", "string", True)


def test_connecting_again_takes_the_same_bot_and_keeps_what_is_not_given(place: Place) -> None:
    """A new address, which the bot posts to from then on; the earlier connection still serves its conversations."""
    place.first("--create-tags-field")
    before, bot = place.connection(), place.bot

    ran = place.connect("--portal", place.portal.domain)

    after = place.connection()
    assert ran.code == 0, ran.err
    assert (place.bot.id, place.bot.token) == (bot.id, bot.token)
    assert after.id != before.id
    assert place.bot.webhook_url.endswith(f"/{ran.json['key']}/")
    assert (after.profile, after.options["tags_field"]) == (before.profile, before.options["tags_field"])
    assert place.secret(after.secret)["token"] == f"{place.user}/{place.hook}"


def test_missing_scopes_are_named_before_anything_is_written(place: Place) -> None:
    """So that the webhook's page needs to be opened once only."""
    user, hook = place.simulator.webhook(NAME, scopes=frozenset({"crm", "imbot"}))
    file = place.file("narrow", f"https://{place.portal.domain}/rest/{user}/{hook}/")

    ran = place.connect("--webhook-file", file, "--profile", str(PROFILES / "windows-ru.yaml"))

    assert ran.code != 0
    assert "imopenlines, user" in ran.err
    assert not place.portal.bots


@pytest.mark.parametrize("address", ["https://okna.bitrix24.ru/", "rest/1", "https://okna.bitrix24.ru/rest/1/../x/"])
def test_what_is_no_webhook_s_address_is_refused(place: Place, address: str) -> None:
    """And it is not repeated, since it may be a secret that was mistyped."""
    ran = place.connect("--webhook-file", place.file("wrong", address), "--profile", str(PROFILES / "windows-ru.yaml"))

    assert ran.code != 0
    assert "incoming webhook" in ran.err


def test_a_code_that_another_app_s_bot_has_is_explained(place: Place) -> None:
    """The person can choose another."""
    place.first()
    Directory(table(), SystemClock()).forget(place.connection())

    ran = place.connect("--webhook-file", place.hook_file, "--profile", str(PROFILES / "windows-ru.yaml"))

    assert ran.code != 0
    assert "--bot-code" in ran.err


def test_a_dry_run_changes_nothing(place: Place) -> None:
    """It says what it would do."""
    said = place.first("--dry-run", "--create-tags-field", "Метки")

    assert said["dry_run"] is True
    assert 'make the field "Метки"' in said["would"]
    assert not place.portal.bots


def test_a_local_app_is_connected_by_its_installation(place: Place) -> None:
    """Its tokens are kept under the portal's id, and its events are known by the app's own token."""
    app = oauth.add_app(place.portal, ALL_SCOPES)
    install = place.file("install", encode_form(oauth.install(place.portal, app)).decode())
    ran = place.connect(
        *("--client-id", app.client_id, "--client-secret-file", place.file("secret", app.client_secret)),
        *("--install-file", install, "--option", f"oauth_base={place.portal.base_url}"),
        *("--profile", str(PROFILES / "windows-ru.yaml")),
    )

    assert ran.code == 0, ran.err
    connection = place.connection(place.portal.member_id)
    assert connection.auth is Auth.OAUTH
    assert connection.options["application_token_sha256"] == sha256_hex(app.application_token)
    assert connection.options["member_id"] == place.portal.member_id
    key = token_key("bitrix24", place.portal.member_id)
    assert table().read([key])[key]["access"] in app.access
    assert (place.bot.token, place.bot.owner) == (None, app.client_id)
    assert place.findings()["token"] == "ok"


def test_an_installation_works_once(place: Place) -> None:
    """The refresh token is used up by the first try."""
    app = oauth.add_app(place.portal, ALL_SCOPES)
    body = oauth.install(place.portal, app)
    app.refresh.clear()
    install = place.file("install", encode_form(body).decode())

    ran = place.connect(
        *("--client-id", app.client_id, "--client-secret-file", place.file("secret", app.client_secret)),
        *("--install-file", install, "--option", f"oauth_base={place.portal.base_url}"),
        *("--profile", str(PROFILES / "windows-ru.yaml")),
    )

    assert ran.code != 0
    assert "Install the app anew" in ran.err


def test_a_connected_portal_is_well(place: Place) -> None:
    """Nothing is left to do."""
    place.first("--create-tags-field", "--member-id", place.portal.member_id)

    assert set(place.findings().values()) == {"ok"}


def test_the_doctor_sees_a_line_that_sends_the_bot_away_and_repairs_it(place: Place) -> None:
    """The default of ten minutes is the trap of this vendor."""
    place.first("--create-tags-field")
    place.line.welcome_bot_time, place.line.welcome_bot_left = 600, "queue"
    assert place.findings()["open line"] == "warning"

    assert place.findings("--fix")["open line"] == "ok"
    assert (place.line.welcome_bot_time, place.line.welcome_bot_left) == (0, "close")


def test_the_doctor_sees_a_line_without_the_bot_and_a_bot_that_is_gone(place: Place) -> None:
    """Then no message arrives."""
    place.first("--create-tags-field")
    place.line.welcome_bot_enable = "N"
    assert place.findings()["open line"] == "problem"

    place.portal.bots.clear()
    assert place.findings()["bot"] == "problem"


def test_the_doctor_sees_a_webhook_that_was_deleted(place: Place) -> None:
    """And looks at nothing else."""
    place.first()
    place.simulator.revoke(NAME, place.hook)

    assert {"token": "problem"}.items() <= place.findings().items()


def test_the_doctor_misses_the_field_for_tags(place: Place) -> None:
    """The profile has tags, and nothing holds them."""
    place.first()

    assert place.findings()["tags"] == "warning"


def installed(url: str, body: dict[str, Any]) -> bool:
    """Post an installation to the address, as the deployed webhook takes it; return whether it was believed."""
    store, raw = ConnectionStore(table(), SystemClock()), encode_form(body)
    pending = store.find("bitrix24", url.rstrip("/").rpartition("/")[2])
    assert pending is not None
    payload, now = decode_body(raw), SystemClock().now()
    if not inbound.authenticate(pending, Request("POST", "key", {}, raw), payload, now):
        return False
    Installations(table(), SystemClock()).keep(pending, payload, inbound.parse(pending, payload, now))
    return True


def app_words(place: Place, app: App) -> tuple[str, ...]:
    """Return the options by which an app is connected."""
    return (
        *("--portal", place.portal.domain, "--client-id", app.client_id),
        *("--client-secret-file", place.file("secret", app.client_secret)),
        *("--option", f"oauth_base={place.portal.base_url}", "--profile", str(PROFILES / "windows-ru.yaml")),
    )


def test_an_app_s_installation_is_taken_by_the_stack_itself(place: Place) -> None:
    """An address is made, the app is installed, its id and secret are given; nothing of it is left behind."""
    app = oauth.add_app(place.portal, ALL_SCOPES)
    waits = place.connect("--portal", place.portal.domain, "--await-install")
    assert waits.code == 0, waits.err
    assert installed(waits.json["install_url"], oauth.install(place.portal, app))

    ran = place.connect(*app_words(place, app))

    assert ran.code == 0, ran.err
    assert place.connection(place.portal.member_id).auth is Auth.OAUTH
    assert place.item(install_key(waits.json["connection"])) == {}
    assert ConnectionStore(table(), SystemClock()).load("bitrix24", waits.json["connection"]) is None


def test_an_app_that_was_not_installed_yet_is_told_how(place: Place) -> None:
    """Before the address was made, and before anything came there."""
    app = oauth.add_app(place.portal, ALL_SCOPES)
    before = place.connect(*app_words(place, app))
    place.connect("--portal", place.portal.domain, "--await-install")

    after = place.connect(*app_words(place, app))

    assert (before.code, after.code) != (0, 0)
    assert "--await-install" in before.err
    assert "--await-install" in after.err


def test_an_installation_of_another_portal_or_of_a_stranger_s_app_gains_nothing(place: Place) -> None:
    """The first is refused at the address; the second does not stand the exchange with our app's secret."""
    app, strange = oauth.add_app(place.portal, ALL_SCOPES), oauth.add_app(place.portal, ALL_SCOPES)
    url = place.connect("--portal", place.portal.domain, "--await-install").json["install_url"]
    other = oauth.install(place.portal, strange)
    other["auth"]["domain"] = "other.bitrix24.ru"
    assert not installed(url, other)
    forged = oauth.install(place.portal, strange)
    forged["auth"]["refresh_token"] = "made-up"
    assert installed(url, forged)

    ran = place.connect(*app_words(place, app))

    assert ran.code != 0
    assert "refresh token" in ran.err
    assert not place.portal.bots
