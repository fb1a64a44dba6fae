"""`dealtalk connect getcourse` and its doctor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.clock import SystemClock
from dealtalk_cli.directory import Directory
from local.simulators.getcourse.simulator import KEY, GetcourseSimulator, school
from tests.flows.connect.connecting import PROFILES, table
from tests.flows.connect.test_connecting_custom import LOCAL, Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROFILE = str(PROFILES / "windows-ru.yaml")


@pytest.fixture
def place(aws: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:  # noqa: ARG001 (wanted for what it does)
    """Serve a school."""
    with GetcourseSimulator([partial(school, subdomain="okna")]) as simulator:
        yield Place(simulator, tmp_path, capsys)


def connected(place: Place, *more: str) -> Any:
    """Connect the school, which must work, and return the result."""
    files = {"token": place.simulator.token("okna"), "key": KEY}
    for name, text in files.items():
        (place.folder / name).write_text(text, encoding="utf-8")
    where = ["--account", "okna", "--callback-url", place.simulator.callback_url("okna"), "--profile", PROFILE]
    secrets = ["--token-file", str(place.folder / "token"), "--import-key-file", str(place.folder / "key")]
    ran = place.run("connect", "getcourse", *LOCAL, "--yes", "--json", *where, *secrets, *more)
    assert ran.code == 0, ran.err
    assert KEY not in ran.out + ran.err
    return ran.json


def test_a_school_is_connected_with_both_its_sides(place: Place) -> None:
    """Imports go to GetCourse, replies to the chat; the address of the webhook is GetCourse's own route."""
    said = connected(place)
    found = Directory(table(), SystemClock()).find("getcourse", "okna")
    assert found is not None
    assert found.api_base == "https://okna.getcourse.ru"
    assert found.options["callback_url"] == place.simulator.callback_url("okna")
    assert said["supports"] == ["event_status", "person_needed"]
    assert "/getcourse/" in said["webhook_url"]


def test_the_doctor_says_that_the_key_was_not_tried(place: Place) -> None:
    """GetCourse has no call that changes nothing."""
    connected(place)
    found = place.findings()
    assert (found["token"], found["webhook"], found["import"], found["names"]) == ("ok", "ok", "warning", "warning")


def test_connecting_again_keeps_the_key_that_is_not_given(place: Place) -> None:
    """A new token of the chat does not lose the key of the imports."""
    connected(place)
    ran = place.run(
        "connect", "getcourse", *LOCAL, "--yes", "--json", "--name", "okna", "--token-file", str(place.folder / "token")
    )
    assert ran.code == 0, ran.err
    assert place.findings()["import"] == "warning"
    assert Directory(table(), SystemClock()).find("getcourse", "okna") is not None
