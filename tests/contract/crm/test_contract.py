"""The contract suite on the fake and on amoCRM's adapter against the simulator, both platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.simulators.amocrm.defaults import english_account, russian_account
from local.simulators.hubspot import english_portal, russian_portal
from tests.contract.crm.amocrm_world import AmocrmWorld, amocrm_simulator
from tests.contract.crm.fake_world import FakeWorld
from tests.contract.crm.hubspot_world import HubspotWorld, hubspot_simulator
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


class TestHubspot(CrmContract):
    """HubSpot: replies into threads, deals through the thread's contact, tags in a property."""

    @pytest.fixture
    def world(self) -> Iterator[HubspotWorld]:
        """Serve a fresh portal."""
        with hubspot_simulator((russian_portal, {}), (english_portal, {})) as simulator:
            yield HubspotWorld(simulator, simulator.account("oknamaster"), simulator.account("clearpanes"))


class TestHubspotUnknown(CrmContract):
    """What is not known comes the other way: own messages look like a user's, a PATCH shows nothing."""

    @pytest.fixture
    def world(self) -> Iterator[HubspotWorld]:
        """Serve a fresh portal."""
        switches = {"own_client": "HUBSPOT", "patch_shows": False, "reply_assigns": True}
        with hubspot_simulator((russian_portal, switches), (english_portal, {})) as simulator:
            yield HubspotWorld(simulator, simulator.account("oknamaster"), simulator.account("clearpanes"))
