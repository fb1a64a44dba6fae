"""The CRM calls of a turn in every other CRM, counted at its strict simulator.

Real are the adapter and the responder, as in tests/flows, where the table, the bells and the time are in memory. What a
webhook or a poller calls for itself is not counted.
"""

from __future__ import annotations

import io
import warnings
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.bench.counting import call_line
from tests.contract.crm.bitrix24_world import NAME, bitrix_simulator
from tests.contract.crm.retailcrm_world import RetailcrmWorld, retailcrm_simulator
from tests.fakes.model import calls, says
from tests.flows import bitrix24_office, retailcrm_office
from tests.flows.custom_company import Shop
from tests.flows.hubspot_desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from local.simulators.journal import Call
    from tests.fakes.model import ScriptedModel

TELLS_ONLY = ["deal_changes", "event_status", "person_needed"]
WITH_TASKS = bitrix24_office.PROFILE.replace("  notes: true\n", "  notes: true\n  tasks: {allowed: true}\n")


@dataclass(frozen=True, slots=True)
class Place:
    """One account at work.

    `ask` lets the customer write and brings it in; `work` lets the responder answer; `calls` tells all that was called,
    `card` the deal as a person sees it. `field` is one that the profile lets the model write.
    """

    ask: Callable[[str], object]
    work: Callable[[], object]
    calls: Callable[[], list[Call]]
    replies: Callable[[], list[str]]
    card: Callable[[], dict[str, Any]]
    model: ScriptedModel
    field: str
    line: Callable[[Call], str] = call_line

    def turn(self, answer: str, *tools: tuple[str, dict[str, object]]) -> Counter[str]:
        """Let the customer write once and the responder answer, first by these tool calls; return what it called."""
        self.model.lines = [*([calls(*tools)] if tools else []), says(answer)]
        self.ask(f"a question before {answer}")
        before = len(self.calls())
        self.work()
        assert self.replies()[-1] == answer
        return Counter(map(self.line, self.calls()[before:]))


@dataclass(frozen=True, slots=True)
class Office:
    """One CRM: `bar` is the most calls of a plain reply."""

    name: str
    bar: int
    opened: Callable[[], AbstractContextManager[Place]]


@dataclass(frozen=True, slots=True)
class OfficeTurns:
    """What turns in one CRM call: the first of a process, a plain one, one with a field, a note and a task."""

    office: Office
    first: Counter[str]
    plain: Counter[str]
    changes: Counter[str]

    @property
    def holds(self) -> bool:
        """Whether the plain reply is within its bar."""
        return self.plain.total() <= self.office.bar


def measure(office: Office) -> OfficeTurns:
    """Answer three messages of one chat: the first fills what the process remembers."""
    with _quiet(), office.opened() as place:
        first, plain = place.turn("answer 1"), place.turn("answer 2")
        changes = place.turn(
            "answer 3",
            ("update_deal", {"fields": {place.field: "Springfield"}}),
            ("add_note", {"text": "wants a window"}),
            ("create_task", {"text": "call", "due_at": "2026-11-03T10:00:00+00:00"}),
        )
        card = place.card()
        assert card["fields"][place.field] == "Springfield"
        assert any("wants a window" in note["text"] for note in card["notes"])
        assert any("call" in task["text"] for task in card["tasks"])
    return OfficeTurns(office, first, plain, changes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the webhooks' metrics off the screen: they are lines of their output, as in AWS."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # One process has one set of dimensions in Powertools; here it serves the webhooks of several CRMs in turn.
        warnings.filterwarnings("ignore", "Dimension 'crm' has already been added")
        yield


@contextmanager
def bitrix24() -> Iterator[Place]:
    """Open a portal's office."""
    with bitrix_simulator() as simulator:
        office = bitrix24_office.Office(simulator, profile=WITH_TASKS)
        world = office.world

        def ask(text: str) -> None:
            office.says(text)
            office.brings()

        yield Place(
            ask,
            office.work,
            lambda: simulator.calls(NAME),
            world.received,
            world.card,
            office.model,
            "Город",
            lambda call: call.path.rpartition("/")[2],
        )


@contextmanager
def hubspot() -> Iterator[Place]:
    """Open a portal's desk."""
    with pytest.MonkeyPatch.context() as patch:
        desk = Desk(patch)
        with desk.simulator as simulator:
            yield Place(
                desk.customer,
                desk.work,
                lambda: simulator.calls(desk.portal.subdomain),
                lambda: desk.replies,
                lambda: desk.card,
                desk.model,
                "Товар",
            )


@contextmanager
def retailcrm() -> Iterator[Place]:
    """Open an account's office."""
    with retailcrm_simulator() as simulator:
        world = RetailcrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"))
        office = retailcrm_office.Office(world)

        def ask(text: str) -> None:
            office.customer(text)
            office.poll()

        yield Place(
            ask,
            office.work,
            lambda: simulator.calls(world.account.subdomain),
            world.received,
            world.card,
            office.model,
            "Товар",
        )


@contextmanager
def _company(**switches: Any) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        shop = Shop(patch, switches)
        with shop.simulator as simulator:
            yield Place(
                shop.customer,
                shop.work,
                lambda: simulator.calls(shop.company.subdomain),
                lambda: shop.replies,
                lambda: shop.card,
                shop.model,
                "Товар",
                lambda call: str(call.body["event_type"]),
            )


def custom_asked() -> AbstractContextManager[Place]:
    """Open a company that tells its deals when it is asked."""
    return _company()


def custom_told() -> AbstractContextManager[Place]:
    """Open a company that tells its deals with its messages."""
    return _company(supports=TELLS_ONLY)


OFFICES = (
    Office("Bitrix24", 3, bitrix24),
    Office("HubSpot", 8, hubspot),
    Office("RetailCRM", 6, retailcrm),
    Office("one's own, asked for its deals", 2, custom_asked),
    Office("one's own, tells its deals", 1, custom_told),
)
