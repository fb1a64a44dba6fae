"""One stack for all end-to-end tests: the project's template on the emulator, with the roles enforced.

The simulated CRM and the stand-in model run inside the tests' process, so that tests can tell them to misbehave.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from local.demo.answering import Answering
from local.demo.connecting import ConnectedAccount, connect_all
from local.demo.control import Control
from local.demo.crms import demo_crm
from local.demo.watcher import Watcher
from local.demo.world import World
from local.model import MODEL_NAME, EmbeddedModel
from local.simulators.amocrm import AmocrmSimulator, english_account, russian_account
from local.stack import Stack, up

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = {"timing": {"quiet_seconds": 1}}


@pytest.fixture(scope="session")
def model() -> Iterator[EmbeddedModel]:
    """Return the stand-in that answers."""
    with EmbeddedModel() as running:
        yield running


@pytest.fixture(scope="session")
def simulator() -> Iterator[AmocrmSimulator]:
    """Return the simulated CRM: an account on amocrm.ru, one on kommo.com, one on amocrm.ru that tells of its replies.

    The third stands for an account whose webhook, saved by hand, takes outgoing messages too.
    """
    telling = partial(russian_account, subdomain="oknatelling", accepts_add_outgoing_message=True)
    with AmocrmSimulator([russian_account, english_account, telling], time_factor=600) as running:
        yield running


@pytest.fixture(scope="session")
def stack(model: EmbeddedModel) -> Iterator[Stack]:
    """Deploy once for the session, AUTH=true, with a short quiet time."""
    with up(model.base_url, MODEL_NAME, auth=True, parameters={"QuietSeconds": "1"}) as running:
        yield running


@pytest.fixture(scope="session")
def world(stack: Stack, simulator: AmocrmSimulator, model: EmbeddedModel) -> World:
    """Return the stack with all accounts connected by `dealtalk connect`."""
    control = Control(simulator.control_url)
    answering = Answering(model.base_url, MODEL_NAME, is_stand_in=True)
    amocrm = demo_crm("amocrm")
    return World(stack, control, answering, amocrm, connect_all(stack, control, amocrm, QUICK))


@pytest.fixture(scope="session")
def watcher(world: World) -> Watcher:
    """Return who reads what happened."""
    return Watcher(world)


@pytest.fixture
def amocrm(world: World) -> ConnectedAccount:
    """Return the account on amocrm.ru, which sends no outgoing messages by webhook."""
    return world.account("oknamaster")


@pytest.fixture
def kommo(world: World) -> ConnectedAccount:
    """Return the account on kommo.com."""
    return world.account("clearpanes")


@pytest.fixture
def telling(world: World) -> ConnectedAccount:
    """Return the account on amocrm.ru whose webhook brings outgoing messages."""
    return world.account("oknatelling")
