"""RetailCRM's orders: which one is a chat's, what a turn costs, positions, comments, refusals."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, SetField, SetPrice
from dealtalk.errors import DealGone, NeedsAttention, OutcomeUnknown
from dealtalk.ports import Certainty
from local.simulators.retailcrm import chats
from tests.contract.crm.retailcrm_world import RetailcrmWorld, retailcrm_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.deals import DealUpdate


@pytest.fixture
def world() -> Iterator[RetailcrmWorld]:
    """Serve a fresh account whose schema is remembered."""
    with retailcrm_simulator() as simulator:
        made = RetailcrmWorld(simulator, simulator.account("oknamaster"), simulator.account("other"))
        made.known = made.open().read_schema()
        made.crm = made.open()
        yield made


def changed(world: RetailcrmWorld, *updates: DealUpdate) -> list[Any]:
    """Return the results of updates to the world's order."""
    schema = world.crm.read_schema()
    return world.crm.update_deal(world.crm.read_deal(world.deal_id), updates, schema)


def another_order(world: RetailcrmWorld, status: str = "new") -> str:
    """Give the customer one more order, which is bound to no dialog, and unbind the first."""
    customer = world.account.customers[world.order.customer_id]
    order = chats.new_order(world.account, customer)
    order.status = status
    world.order.dialog_id = None
    return str(order.id)


def test_a_plain_turn_makes_six_calls_at_most(world: RetailcrmWorld) -> None:
    """Find the customer and the order, read it for nothing, ask for people twice, send."""
    crm = world.open()
    order = crm.find_deal(world.chat)
    assert order is not None
    crm.read_deal(order, with_contact=True)
    crm.employee_wrote(world.chat, world.now())
    crm.send(world.chat, order, "Добрый день!")
    assert crm.calls == 5


def test_an_order_is_read_anew_the_second_time(world: RetailcrmWorld) -> None:
    """What was found is the order as it was: under the lease it is looked at again."""
    crm = world.open()
    order = crm.find_deal(world.chat)
    assert order is not None
    assert crm.read_deal(order).stage_id == "incoming"
    world.simulator.edit_lead("oknamaster", int(order), {"status": "measurement"})
    assert crm.read_deal(order).stage_id == "measurement"


def test_the_order_of_the_dialog_comes_before_newer_ones(world: RetailcrmWorld) -> None:
    """A person bound it: it is the one that is talked about."""
    customer = world.account.customers[world.order.customer_id]
    chats.new_order(world.account, customer)
    assert world.crm.find_deal(world.chat) == world.deal_id


def test_the_only_open_order_of_the_customer_is_the_chat_s(world: RetailcrmWorld) -> None:
    """Ended ones are passed over, whatever their final status is called."""
    other = another_order(world)
    world.order.status = "no-product"
    assert world.open().find_deal(world.chat) == other


def test_several_open_orders_are_ambiguous(world: RetailcrmWorld) -> None:
    """Then the bot answers and touches none, unless the connection says that the newest is meant."""
    newest = another_order(world)
    assert world.open().find_deal(world.chat) is None
    assert world.open(order_choice="newest").find_deal(world.chat) == newest


def test_a_customer_without_an_order_has_no_deal(world: RetailcrmWorld) -> None:
    """Neither has a chat whose customer the CRM does not know."""
    chat_id, order = world.simulator.open_chat("oknamaster", kind="contact")
    assert order is None
    chat = world.chat_of(chat_id)
    assert world.open().find_deal(chat) is None
    world.account.customers.clear()
    assert world.open().find_deal(chat) is None


def test_the_customer_comes_with_the_order(world: RetailcrmWorld) -> None:
    """Name and own fields, without a further call."""
    world.account.customers[world.order.customer_id].values = {"birthplace": "Реклама"}
    contact = world.crm.read_deal(world.deal_id, with_contact=True).contact
    assert contact is not None
    assert (contact.name, contact.fields) == ("Иван Петров", {"birthplace": "Реклама"})


def test_a_status_moves_alone_where_the_type_stays(world: RetailcrmWorld) -> None:
    """An order's type is only written where another pipeline is meant."""
    [result] = changed(world, MoveStage("sales", "qualification"))
    assert result.applied
    [edit] = world.simulator.calls("oknamaster", method="POST", path_regex="/edit$")
    assert "orderType" not in edit.body


def test_the_amount_of_an_order_without_positions_is_one_of_ours(world: RetailcrmWorld) -> None:
    """It is put in, and changed later, as a position without a product."""
    assert changed(world, SetPrice(Decimal("45000.50")))[0].applied
    assert changed(world, SetPrice(Decimal(40000)))[0].applied
    assert [(item.name, item.price) for item in world.order.items] == [("Dealtalk", Decimal(40000))]


@pytest.mark.parametrize(
    ("prices", "offer", "delivery"),
    [(("100", "200"), None, "0"), (("100",), 7, "0"), (("100",), None, "300"), ((), None, "300")],
)
def test_an_amount_that_is_added_up_is_left_alone(
    world: RetailcrmWorld, prices: tuple[str, ...], offer: int | None, delivery: str
) -> None:
    """Several positions, a product of the catalogue, delivery: a person must change them."""
    world.order.items = [chats.position(world.account, "Окно", price, offer_id=offer) for price in prices]
    world.order.delivery_cost = Decimal(delivery)
    [result] = changed(world, SetPrice(Decimal(5)))
    assert not result.applied
    assert "positions" in (result.refusal or "")
    assert [str(item.price) for item in world.order.items] == list(prices)


def test_the_amount_is_left_alone_where_the_connection_says_so(world: RetailcrmWorld) -> None:
    """It is a switch, since the vendor's pages do not say it."""
    world.crm = world.open(write_price=False)
    assert not changed(world, SetPrice(Decimal(5)))[0].applied


def test_a_refusal_is_given_to_the_change_that_caused_it(world: RetailcrmWorld) -> None:
    """The others say that they were not written because of it, and nothing was."""
    results = changed(world, SetField("city", "Уфа"), MoveStage("sales", "gone"), Assign(world_manager(world)))
    assert [result.applied for result in results] == [False] * 3
    assert "does not exist" in (results[1].refusal or "")
    assert "another change" in (results[0].refusal or "")
    assert world.order.values == {}


def test_a_field_s_refusal_is_found_by_its_code(world: RetailcrmWorld) -> None:
    """`customFields[mail]` is the field's own place."""
    results = changed(world, SetField("mail", "no mail"), SetField("city", "Уфа"))
    assert "not valid" in (results[0].refusal or "")
    assert "another change" in (results[1].refusal or "")


@pytest.mark.parametrize("place", ["customFields[mail]", "customFields.mail", "customFields[mail][0]"])
def test_a_place_is_the_field_s_however_it_is_written(world: RetailcrmWorld, place: str) -> None:
    """And never a field's whose code only begins alike."""
    short = replace(world.account.fields["order", "city"], code="mai", name="Май")
    world.account.fields["order", "mai"] = short
    body = {"success": False, "errorMsg": "Order is not loaded", "errors": {place: "This is wrong."}}
    world.simulator.fault("status", path="/edit$", status=400, body=body)
    schema = world.crm.read_schema()
    deal = world.crm.read_deal(world.deal_id)
    updates = [SetField("mai", "Уфа"), SetField("mail", "a@b.ru")]
    results = world.crm.update_deal(deal, updates, schema)
    assert "another change" in (results[0].refusal or "")
    assert "This is wrong." in (results[1].refusal or "")


def test_tags_are_the_customer_s_and_a_request_of_their_own(world: RetailcrmWorld) -> None:
    """The order's edit goes first; a tag that is there already is no error."""
    results = changed(world, AddTag("ии"), MoveStage("sales", "qualification"), AddTag("ИИ"))
    assert [result.applied for result in results] == [True] * 3
    assert world.account.customers[world.order.customer_id].tags == ["ии"]
    paths = [call.path for call in world.simulator.calls("oknamaster", method="POST")]
    assert [path.split("/")[3] for path in paths] == ["orders", "customers"]


def test_refused_tags_do_not_undo_the_order_s_edit(world: RetailcrmWorld) -> None:
    """Each result says what came of it."""
    world.simulator.fault("status", path="/customers/", method="POST", status=400, count=1)
    results = changed(world, AddTag("ии"), MoveStage("sales", "qualification"))
    assert [result.applied for result in results] == [False, True]


def test_tags_can_be_switched_off(world: RetailcrmWorld) -> None:
    """Where they mean something else in this account."""
    world.crm = world.open(tags=False)
    assert not changed(world, AddTag("ии"))[0].applied


def test_a_note_stands_below_what_people_wrote(world: RetailcrmWorld) -> None:
    """Nothing of the manager's comment is lost, also what came since the order was read."""
    world.crm.read_deal(world.deal_id)
    world.order.manager_comment = "Звонить после шести"
    world.crm.add(world.deal_id, AddNote("Хочет три окна", "m1"))
    world.crm.add(world.deal_id, AddNote("И дверь\n\n#dt:m9", "m2"))
    assert world.notes() == ["Звонить после шести", "Хочет три окна\n#dt:m1", "И дверь\n#dt:m2"]
    assert world.crm.was_added(world.deal_id, AddNote("x", "m9"), world.now()) is Certainty.NO


def test_a_task_s_mark_stands_in_its_commentary(world: RetailcrmWorld) -> None:
    """The task reads as it was meant; it is due by the account's clock."""
    due = world.now() + timedelta(hours=1)
    world.crm.add(world.deal_id, AddTask("Позвонить", due, "t1"))
    [task] = world.account.tasks.values()
    assert (task.text, task.commentary, task.due) == ("Позвонить", "#dt:t1", "2026-11-02 13:00")


def test_a_task_needs_somebody(world: RetailcrmWorld) -> None:
    """The order's manager, else whom the connection names; else it is refused in a sentence."""
    world.order.manager_id = None
    task = AddTask("Позвонить", world.now(), "t1")
    refused = world.open().add(world.deal_id, task)
    assert not refused.applied
    assert "person" in (refused.refusal or "")
    assert world.open(task_manager_id=world_manager(world)).add(world.deal_id, task).applied


def test_an_order_that_goes_between_reading_and_writing_is_gone(world: RetailcrmWorld) -> None:
    """Not refused: the conversation has no deal any more."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    world.delete_deal()
    with pytest.raises(DealGone):
        world.crm.update_deal(deal, [MoveStage("sales", "qualification")], schema)


def test_a_read_back_that_fails_leaves_the_outcome_open(world: RetailcrmWorld) -> None:
    """The edit was sent: it must be asked about, not repeated."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    world.simulator.fault("status", method="GET", path=r"/orders/\d+$", status=500, count=2)
    with pytest.raises(OutcomeUnknown):
        world.crm.update_deal(deal, [MoveStage("sales", "qualification")], schema)


def test_a_key_without_a_right_needs_attention(world: RetailcrmWorld) -> None:
    """The integrator must give it; nothing is repeated."""
    world.secrets.values["keys"]["api_key"] = world.simulator.api_key("oknamaster", {"order_read"})
    schema, deal = world.crm.read_schema, world.crm.read_deal(world.deal_id)
    assert deal.id == world.deal_id
    with pytest.raises(NeedsAttention, match="right"):
        schema()


def world_manager(world: RetailcrmWorld) -> str:
    """Return the second person's id."""
    return str(list(world.account.users)[1])


class TestWithoutAnOrder:
    """A chat whose customer has ordered nothing yet: notes and tasks stand with the customer."""

    @pytest.fixture
    def place(self, world: RetailcrmWorld) -> str:
        """Return the place of a chat without an order."""
        chat_id, _ = world.simulator.open_chat("oknamaster", contact="Вера", kind="contact")
        found = world.crm.place_for_notes(world.chat_of(chat_id))
        assert found is not None
        return found

    def test_a_note_is_written_once_and_found(self, world: RetailcrmWorld, place: str) -> None:
        """On the customer."""
        note = AddNote("Просит позвонить", "m1")
        assert world.crm.was_added(place, note, world.now()) is Certainty.NO
        assert world.crm.add(place, note).applied
        assert world.open().was_added(place, note, world.now()) is Certainty.YES
        [kept] = world.account.notes.values()
        assert world.account.customers[kept.customer_id].name == "Вера"

    def test_a_task_is_the_named_person_s(self, world: RetailcrmWorld, place: str) -> None:
        """It names the customer."""
        task = AddTask("Позвонить", world.now(), "t1", person_id=world_manager(world))
        assert world.crm.add(place, task).applied
        assert world.open().was_added(place, task, world.now()) is Certainty.YES
        [kept] = world.account.tasks.values()
        assert (kept.order_id, world.account.customers[kept.customer_id or 0].name) == (None, "Вера")

    def test_a_customer_that_the_crm_does_not_know_has_no_place(self, world: RetailcrmWorld, place: str) -> None:
        """Nothing can be written then, and it is said."""
        world.account.customers.clear()
        with pytest.raises(DealGone):
            world.crm.add(place, AddNote("x", "m1"))
