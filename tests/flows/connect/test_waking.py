"""What waited for a broken connection comes back when it is connected again, or mended by the doctor, and is said."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.state import State, meta_key
from dealtalk.messages import Author, Chat, ConversationKey, InboundMessage
from tests.fakes.doorbell import FakeDoorbell

if TYPE_CHECKING:
    from tests.flows.connect.connecting import World

REASON = "amoCRM refused the token"


def waiting(world: World, *names: str) -> list[ConversationKey]:
    """Break the connection and let customers write, each in a chat of their own; their timers are ahead."""
    clock, connection = SystemClock(), world.connection()
    connections = ConnectionStore(world.table, clock)
    connections.needs_attention(connection, REASON)
    intake = Intake(world.table, connections, FakeDoorbell(clock), clock)
    keys = []
    for name in names:
        key = ConversationKey.of_chat("amocrm", connection.account, name)
        intake.take(connection, [InboundMessage(key, Chat(name), name, Author.CUSTOMER, "окна", clock.now())])
        keys.append(key)
    return keys


def state(world: World, key: ConversationKey) -> State:
    """Return a conversation as it stands in the table."""
    return State.from_item(key, world.item(meta_key(key)))


@pytest.fixture
def connected(russian: World) -> World:
    """Return an account that is connected."""
    russian.connected("--bot-id", str(next(iter(russian.account.bots))))
    return russian


def is_due(world: World, key: ConversationKey) -> bool:
    """Return whether the sweeper's next run rings for it."""
    due = state(world, key).due_at
    return due is not None and due <= (SystemClock().now() + timedelta(seconds=1)).timestamp()


def test_connecting_again_brings_back_what_waits(connected: World) -> None:
    """Each is due at once and named by the connection; how many there are and since when is said."""
    keys = waiting(connected, "a", "b")
    assert not any(is_due(connected, key) for key in keys)
    result = connected.connected()
    assert all(is_due(connected, key) for key in keys)
    (said,) = [step for step in result["done"] if "wait" in step]
    assert said.startswith("2 conversations wait, the oldest question since ")


def test_a_new_key_takes_along_what_waits(connected: World) -> None:
    """The old connection is gone at once; the conversations name the new one."""
    (key,) = waiting(connected, "a")
    connected.connected("--new-key")
    assert state(connected, key).connection == connected.connection().id
    assert is_due(connected, key)


def test_the_doctor_brings_back_what_waits_when_it_mends_the_connection(connected: World) -> None:
    """With --fix and a token that works again; without it nothing is changed."""
    (key,) = waiting(connected, "a")
    connected.doctor()
    assert not is_due(connected, key)
    assert connected.findings("--fix")["waiting"]["sentence"].startswith("1 conversation waits")
    assert is_due(connected, key)


def test_looking_only_wakes_nobody(connected: World) -> None:
    """--dry-run changes nothing."""
    (key,) = waiting(connected, "a")
    assert connected.connect("--dry-run").code == 0
    assert not is_due(connected, key)


def test_where_nothing_waits_nothing_is_said(connected: World) -> None:
    """A first connection has no conversations."""
    assert not [step for step in connected.connected()["done"] if "wait" in step]
