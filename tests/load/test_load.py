"""After an outage everybody is answered, in order and without a stampede; a slow account slows nobody else."""

from __future__ import annotations

import pytest

from tests.load.scenes import Recovery, crm_outage, model_outage, slow_neighbour
from tests.load.town import VENDOR_LIMIT

QUICK_ENOUGH = 30.0
"""Seconds within which a quick account's customers are answered, whatever the slow one does; alone it takes 9."""


@pytest.fixture(scope="module")
def outage() -> Recovery:
    """Let an account's CRM be down for an hour; a hundred customers write meanwhile, five after it."""
    return crm_outage(customers=100, workers=20, live=5)


def test_after_an_outage_of_the_crm_everybody_is_answered(outage: Recovery) -> None:
    """Within the longest rest, the sweeper's minute and the time that the calls themselves take."""
    assert outage.unanswered == 0
    assert outage.last <= 120 + 60 + 100 * 5 / 3.5 + 60


def test_the_backlog_is_worked_off_at_about_half_of_the_vendors_limit(outage: Recovery) -> None:
    """No second has more calls than that and one turn's beginning; the limit is never met."""
    assert outage.most_calls <= VENDOR_LIMIT / 2 + 2
    assert outage.mean_calls <= VENDOR_LIMIT / 2
    assert outage.refused == 0
    busiest = max(calls for _, calls in outage.per_minute)
    assert busiest / 60 >= VENDOR_LIMIT / 2 * 0.7


def test_the_backlog_is_worked_off_oldest_first(outage: Recovery) -> None:
    """Those who are answered at the same time may change places, nobody waits for a minute's newer ones."""
    assert outage.overtaken <= 20


def test_an_outage_kills_no_doorbell(outage: Recovery) -> None:
    """An hour of failures burns no receives: the dead-letter queue stays empty."""
    assert outage.dead_letters == 0


def test_who_writes_while_the_backlog_is_worked_off_is_answered_too(outage: Recovery) -> None:
    """Behind those who have waited longer, and not much later than the last of them."""
    assert len(outage.live_waits) == 5
    assert max(outage.live_waits) <= outage.last + 30


def test_after_an_outage_of_the_model_everybody_is_answered() -> None:
    """A hundred customers of five accounts; nobody is handed over before the profile's ten minutes."""
    came = model_outage(customers=100, accounts=5, workers=20)
    assert (came.unanswered, came.dead_letters) == (0, 0)
    assert came.last <= 120 + 60 + 120


def test_an_account_whose_calls_take_half_a_minute_does_not_slow_another() -> None:
    """A hundred of its chats wait; its share of the workers is half, and the other account never notices."""
    came = slow_neighbour(workers=10)
    assert came.most_workers <= 5
    assert max(came.quick) <= QUICK_ENOUGH
    assert came.unanswered == 0


def test_without_slots_it_would() -> None:
    """The measure can fail: with nobody counted the quick account's customers wait for minutes."""
    assert max(slow_neighbour(workers=10, slots=0).quick) > 10 * QUICK_ENOUGH
