"""One invocation that reads every account at an interval, until its time is nearly over."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

import pytest

from dealtalk.connections import ConnectionState
from dealtalk.errors import CrmUnavailable, RateLimited
from dealtalk.recovery.bookmark import LEASE, Bookmark, reader_key
from dealtalk.recovery.polling import Poller
from tests.fakes.accounts import Accounts


def poller(accounts: Accounts) -> Poller:
    """Return a poller that reads every two seconds."""
    return Poller(accounts.reading, accounts.world.connection.crm, timedelta(seconds=2))


def fails(error: Exception) -> NoReturn:
    """Fail as an adapter fails."""
    raise error


def test_an_account_is_read_at_the_interval_until_the_time_is_nearly_over() -> None:
    """Each round is one read where there is nothing to store; the last leaves time to end."""
    accounts = Accounts()
    accounts.add("1")
    began = accounts.world.clock.now()
    totals = poller(accounts).run(accounts.world.countdown(30))
    assert totals == {"rounds": 12, "stored": 0, "failed": 0}
    assert accounts.world.clock.now() - began == timedelta(seconds=22)


def test_a_message_is_taken_in_within_the_interval() -> None:
    """Also one that is written while the poller runs."""
    accounts = Accounts()
    accounts.add("1")
    slept = accounts.world.clock.sleep

    def writes_in_the_pause(seconds: float) -> None:
        if not accounts.records["1"].messages:
            accounts.writes("1", "окна")
        slept(seconds)

    accounts.world.clock.sleep = writes_in_the_pause  # type: ignore[method-assign]
    assert poller(accounts).run(accounts.world.countdown(20))["stored"] == 1
    assert [ring.arrival for ring in accounts.world.doorbell.rings] == [1]


def test_a_poller_keeps_others_out_and_leaves_the_account_free() -> None:
    """The next invocation begins at once where this one has ended."""
    accounts = Accounts()
    one = accounts.add("1")
    other: list[Bookmark | None] = []
    accounts.records["1"].before = lambda: other.append(Bookmark.take(accounts.world.table, accounts.world.clock, one))
    poller(accounts).run(accounts.world.countdown(20))
    assert other
    assert set(other) == {None}
    assert "lease_until" not in accounts.world.table.items[reader_key(one)]


def test_a_poller_that_runs_longer_than_a_lease_keeps_it() -> None:
    """The lease is renewed from round to round."""
    accounts = Accounts()
    accounts.add("1")
    totals = poller(accounts).run(accounts.world.countdown(3 * LEASE.total_seconds()))
    assert totals["failed"] == 0
    assert len(accounts.records["1"].reads) == totals["rounds"]


def test_a_quiet_round_writes_nothing() -> None:
    """Twenty-five rounds of a quiet account cost the first one's writes, a renewal and the end."""
    accounts = Accounts()
    accounts.add("1")
    accounts.world.table.calls.clear()
    poller(accounts).run(accounts.world.countdown(58))
    writes = [call for call in accounts.world.table.calls if call in {"write", "update"}]
    assert len(writes) <= 5


@pytest.mark.parametrize("error", [CrmUnavailable("down"), RateLimited("slow", after=60), ZeroDivisionError()])
def test_one_accounts_fault_does_not_silence_the_others(error: Exception) -> None:
    """Whatever it is."""
    accounts = Accounts()
    accounts.add("1")
    accounts.add("2")
    accounts.records["1"].before = lambda: fails(error)
    accounts.writes("2", "окна")
    totals = poller(accounts).run(accounts.world.countdown(20))
    assert (totals["stored"], totals["failed"] > 0) == (1, True)


def test_an_account_that_is_switched_off_is_left_at_once() -> None:
    """Between two rounds, and its bookmark with it."""
    accounts = Accounts()
    accounts.add("1")

    def switch_off() -> None:
        if len(accounts.records["1"].reads) == 2:
            accounts.save("1", state=ConnectionState.OFF)

    accounts.records["1"].before = switch_off
    poller(accounts).run(accounts.world.countdown(30))
    assert len(accounts.records["1"].reads) == 2


def test_a_slow_account_takes_no_more_than_its_slice_of_a_round() -> None:
    """The others are read in the same round."""
    accounts = Accounts()
    accounts.add("1")
    accounts.add("2")
    accounts.records["1"].page = 1
    for number in range(20):
        accounts.writes("1", f"слово {number}")
    accounts.records["1"].before = lambda: accounts.world.wait(seconds=6)
    poller(accounts).run(accounts.world.countdown(60))
    assert accounts.opened[:2] == ["1", "2"]
    assert "2" in accounts.opened[2:]


def test_nothing_is_waited_for_where_no_account_is_connected() -> None:
    """A stack without such a CRM pays for a moment each minute."""
    accounts = Accounts()
    began = accounts.world.clock.now()
    assert poller(accounts).run(accounts.world.countdown(60))["rounds"] == 1
    assert accounts.world.clock.now() == began


def test_what_does_not_change_is_said_and_written_once() -> None:
    """An account that is off, or needs somebody, costs neither writes nor log lines in every round."""
    accounts = Accounts()
    accounts.add("1", state=ConnectionState.OFF)
    accounts.add("2", state=ConnectionState.NEEDS_ATTENTION)
    lines: list[object] = []
    accounts.world.watch.say = lambda _what, **facts: lines.append(facts["why"])  # type: ignore[method-assign]
    accounts.world.table.calls.clear()
    totals = poller(accounts).run(accounts.world.countdown(58))
    writes = [call for call in accounts.world.table.calls if call in {"write", "update"}]
    assert totals["rounds"] > 10
    assert (lines, len(writes)) == (["connection_off", "connection_needs_attention"], 1)
