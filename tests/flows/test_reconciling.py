"""Every account is read once per run, those first that were read longest ago."""

from __future__ import annotations

from typing import NoReturn

from dealtalk.connections import ConnectionState
from dealtalk.errors import NeedsAttention
from dealtalk.recovery.reconcile import Reconciler
from tests.fakes.accounts import Accounts


def fails(error: Exception) -> NoReturn:
    """Fail as an adapter fails."""
    raise error


def reconciler(accounts: Accounts) -> Reconciler:
    """Return the reconciler of the one CRM."""
    return Reconciler(accounts.reading, [accounts.world.connection.crm])


def test_every_account_is_read_once() -> None:
    """And what was found is told."""
    accounts = Accounts()
    for account in ("1", "2", "3"):
        accounts.add(account)
    accounts.writes("2", "окна")
    counts = reconciler(accounts).run(accounts.world.countdown(100))
    assert (counts["read"], counts["stored"]) == (3, 1)
    assert accounts.opened == ["1", "2", "3"]


def test_who_was_read_longest_ago_comes_first() -> None:
    """Where the time is over before all were read, the next run begins with the others."""
    accounts = Accounts()
    for account in ("1", "2", "3"):
        accounts.add(account)
        accounts.records[account].before = lambda: accounts.world.wait(seconds=10)
    counts = reconciler(accounts).run(accounts.world.countdown(25))
    assert (counts["read"], counts["not_reached"]) == (2, 1)
    reconciler(accounts).run(accounts.world.countdown(15))
    assert accounts.opened == ["1", "2", "3"]


def test_a_dead_account_does_not_keep_the_others_from_being_read() -> None:
    """Nor does one that is switched off."""
    accounts = Accounts()
    accounts.add("1")
    accounts.add("2", state=ConnectionState.OFF)
    accounts.add("3")
    accounts.records["1"].before = lambda: fails(NeedsAttention("dead"))
    counts = reconciler(accounts).run(accounts.world.countdown(100))
    assert (counts["needs_attention"], counts["connection_off"], counts["read"]) == (1, 1, 1)
    assert accounts.opened == ["1", "3"]


def test_two_reconcilers_at_once_are_one() -> None:
    """Each account is read by one of them."""
    accounts = Accounts()
    accounts.add("1")
    inner: list[int] = []
    accounts.writes("1", "окна")
    accounts.records["1"].before = lambda: (
        inner.append(reconciler(accounts).run(accounts.world.countdown(50))["another_reader"]) if not inner else None
    )
    counts = reconciler(accounts).run(accounts.world.countdown(100))
    assert (inner, counts["stored"]) == ([1], 1)
    assert len(accounts.world.doorbell.rings) == 1
