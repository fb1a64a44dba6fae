"""The contract suite on the fake and on amoCRM's adapter against the simulator, both platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.simulators.amocrm.defaults import english_account, russian_account
from tests.contract.crm.amocrm_world import AmocrmWorld, amocrm_simulator
from tests.contract.crm.fake_world import FakeWorld
from tests.contract.crm.suite import CrmContract

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestFake(CrmContract):
    """The fake behaves as the real ones."""

    @pytest.fixture
    def world(self) -> FakeWorld:
        """Return a fresh account in memory."""
        return FakeWorld()


class TestAmocrm(CrmContract):
    """amocrm.ru: replies by Salesbot, looked up in the event list."""

    @pytest.fixture
    def world(self) -> Iterator[AmocrmWorld]:
        """Serve a fresh account."""
        with amocrm_simulator((russian_account, {}), (russian_account, {"subdomain": "other"})) as simulator:
            yield AmocrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"))


class TestKommo(CrmContract):
    """kommo.com: replies by talks, looked up in the talk's messages."""

    @pytest.fixture
    def world(self) -> Iterator[AmocrmWorld]:
        """Serve a fresh account."""
        with amocrm_simulator((english_account, {}), (russian_account, {"subdomain": "other"})) as simulator:
            yield AmocrmWorld(simulator, simulator.account("clearpanes"), simulator.account("other"))
