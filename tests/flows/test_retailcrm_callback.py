"""What RetailCRM tells of our module: believed by the client id alone, and written down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger, Metrics

from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import Connection, ConnectionState, connection_id
from dealtalk.conversation.intake import Intake
from dealtalk.crm.retailcrm import callback
from dealtalk.ingress.webhook import Webhook
from events import retailcrm
from events.http_api import KEY, http_event
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = Path(retailcrm.__file__).parent / "retailcrm_callback"
HOST = "oknaufa.retailcrm.ru"
WORKS, BROKEN = ConnectionState.ACTIVE, ConnectionState.NEEDS_ATTENTION


class Receiver:
    """The function's inside, with one connected account."""

    def __init__(self, state: ConnectionState = WORKS) -> None:
        clock = FakeClock()
        self.table = MemoryTable()
        self.connections = ConnectionStore(self.table, clock)
        made = Connection("retailcrm", connection_id(KEY), HOST, f"https://{HOST}", "s", "p")
        self.connections.save(replace(made, state=state))
        intake = Intake(self.table, self.connections, FakeDoorbell(clock), clock)
        keeper = callback.ActivityKeeper(self.connections)
        metrics = Metrics(namespace="Dealtalk", service="callback")
        logger = Logger(service="callback", level="CRITICAL")
        self.webhook = Webhook(
            "retailcrm", callback, self.connections, intake, logger, metrics, clock, keep=keeper.keep
        )

    def post(self, event: Mapping[str, Any]) -> tuple[int, str]:
        """Return status and body of the answer."""
        answer = self.webhook.handle(event, None)
        return answer["statusCode"], answer["body"]

    @property
    def state(self) -> ConnectionState:
        """The connection's state as the table has it."""
        found = self.connections.load("retailcrm", connection_id(KEY))
        assert found is not None
        return found.state


def event(name: str) -> Any:
    """Return an event of a file."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("switched_off", WORKS, BROKEN),
        ("switched_off_plain", WORKS, BROKEN),
        ("frozen", WORKS, BROKEN),
        ("switched_on", BROKEN, WORKS),
        ("switched_on", WORKS, WORKS),
        ("switched_off", BROKEN, BROKEN),
        ("switched_off", ConnectionState.OFF, ConnectionState.OFF),
    ],
)
def test_the_connection_s_state_is_what_the_crm_says(
    name: str, before: ConnectionState, after: ConnectionState
) -> None:
    """One that its owner switched off here stays off."""
    receiver = Receiver(before)
    status, _ = receiver.post(event(name))
    assert (status, receiver.state) == (200, after)


def test_the_crm_reads_that_it_was_taken() -> None:
    """As its pages ask for it."""
    status, body = Receiver().post(event("switched_on"))
    assert (status, json.loads(body)) == (200, {"success": True})


@pytest.mark.parametrize("key", [KEY, "another-key"])
def test_another_client_id_changes_nothing(key: str) -> None:
    """Neither with a path that is right nor with one that is guessed; which of them was wrong is not said."""
    receiver = Receiver()
    made = http_event("retailcrm", body=retailcrm.form(active=False, client_id="x"), user_agent="x", key=key)
    assert receiver.post(made) == (401, "unauthorized")
    assert receiver.state is WORKS


@pytest.mark.parametrize(
    "body",
    [
        "",
        "clientId=",
        f"clientId[]={KEY}",
        f"clientId={KEY}&activity=",
        f"clientId={KEY}&activity=not+json",
        f"clientId={KEY}&activity=[]",
        f"clientId={KEY}&activity=%7B%7D",
        f"clientId={KEY}&activity={'[' * 5000}",
        json.dumps({"clientId": KEY, "activity": {"freeze": False}}),
        json.dumps([KEY]),
    ],
)
def test_a_body_that_says_nothing_changes_nothing(body: str) -> None:
    """It is answered, never a crash, never believed by half."""
    receiver = Receiver()
    status, _ = receiver.post(http_event("retailcrm", body=body, user_agent="x"))
    assert status in {200, 400, 401}
    assert receiver.state is WORKS


@pytest.mark.parametrize(
    ("said", "works"),
    [
        ({"active": True, "freeze": False}, True),
        ({"active": "1", "freeze": "0"}, True),
        ({"active": "true"}, True),
        ({"active": True, "freeze": "true"}, False),
        ({"active": "false"}, False),
        ({"active": 0}, False),
        ({"active": None}, False),
        ({"freeze": False}, None),
    ],
)
def test_yes_and_no_are_read_as_a_form_writes_them(said: dict[str, Any], works: bool | None) -> None:
    """A text "false" is no."""
    assert callback.activity({"activity": said}) is works
    assert callback.activity({"activity": json.dumps(said)}) is works
