"""Two chats that share a deal write one after the other."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from dealtalk.conversation.deal_lease import LEASE_SECONDS, DealLease
from dealtalk.errors import Retryable
from tests.fakes.clock import FakeClock
from tests.fakes.table import MemoryTable


def leases() -> tuple[DealLease, DealLease, FakeClock]:
    """Return the leases of two owners on one table."""
    table, clock = MemoryTable(), FakeClock()
    one, two = (DealLease(table, clock, crm="amocrm", account="1", owner=owner) for owner in ("one", "two"))
    return one, two, clock


def test_a_held_deal_is_not_written_by_another() -> None:
    """The second waits a few seconds, then comes back later."""
    one, two, clock = leases()
    with one.held("500"):
        with pytest.raises(Retryable), two.held("500"):
            pytest.fail("two owners hold one deal")
        assert 0 < sum(clock.slept) <= 5


def test_a_released_deal_is_free_at_once() -> None:
    """No waiting after the first is done, nor after it failed."""
    one, two, clock = leases()
    with pytest.raises(ZeroDivisionError), one.held("500"):
        raise ZeroDivisionError
    with two.held("500"):
        assert clock.slept == []


def test_a_dead_owners_lease_ends() -> None:
    """After 30 seconds another may write; the late owner's release does not free the new one's lease."""
    one, two, clock = leases()
    late = ExitStack()
    late.enter_context(one.held("500"))
    clock.forward(seconds=LEASE_SECONDS)
    with two.held("500"):
        late.close()
        with pytest.raises(Retryable), one.held("500"):
            pytest.fail("two owners hold one deal")


def test_other_deals_are_free() -> None:
    """A lease is on one deal."""
    one, two, clock = leases()
    with one.held("500"), two.held("501"):
        assert clock.slept == []
