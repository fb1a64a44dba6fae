"""A CRM of one's own passes the suite: as a receiver that is asked, and as one that only tells."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dealtalk.deals import SetPrice
from dealtalk.errors import NeedsAttention, RateLimited
from tests.contract.crm.custom_world import custom_world
from tests.contract.crm.suite import CrmContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.crm.custom_world import CustomWorld
    from tests.contract.crm.world import World


class TestAskedReceiver(CrmContract):
    """A receiver that tells its deals when it is asked, and signs."""

    @pytest.fixture
    def world(self) -> Iterator[CustomWorld]:
        """Serve a company whose program understands everything."""
        yield from custom_world(signing_secret="s" * 32)


class TestTellingReceiver(CrmContract):
    """A receiver whose deals are known from its messages only; a deal is read from what it told, without a call."""

    @pytest.fixture
    def world(self) -> Iterator[CustomWorld]:
        """Serve a company whose program cannot be asked for its deals."""
        yield from custom_world(supports=["deal_changes", "event_status", "person_needed"], answers_deal=False)

    def test_too_many_requests_is_a_rate_limit_with_a_pause(self, world: World) -> None:
        """A change is the first call: the caller learns how long nobody may call, and the next try works."""
        schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
        world.refuse_requests()

        with pytest.raises(RateLimited) as refused:
            world.crm.update_deal(deal, [SetPrice(Decimal(700))], schema)

        assert refused.value.after
        assert world.crm.read_deal(world.deal_id).id == world.deal_id

    def test_a_dead_token_needs_attention(self, world: World) -> None:
        """A token that was changed over there is the integrator's matter, not a retry."""
        world.kill_token()

        with pytest.raises(NeedsAttention):
            world.crm.send(world.chat, world.deal_id, "Добрый день!")
