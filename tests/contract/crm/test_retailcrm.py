"""The contract suite on RetailCRM's adapter against the simulator: notes as comments, and as notes on the customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.crm.retailcrm_world import RetailcrmWorld, retailcrm_simulator
from tests.contract.crm.suite import CrmContract

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestRetailcrm(CrmContract):
    """An account as the vendor ships it."""

    @pytest.fixture
    def world(self) -> Iterator[RetailcrmWorld]:
        """Serve a fresh account."""
        with retailcrm_simulator() as simulator:
            yield RetailcrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"))


class TestManySites(CrmContract):
    """A key for several stores, objects that are never lists, notes on the customer, 429 for too many requests."""

    @pytest.fixture
    def world(self) -> Iterator[RetailcrmWorld]:
        """Serve a fresh account."""
        switches = {"many_sites": True, "empty_as_list": False, "limit_status": 429, "system_messages": False}
        with retailcrm_simulator(**switches) as simulator:
            options = {"note_kind": "customer"}
            yield RetailcrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"), options)
