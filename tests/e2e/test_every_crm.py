"""The main job in every CRM of the demo but the first, whose own tests go deeper, on the same deployed stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dealtalk.connections import Mode
from local.demo.answering import Answering
from local.demo.children import child
from local.demo.connecting import ConnectedAccount, connect_all, dealtalk
from local.demo.control import Control
from local.demo.crms import DEFAULT, demo_crm, names
from local.demo.dialogue import Script
from local.demo.watcher import Watcher
from local.demo.world import World
from local.model import MODEL_NAME, EmbeddedModel
from tests.e2e.asking import wait_until
from tests.e2e.conftest import QUICK
from tests.e2e.talking import Talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.stack import Stack

pytestmark = pytest.mark.e2e


@dataclass(frozen=True, slots=True)
class Place:
    """A CRM whose simulated accounts were connected by `dealtalk connect`; the dialogue is played in the first."""

    watcher: Watcher
    account: ConnectedAccount

    @property
    def burst(self) -> str:
        """What the customer of the dialogue asks, in one message."""
        return ", ".join(self.watcher.world.crm.dialogue.burst)


@pytest.fixture(scope="module", params=[name for name in names() if name != DEFAULT])
def place(request: pytest.FixtureRequest, stack: Stack, model: EmbeddedModel) -> Iterator[Place]:
    """Run the CRM's simulator beside the stack and connect its accounts."""
    crm = demo_crm(request.param)
    with child(f"e2e-{crm.name}", crm.simulator, "--port", "0", "--state-file", "{ready}", *crm.simulator_words) as it:
        control = Control(it["control_url"])
        answering = Answering(model.base_url, MODEL_NAME, is_stand_in=True)
        accounts = connect_all(stack, control, crm, QUICK)
        yield Place(Watcher(World(stack, control, answering, crm, accounts)), accounts[0])


def test_a_burst_gets_one_reply_and_changes_the_deal(place: Place) -> None:
    """One reply; stage, fields, tags and the note as the dialogue says; nothing else is touched."""
    script = Script(place.watcher, place.account, between=0.3)
    assert script.play(lambda: None)
    assert script.differences() == []


def test_a_persons_message_silences_the_bot(place: Place) -> None:
    """The person was quicker: the bot says nothing and changes nothing, now and at the customer's next message."""
    talk = Talk(place.watcher, place.account)
    before = talk.deal()
    talk.employee("I will calculate it myself / посчитаю сам")
    talk.customer(place.burst)
    wait_until(lambda: talk.state().arrived >= 1, "the customer's message")
    wait_until(lambda: talk.state().mode is Mode.HUMAN, "the takeover")
    talk.wait_for_quiet()
    assert talk.replies() == []
    now = talk.deal()
    assert (now["stage"], now["fields"], now["notes"]) == (before["stage"], before["fields"], before["notes"])


def test_the_doctor_finds_nothing_wrong(place: Place) -> None:
    """What connect has made, doctor finds in order."""
    said = dealtalk(place.watcher.world.stack, ("doctor", "--json"), ("--connection", place.account.connection))
    assert said["problems"] == 0
