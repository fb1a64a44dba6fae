"""`dealtalk connect custom` and its doctor, on moto's AWS and a simulated company."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.clock import SystemClock
from dealtalk.connections import connection_id
from dealtalk.ingress.signatures import sha256_hex
from dealtalk_cli.directory import Directory
from dealtalk_cli.main import main
from local.simulators.custom.company import russian_company
from local.simulators.custom.simulator import CustomSimulator
from tests.flows.connect.connecting import API, PROFILES, STACK, Ran, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dealtalk.connections import Connection

LOCAL = ["--api-url" if each == "--api-url" else "http://127.0.0.1:4566" if each == API else each for each in STACK]
PROFILE = str(PROFILES / "windows-ru.yaml")


@dataclass
class Place:
    """A company, a stack of this machine, and the command line between them."""

    simulator: CustomSimulator
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Ran:
        """Run the command line."""
        self.capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as usage:
            code = int(usage.code or 0)
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)

    def connect(self, *more: str, stack: list[str] = LOCAL) -> Ran:
        """Run `dealtalk connect custom` for the company."""
        return self.run("connect", "custom", *stack, "--yes", "--json", "--name", "okna", *more)

    def first(self, *more: str, token: bool = True) -> Any:
        """Connect for the first time, which must work, and return the result."""
        file = self.folder / "token"
        file.write_text(self.simulator.token("okna"), encoding="utf-8")
        known = ["--token-file", str(file)] if token else []
        ran = self.connect("--callback-url", self.simulator.callback_url("okna"), "--profile", PROFILE, *known, *more)
        assert ran.code == 0, ran.err
        return ran.json

    def again(self, *more: str) -> Any:
        """Connect once more, with nothing but the name."""
        ran = self.connect(*more)
        assert ran.code == 0, ran.err
        return ran.json

    def findings(self) -> dict[str, str]:
        """Return the worst level that the doctor finds of each check."""
        order, found = ["ok", "warning", "problem"], dict[str, str]()
        for each in self.run("doctor", *LOCAL, "--json").json["connections"][0]["findings"]:
            if order.index(each["level"]) >= order.index(found.get(each["check"], "ok")):
                found[each["check"]] = each["level"]
        return found

    def connection(self) -> Connection:
        """Return the stored connection."""
        found = Directory(table(), SystemClock()).find("custom", "okna")
        assert found is not None
        return found


@pytest.fixture
def place(aws: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:  # noqa: ARG001 (wanted for what it does)
    """Serve the company."""
    with CustomSimulator([partial(russian_company, subdomain="okna")]) as simulator:
        yield Place(simulator, tmp_path, capsys)


def test_a_company_is_connected_and_its_receiver_tried(place: Place) -> None:
    """The address and the channel's token are told once; the table keeps their hashes."""
    said = place.first()
    connection = place.connection()
    assert connection.id == connection_id(said["key"])
    assert said["webhook_url"] == f"http://127.0.0.1:4566/custom/{said['key']}/"
    assert connection.options["token_sha256"] == sha256_hex(said["made"]["channel_token"])
    assert said["supports"] == ["deal_changes", "deal_request", "event_status", "person_needed"]
    assert (connection.account, connection.options["takeover_source"]) == ("okna", "webhook")
    assert said["warnings"] == []
    assert [event["event_type"] for event in place.simulator.events("okna")] == ["test_request", "schema_request"]


def test_the_doctor_finds_it_in_order(place: Place) -> None:
    """What connect has made."""
    place.first()
    assert place.findings() == dict.fromkeys(["profile", "token", "receiver", "webhook", "names", "state"], "ok")


def test_connecting_again_keeps_address_tokens_and_settings(place: Place) -> None:
    """Only the name is needed; nothing secret is shown a second time."""
    place.first("--option", "message_limit=500")
    before = place.connection()
    said = place.again()
    assert (said["reused"], said["key"], said["made"]) == (True, None, {})
    assert place.connection() == before


def test_a_new_key_closes_the_old_address(place: Place) -> None:
    """And makes a new token of the channel."""
    first = place.first()
    second = place.again("--new-key")
    assert second["key"] not in {None, first["key"]}
    assert second["made"]["channel_token"] != first["made"]["channel_token"]
    assert Directory(table(), SystemClock()).load("custom", connection_id(first["key"])) is None
    assert place.findings()["token"] == "ok"


def test_a_token_that_was_made_here_is_tried_once_the_receiver_knows_it(place: Place) -> None:
    """Until then the receiver would refuse it."""
    said = place.first(token=False)
    assert any("the receiver was not tried" in warning for warning in said["warnings"])
    assert said["supports"] == ["person_needed"]
    place.simulator.account("okna").token = said["made"]["token"]
    assert "deal_changes" in place.again()["supports"]


def test_signing_is_switched_on(place: Place) -> None:
    """The secret is made here, told once, and stands where the webhook can read it."""
    place.first()
    said = place.again("--sign")
    assert said["signed"]
    assert place.connection().signing_secret == said["made"]["signing_secret"]
    place.simulator.switch("okna", signing_secret=said["made"]["signing_secret"])
    assert place.again()["signed"]
    assert place.findings()["token"] == "ok"


def test_a_receiver_that_does_not_answer_is_not_connected(place: Place) -> None:
    """Nothing is written, and the advice is not a stack trace."""
    place.simulator.revoke("okna")
    ran = place.connect("--callback-url", place.simulator.callback_url("okna"), "--profile", PROFILE)
    assert ran.code == 0
    file = place.folder / "wrong"
    file.write_text("wrong", encoding="utf-8")
    refused = place.connect("--token-file", str(file))
    assert refused.code != 0
    assert "the receiver refused the token" in refused.err


@pytest.mark.parametrize(
    "url", ["http://crm.example/x", "https://crm.example/x?token=1", "https://user@crm.example/", "crm.example"]
)
def test_an_unusable_address_is_refused(place: Place, url: str) -> None:
    """Https, a host, a path."""
    ran = place.connect("--callback-url", url, "--profile", PROFILE)
    assert ran.code != 0
    assert "--callback-url is https://host/path" in ran.err


def test_a_stack_in_aws_does_not_call_this_machine(place: Place) -> None:
    """Loopback is for a local stack only."""
    ran = place.connect("--callback-url", place.simulator.callback_url("okna"), "--profile", PROFILE, stack=STACK)
    assert ran.code != 0
    assert "leads to this machine" in ran.err


def test_a_dry_run_writes_nothing(place: Place) -> None:
    """It only looks."""
    assert place.first("--dry-run")["dry_run"]
    assert Directory(table(), SystemClock()).find("custom", "okna") is None


def test_names_that_the_company_lacks_are_warnings_and_errors_where_wished(place: Place) -> None:
    """The profile's pipeline is not there."""
    profile = place.folder / "bot.yaml"
    profile.write_text("name: A\ninstructions: x\nworks_in: [{pipeline: Nowhere}]\n", encoding="utf-8")
    place.first()
    assert any("Nowhere" in warning for warning in place.again("--profile", str(profile))["warnings"])
    assert place.connect("--profile", str(profile), "--strict").code != 0


def test_the_doctor_says_what_is_wrong_over_there(place: Place) -> None:
    """Another token; other abilities than the connection knows."""
    place.first()
    place.simulator.switch("okna", supports=[])
    found = place.findings()
    assert (found["receiver"], found["token"]) == ("warning", "ok")
    place.simulator.revoke("okna")
    assert place.findings()["token"] == "problem"


def test_nothing_secret_is_printed_a_second_time(place: Place) -> None:
    """Neither key nor tokens stand in a later run's output."""
    said = place.first()
    later = place.connect("--new-key").out + place.run("doctor", *LOCAL).out
    for secret in (said["key"], said["made"]["channel_token"], place.simulator.token("okna")):
        assert secret not in later
    assert json.loads(place.connect().out)["made"] == {}
