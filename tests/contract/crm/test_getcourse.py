"""GetCourse: replies by the custom channel, orders by the import API, and what it has no place for."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from dealtalk.connections import Connection
from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, SetField, SetPrice
from dealtalk.errors import DealGone, NeedsAttention, OutcomeUnknown, RateLimited
from dealtalk.ports import Certainty
from local.simulators.clock import ManualClock
from local.simulators.getcourse.simulator import KEY, STUDENT, GetcourseSimulator, school
from tests.contract.crm.custom_world import CustomWorld
from tests.contract.crm.world import START, GivenSecrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.deals import DealUpdate


@dataclass
class School(CustomWorld):
    """A school with an order and its chat."""

    def __post_init__(self) -> None:
        """Give the connection's secret both keys."""
        super().__post_init__()
        self.secrets = GivenSecrets({"token": {"token": self.simulator.token("okna"), "import_key": KEY}})
        self.crm = self.open()

    def connection(self, **options: Any) -> Connection:
        """Return the school's connection: its own host for imports, the chat's for replies."""
        given = {"callback_url": self.simulator.callback_url("okna"), "supports": self.company.settings.supports}
        base = self.simulator.account("okna").base_url
        return Connection("getcourse", "c1", "okna", base, "token", "p", options={**given, **options})

    def imports(self) -> list[dict[str, Any]]:
        """Return the params of all imports."""
        calls = self.simulator.calls("okna", path_regex="/pl/api/deals")
        forms = [parse_qs(call.body) for call in calls]
        return [json.loads(base64.b64decode(form["params"][0])) for form in forms]


@pytest.fixture
def world() -> Iterator[School]:
    """Serve two schools."""
    schools = [partial(school, subdomain=name) for name in ("okna", "other")]
    with GetcourseSimulator(schools, clock=ManualClock(START.timestamp())) as simulator:
        yield School(simulator)


def test_changes_of_an_order_are_one_import(world: School) -> None:
    """By the order's number and the student's e-mail; statuses as codes, people as e-mails, fields by name."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    wished: list[DealUpdate] = [
        MoveStage("orders", "in_work"),
        SetPrice(Decimal("12900.50")),
        Assign("manager@example.test"),
        SetField("city", "Уфа & Co"),
    ]
    results = world.crm.update_deal(deal, wished, schema)
    assert [result.applied for result in results] == [True] * 4
    assert results[0].new == "Заказы / В работе"
    assert world.imports() == [
        {
            "user": {"email": STUDENT},
            "system": {"refresh_if_exists": 1},
            "deal": {
                "deal_number": world.deal_id,
                "deal_status": "in_work",
                "deal_cost": "12900.50",
                "manager_email": "manager@example.test",
                "addfields": {"Город": "Уфа & Co"},
            },
        }
    ]
    order = world.company.deals[world.deal_id]
    assert (order.stage_id, order.price, order.fields) == ("in_work", "12900.50", {"city": "Уфа & Co"})


def test_what_was_imported_is_known_to_the_next_turn(world: School) -> None:
    """GetCourse cannot be asked; its own word is the read-back."""
    schema = world.crm.read_schema()
    world.crm.update_deal(world.crm.read_deal(world.deal_id), [MoveStage("orders", "in_work")], schema)
    assert world.open().read_deal(world.deal_id).stage_id == "in_work"


def test_tags_are_refused_in_words_and_the_rest_is_done(world: School) -> None:
    """The import has no tags."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    tag, price = world.crm.update_deal(deal, [AddTag("vip"), SetPrice(Decimal(5))], schema)
    assert (tag.refusal, price.applied) == ("GetCourse's import has no tags for orders.", True)


def test_a_refused_import_is_told_in_getcourses_words(world: School) -> None:
    """All of it: an import is all or nothing."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    results = world.crm.update_deal(deal, [SetPrice(Decimal(5)), Assign("nobody@example.test")], schema)
    assert [result.refusal for result in results] == ["GetCourse refused the change: unknown manager"] * 2
    assert world.company.deals[world.deal_id].price is None


def test_without_an_e_mail_nothing_is_imported(world: School) -> None:
    """A new person would be made by a wrong one."""
    world.company.deals[world.deal_id].contact_fields = {}
    world.company.deals[world.deal_id].version += 1
    world.customer_writes("ещё")
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    [result] = world.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    assert result.refusal == "The customer's e-mail is not known, and GetCourse finds people by it."
    assert world.imports() == []


def test_notes_and_tasks_become_comments(world: School) -> None:
    """The import has neither; a task's time stands in its text."""
    world.crm.add(world.deal_id, AddNote("Хочет рассрочку", "m1"))
    task = world.crm.add(world.deal_id, AddTask("Позвонить", world.now() + timedelta(hours=1), "m2"))
    assert task.applied
    assert world.notes() == ["Хочет рассрочку", "Позвонить (2026-11-02 10:00 UTC)"]
    assert world.crm.was_added(world.deal_id, AddNote("Хочет рассрочку", "m1"), world.now()) is Certainty.UNKNOWN


def test_comments_may_be_switched_off(world: School) -> None:
    """It is not verified whether a comment is added or replaces the last."""
    crm = world.open(comments=False)
    assert not crm.add(world.deal_id, AddNote("note", "m")).applied
    assert world.imports() == []


def test_a_wrong_key_needs_attention(world: School) -> None:
    """GetCourse answers 200 and says so in the body."""
    world.secrets.values["token"]["import_key"] = "another"
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    with pytest.raises(NeedsAttention, match="key is wrong"):
        world.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    del world.secrets.values["token"]["import_key"]
    with pytest.raises(NeedsAttention, match="import_key"):
        world.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)


@pytest.mark.parametrize(("kind", "status", "error"), [("status", 429, RateLimited), ("drop_after", 0, OutcomeUnknown)])
def test_limits_and_lost_answers_are_what_they_are_everywhere(
    world: School, kind: str, status: int, error: type[Exception]
) -> None:
    """An import is not sent a second time by itself: it has no id that GetCourse would know."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    world.simulator.fault(kind, "okna", status=status or 500, count=1)
    with pytest.raises(error):
        world.crm.update_deal(deal, [SetPrice(Decimal(5))], schema)
    assert len(world.imports()) == 1


def test_replies_go_by_the_channel(world: School) -> None:
    """GetCourse has no public chat API."""
    world.crm.send(world.chat, world.deal_id, "Здравствуйте!")
    world.crm.leave_to_person(world.chat)
    assert world.received() == ["Здравствуйте!"]
    assert world.company.chats[world.chat_id].left_to_person == 1


def test_a_stranger_s_order_is_not_known(world: School) -> None:
    """Nobody told of it here."""
    with pytest.raises(DealGone):
        world.crm.read_deal(world.strangers_deal)
