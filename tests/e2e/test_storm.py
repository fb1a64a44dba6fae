"""A small storm on a stack of its own; `make storm` is the whole one."""

from __future__ import annotations

import pytest

from tests.storm.report import report
from tests.storm.running import SMALL, storm

pytestmark = pytest.mark.e2e

SEED = 1


def test_no_invariant_breaks_in_a_small_storm() -> None:
    """Sixty customers, doubled webhooks, failing CRM and model, killed workers: the seven invariants hold."""
    over = storm(SMALL, SEED)
    assert over.verdict.violations == [], report(over)
    assert len(over.records.talks) == SMALL.customers
    assert over.kills > 0
    assert over.faults.total() > 0
    assert over.model_failures.total() > 0
