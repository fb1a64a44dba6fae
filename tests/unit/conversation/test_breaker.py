"""The circuit breaker: opens after failures in a row, lets one worker try, closes after a success."""

from __future__ import annotations

from datetime import timedelta

from dealtalk.conversation.breaker import FIRST_REST, LONGEST_REST, OPENS_AFTER, PROBE, Breaker, model_breaker
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable

KEY = model_breaker("https://api.example/v1", "model")


def read(table: MemoryTable) -> Breaker:
    """Return the breaker as a wake-up reads it."""
    return Breaker(KEY, table.items.get(KEY, {}))


def opened() -> tuple[MemoryTable, FakeClock]:
    """Return a table whose breaker has just opened."""
    table, clock = MemoryTable(), FakeClock()
    for _ in range(OPENS_AFTER):
        read(table).failed(table, clock.now())
    return table, clock


def test_a_closed_breaker_costs_nothing() -> None:
    """No write before and none after a success."""
    table, clock = MemoryTable(), FakeClock()
    assert read(table).rests_until(clock.now()) is None
    assert read(table).may_probe(table, clock.now())
    read(table).worked(table)
    assert table.calls == []


def test_fewer_failures_leave_it_closed_and_a_success_forgets_them() -> None:
    """Four failures, one success, four failures: still closed."""
    table, clock = MemoryTable(), FakeClock()
    for _ in range(2):
        for _ in range(OPENS_AFTER - 1):
            assert read(table).failed(table, clock.now()) is None
        read(table).worked(table)
    assert read(table).rests_until(clock.now()) is None


def test_failures_in_a_row_open_it() -> None:
    """Everybody rests for half a minute."""
    table, clock = opened()
    assert read(table).rests_until(clock.now()) == clock.now() + FIRST_REST


def test_failures_that_were_under_way_do_not_prolong_the_rest() -> None:
    """Workers that had begun before it opened fail later; the rest stays as it is."""
    table, clock = opened()
    until = read(table).rests_until(clock.now())
    clock.forward(seconds=10)
    assert read(table).failed(table, clock.now()) == until


def test_after_the_rest_one_worker_tries() -> None:
    """The second is told to wait; a prober that died is replaced after its time."""
    table, clock = opened()
    clock.forward(seconds=31)
    assert read(table).rests_until(clock.now()) is None
    assert read(table).may_probe(table, clock.now())
    assert not read(table).may_probe(table, clock.now())
    clock.forward(seconds=PROBE.total_seconds())
    assert read(table).may_probe(table, clock.now())


def test_a_failed_try_rests_longer_up_to_two_minutes() -> None:
    """30, 60, then 120 seconds each time: who waits longer to try lets customers wait longer after the return."""
    table, clock = opened()
    rests = []
    for _ in range(6):
        until = read(table).rests_until(clock.now())
        assert until is not None
        rests.append(until - clock.now())
        clock.forward(seconds=rests[-1].total_seconds())
        assert read(table).may_probe(table, clock.now())
        read(table).failed(table, clock.now())
    assert rests == [timedelta(seconds=s) for s in (30, 60, 120, 120, 120, 120)]
    assert rests[-1] == LONGEST_REST


def test_a_successful_try_closes_it_for_all() -> None:
    """The next failure is the first one again."""
    table, clock = opened()
    clock.forward(seconds=31)
    read(table).may_probe(table, clock.now())
    read(table).worked(table)
    assert read(table).may_probe(table, clock.now())
    assert read(table).failed(table, clock.now()) is None
