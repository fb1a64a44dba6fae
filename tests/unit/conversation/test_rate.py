"""The account's calls per second, reserved ahead."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dealtalk.connections import Connection
from dealtalk.conversation.rate import Spare, Throttle, rate_key, reserve
from dealtalk.errors import Retryable
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable

CONNECTION = Connection("amocrm", "c", "1", "https://x.amocrm.ru", "secret", "profiles/x.yaml")
KEY = rate_key(CONNECTION)


def test_the_first_worker_calls_at_once_for_one_request() -> None:
    """Nothing is reserved."""
    table = MemoryTable()
    assert reserve(table, FakeClock(), CONNECTION, None) == 0
    assert table.calls == ["update"]


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


def test_a_turn_with_many_calls_reserves_them_in_further_fives() -> None:
    """Eleven calls in a row take two seconds, and other workers see all three reservations."""
    table, clock = MemoryTable(), FakeClock()
    reserve(table, clock, CONNECTION, None)
    throttle = Throttle(table, clock, CONNECTION)
    began = clock.now()
    for _ in range(11):
        throttle.wait()
    assert clock.now() - began == timedelta(seconds=2)
    assert reserve(table, clock, CONNECTION, table.read([rate_key(CONNECTION)])[rate_key(CONNECTION)]) == 1


def test_calls_reserved_long_ago_are_not_made_in_one_burst() -> None:
    """Four calls, a long thought, then as many as there are: never more than five within a second."""
    table, clock = MemoryTable(), FakeClock()
    throttle = Throttle(table, clock, CONNECTION)
    made = []
    for number in range(12):
        if number == 4:
            clock.forward(seconds=30)
        throttle.wait()
        made.append(clock.now())
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in zip(made, made[5:], strict=False))


def test_who_only_looks_after_an_account_takes_a_fifth_of_its_calls() -> None:
    """Five calls a second: one of them at most, however quickly it is asked."""
    table, clock = MemoryTable(), FakeClock()
    spare, began = Spare(table, clock, CONNECTION), clock.now()
    for _ in range(4):
        spare.wait()
    assert (clock.now() - began).total_seconds() == pytest.approx(3.0)


def test_who_only_looks_after_an_account_waits_behind_what_turns_have_reserved() -> None:
    """And is sent away where that is long."""
    table, clock = MemoryTable(), FakeClock()
    reserve(table, clock, CONNECTION, None, calls=10)
    began = clock.now()
    Spare(table, clock, CONNECTION).wait()
    assert (clock.now() - began).total_seconds() == pytest.approx(2.0)
    reserve(table, clock, CONNECTION, None, calls=100)
    with pytest.raises(Retryable):
        Spare(table, clock, CONNECTION).wait()
