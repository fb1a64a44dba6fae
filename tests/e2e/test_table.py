"""The table on the emulator's DynamoDB: the suite that the fake passes, and many writers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dealtalk.clock import SystemClock
from dealtalk.connection_store import ConnectionStore
from dealtalk.conversation.dynamodb import DynamoTable
from dealtalk.conversation.intake import Intake
from dealtalk.conversation.state import State, meta_key
from dealtalk.errors import Retryable
from tests.contract.table.suite import TableContract, create_table
from tests.fakes.doorbell import FakeDoorbell
from tests.fakes.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
def table(stack: Stack) -> Iterator[DynamoTable]:
    """Return an empty table of its own."""
    client, name = stack.client("dynamodb"), f"table-{uuid4().hex[:8]}"
    create_table(client, name)
    yield DynamoTable(client, name, pause=SystemClock().sleep)
    client.delete_table(TableName=name)


class TestEmulatedTable(TableContract):
    """DynamoDB as the emulator plays it."""


def test_webhooks_at_the_same_instant_lose_no_message(table: DynamoTable) -> None:
    """Eight deliveries of different messages of one chat at once, each repeated until it was taken: eight arrivals."""
    world, clock = World(), SystemClock()
    intake = Intake(table, ConnectionStore(table, clock), FakeDoorbell(clock), clock)
    messages = [world.message(f"слово {number}") for number in range(8)]

    def deliver(number: int) -> None:
        for _ in range(20):
            try:
                intake.take(world.connection, [messages[number]])
            except Retryable:
                continue
            return
        pytest.fail("a message was never taken")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(8)))
    key = meta_key(world.conversation)
    state = State.from_item(world.conversation, table.read([key])[key])
    stored = table.newest(world.conversation.partition, "T#", 20)
    assert (state.arrived, state.customer_no) == (8, 8)
    assert [item["arrival"] for item in stored] == list(range(1, 9))
    assert {item["text"] for item in stored} == {message.text for message in messages}
