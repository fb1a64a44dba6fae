"""What tokens cost by a profile's prices."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dealtalk.agent.profile import Profile
    from dealtalk.ports import Usage


def cost_micro_usd(profile: Profile, usage: Usage) -> int:
    """Return what the tokens cost, in millionths of a US dollar, rounded half up."""
    prices = profile.model.prices
    cached = min(usage.cached, usage.input)
    cost = (usage.input - cached) * prices.input + cached * prices.cached_input + usage.output * prices.output
    return int(Decimal(cost).quantize(Decimal(1), ROUND_HALF_UP))
