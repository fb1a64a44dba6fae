"""What a turn costs by the profile's prices."""

from __future__ import annotations

import pytest

from dealtalk.agent.cost import cost_micro_usd
from dealtalk.ports import Usage
from tests.unit.agent.accounts import profile

PRICED = profile("model: {prices: {input: 0.40, cached_input: 0.10, output: 1.60}}")


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(1000, 400, 50), 360),
        (Usage(1, 0, 0), 0),
        (Usage(0, 0, 10), 16),
        (Usage(5, 0, 0), 2),
        (Usage(10, 99, 0), 1),
    ],
)
def test_cost_is_counted_in_millionths_of_a_dollar(usage: Usage, cost: int) -> None:
    """Cached tokens have their own price, cannot be more than all, and halves are rounded up."""
    assert cost_micro_usd(PRICED, usage) == cost


def test_without_prices_nothing_is_claimed() -> None:
    """A profile that names no prices shows a cost of nothing."""
    assert cost_micro_usd(profile(), Usage(1000, 0, 1000)) == 0
