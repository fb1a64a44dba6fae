"""What holds for the webhook of every CRM, whatever it signs and however it encodes: see tests/security/webhooks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.connection_store import ConnectionStore
from dealtalk.connections import ConnectionState, connection_id
from dealtalk.conversation.intake import Intake
from local.stack.paths import PROJECT
from tests.fakes.clock import FakeClock
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.table import MemoryTable
from tests.security.webhooks import TARGETS, Target
from tests.unit.ingress.fakes import KEY, KnownConnections, compose, post

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.ingress.fakes import ComposedWebhook

STRANGERS_KEY = "another-account's-key"
TEXT = "Здравствуйте! +7 917 5550123"
EVERY = [pytest.param(crm, make, id=f"{crm}-{make.__name__}") for crm, each in TARGETS.items() for make in each.bodies]
every_body = pytest.mark.parametrize(("crm", "make"), EVERY)


def delivery(target: Target, body: bytes, **changes: Any) -> dict[str, Any]:
    """Return the event of a genuine delivery of a body."""
    return {**post(body), **target.delivered(body), **changes}


def rig(crm: str, **changes: Any) -> ComposedWebhook:
    """Return the CRM's webhook, with its own account and a stranger's connected."""
    target = TARGETS[crm]
    known = {KEY: replace(target.connection, **changes), STRANGERS_KEY: target.stranger}
    return compose(KnownConnections(known), crm=crm, inbound=target.inbound, **target.webhook)


def test_every_webhook_is_attacked_here() -> None:
    """A function that takes webhooks has its module in tests/security/webhooks."""
    folders = {path.name for path in (PROJECT / "functions").iterdir() if path.name.endswith("_webhook")}
    assert {f"{crm}_webhook" for crm in TARGETS} == folders


@every_body
def test_a_genuine_delivery_is_stored(crm: str, make: Callable[[str, str], bytes]) -> None:
    """Otherwise the tests below would only ever see refusals. A CRM that tells ids only tells no text."""
    made, target = rig(crm), TARGETS[crm]
    assert made.status(delivery(target, make("m1", TEXT))) == 200
    (message,) = made.intake.messages
    assert message.text == ("" if message.pending else TEXT)
    assert (message.conversation.crm, message.conversation.account) == (crm, target.connection.account)


@every_body
def test_a_body_opens_its_own_account_only(crm: str, make: Callable[[str, str], bytes]) -> None:
    """Posted to another account's address, or to nobody's, it is refused and nothing is stored."""
    made = rig(crm)
    for key in (STRANGERS_KEY, "nobody's", connection_id(KEY)):
        event = delivery(TARGETS[crm], make("m1", TEXT), pathParameters={"connection": key})
        assert made.status(event) == 401
    assert made.intake.messages == []


@every_body
def test_a_body_without_its_signature_is_refused(crm: str, make: Callable[[str, str], bytes]) -> None:
    """Unsigned, or signed for another body; a CRM that signs nothing is known as such by its module."""
    made, target = rig(crm), TARGETS[crm]
    body, other = make("m1", TEXT), make("m2", TEXT)
    signed, signs_bodies = target.delivered(body), target.delivered(body) != target.delivered(other)
    assert made.status(post(body)) == (401 if signed else 200)
    assert made.status({**post(other), **signed}) == (401 if signs_bodies else 200)


@every_body
def test_a_delivery_that_comes_twice_is_one_message(crm: str, make: Callable[[str, str], bytes]) -> None:
    """By its id, through the real intake; while it is unanswered its bell is rung again."""
    target, table, clock = TARGETS[crm], MemoryTable(), FakeClock()
    doorbell = FakeDoorbell(clock)
    connections = ConnectionStore(table, clock)
    connections.save(replace(target.connection, id=connection_id(KEY)))
    intake: Any = Intake(table, connections, doorbell, clock)
    made = compose(
        KnownConnections({KEY: target.connection}), intake, crm=crm, inbound=target.inbound, **target.webhook
    )
    for _ in range(3):
        assert made.status(delivery(target, make("m1", TEXT))) == 200
    assert sum(item.get("kind") == "message" for item in table.items.values()) == 1
    assert doorbell.rings


@every_body
def test_a_connection_that_is_off_stores_nothing_and_says_200(crm: str, make: Callable[[str, str], bytes]) -> None:
    """The CRM must not switch its webhook off because a company has switched its bot off."""
    made = rig(crm, state=ConnectionState.OFF)
    assert made.status(delivery(TARGETS[crm], make("m1", TEXT))) == 200
    assert made.intake.messages == []


@every_body
def test_a_broken_connection_still_stores(crm: str, make: Callable[[str, str], bytes]) -> None:
    """While it needs attention messages wait; they are not refused and not lost."""
    made = rig(crm, state=ConnectionState.NEEDS_ATTENTION)
    assert made.status(delivery(TARGETS[crm], make("m1", TEXT))) == 200
    assert len(made.intake.messages) == 1


@every_body
def test_no_line_of_the_log_tells_what_was_said(crm: str, make: Callable[[str, str], bytes]) -> None:
    """Neither of a message that was stored nor of one that was refused: no text, no phone, no key."""
    made, target = rig(crm), TARGETS[crm]
    made.status(delivery(target, make("m1", TEXT)))
    made.status(delivery(target, make("m1", TEXT), pathParameters={"connection": STRANGERS_KEY}))
    made.status(delivery(target, make("m1", TEXT)[:-2]))
    told = made.log.getvalue()
    assert told
    for word in (TEXT, json.dumps(TEXT)[1:-1], "5550123", KEY, STRANGERS_KEY):
        assert word not in told
