"""The contract suite on Bitrix24's adapter against the simulator: both interfaces, both ways in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Auth
from tests.contract.crm.bitrix24_world import BitrixWorld, bitrix_simulator
from tests.contract.crm.suite import CrmContract

if TYPE_CHECKING:
    from collections.abc import Iterator


class TestWebhook(CrmContract):
    """An incoming webhook and a version 2 bot with its token."""

    @pytest.fixture
    def world(self) -> Iterator[BitrixWorld]:
        """Serve a fresh portal."""
        with bitrix_simulator() as simulator:
            yield BitrixWorld(simulator)


class TestOlderBot(CrmContract):
    """An incoming webhook and a version 1 bot with its CLIENT_ID."""

    @pytest.fixture
    def world(self) -> Iterator[BitrixWorld]:
        """Serve a fresh portal."""
        with bitrix_simulator() as simulator:
            yield BitrixWorld(simulator, api="v1")


class TestApp(CrmContract):
    """A local app with OAuth tokens."""

    @pytest.fixture
    def world(self) -> Iterator[BitrixWorld]:
        """Serve a fresh portal."""
        with bitrix_simulator() as simulator:
            yield BitrixWorld(simulator, auth=Auth.OAUTH)
