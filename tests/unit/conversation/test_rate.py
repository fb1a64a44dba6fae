"""The account's calls per second, reserved ahead."""

from __future__ import annotations

from dataclasses import replace

from dealtalk.connections import Connection
from dealtalk.conversation.rate import rate_key, reserve
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable

CONNECTION = Connection("amocrm", "c", "1", "https://x.amocrm.ru", "secret", "profiles/x.yaml")
KEY = rate_key(CONNECTION)


def test_the_first_worker_calls_at_once_for_one_write() -> None:
    """Nothing is reserved."""
    table = MemoryTable()
    assert reserve(table, FakeClock(), CONNECTION, None) == 0
    assert table.calls == ["write"]


def test_workers_at_the_same_instant_are_spread() -> None:
    """Five calls a second: the second worker starts a second later, the third two, whatever they had read."""
    table, clock = MemoryTable(), FakeClock()
    assert [reserve(table, clock, CONNECTION, None) for _ in range(3)] == [0, 1, 2]


def test_unused_time_is_not_saved_up() -> None:
    """After an hour of silence a burst is paced like any other."""
    table, clock = MemoryTable(), FakeClock()
    reserve(table, clock, CONNECTION, None)
    clock.forward(hours=1)
    item = table.items[KEY]
    assert [reserve(table, clock, CONNECTION, item) for _ in range(2)] == [0, 1]


def test_the_connections_own_rate_counts() -> None:
    """Ten calls a second take half the time."""
    table, clock = MemoryTable(), FakeClock()
    fast = replace(CONNECTION, options={"calls_per_second": 10})
    assert [reserve(table, clock, fast, None) for _ in range(2)] == [0, 0.5]
