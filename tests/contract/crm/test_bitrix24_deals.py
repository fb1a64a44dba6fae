"""Deals of Bitrix24: what a turn costs, what the read-back finds, refusals, leads, tags."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dealtalk.deals import AddNote, AddTag, AddTask, Assign, FieldKind, MoveStage, SetField, SetPrice
from dealtalk.errors import CrmUnavailable, NeedsAttention, OutcomeUnknown, RateLimited
from dealtalk.ports import Certainty
from local.simulators.bitrix24.defaults import TAGS_FIELD
from tests.contract.crm.bitrix24_world import NAME, BitrixWorld, bitrix_simulator
from tests.contract.crm.suite import field_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.deals import DealSchema, DealUpdate, FieldSchema
    from local.simulators.bitrix24 import BitrixSimulator


@pytest.fixture
def simulator() -> Iterator[BitrixSimulator]:
    """Serve two portals."""
    with bitrix_simulator() as made:
        yield made


@pytest.fixture
def world(simulator: BitrixSimulator) -> BitrixWorld:
    """Return the usual world."""
    return BitrixWorld(simulator)


def named(schema: DealSchema, name: str) -> FieldSchema:
    """Return the field of this name."""
    [found] = schema.fields_named(name)
    return found


def test_a_plain_turn_costs_three_calls(world: BitrixWorld) -> None:
    """One batch to read, one to see that no person has the dialog, one send."""
    before = len(world.methods())
    crm = world.open()

    deal_id = crm.find_deal(world.chat)
    assert deal_id is not None
    crm.read_deal(deal_id, with_contact=True)
    crm.employee_wrote(world.chat, world.now() - timedelta(hours=4))
    crm.send(world.chat, deal_id, "Здравствуйте!")

    assert world.methods(before) == ["batch", "batch", "imbot.v2.Chat.Message.send"]
    assert crm.calls == 3


def test_a_change_is_written_and_read_back_in_one_call(world: BitrixWorld) -> None:
    """The batch holds both commands."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    before = len(world.methods())

    world.crm.update_deal(deal, [SetPrice(Decimal(10))], schema)

    assert world.methods(before) == ["batch"]


def test_a_field_that_the_portal_no_longer_has_is_not_claimed(world: BitrixWorld) -> None:
    """It ignores the unknown in silence; the read-back does not show the value."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    field = field_of(schema, FieldKind.TEXT)
    del world.portal.fields[field.id]

    results = world.crm.update_deal(deal, [SetField(field.id, "Уфа"), SetPrice(Decimal(5))], schema)

    assert [result.applied for result in results] == [False, True]
    assert results[0].refusal


def test_a_refusal_is_given_to_the_field_that_it_names(world: BitrixWorld) -> None:
    """The others say that they were not written because of it."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    field = field_of(schema, FieldKind.SELECT)
    world.portal.fields[field.id].items.clear()
    wished: list[DealUpdate] = [SetField(field.id, field.options[0].name), SetPrice(Decimal(5))]

    first, second = world.crm.update_deal(deal, wished, schema)

    assert not first.applied
    assert "refused this change" in (first.refusal or "")
    assert "another change" in (second.refusal or "")
    assert world.card()["price"] is None


def test_a_stage_of_another_pipeline_goes_with_its_pipeline(world: BitrixWorld) -> None:
    """crm.item.update takes both ids together."""
    schema = world.crm.read_schema()
    [other] = schema.pipelines_named("Поддержка")
    urgent = next(stage for stage in other.stages if stage.name == "Срочно")

    [result] = world.crm.update_deal(world.crm.read_deal(world.deal_id), [MoveStage(other.id, urgent.id)], schema)

    assert (result.applied, result.new) == (True, "Поддержка / Срочно")
    assert (world.card()["pipeline"], world.card()["stage"]) == ("Поддержка", "Срочно")


def test_money_and_whole_numbers_are_written_as_the_portal_wants_them(world: BitrixWorld) -> None:
    """With the deal's currency; a half floor is refused here already."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    deposit, floors = named(schema, "Предоплата"), named(schema, "Этажи")

    [paid] = world.crm.update_deal(deal, [SetField(deposit.id, Decimal("1500.50"))], schema)
    [half] = world.crm.update_deal(deal, [SetField(floors.id, Decimal("2.5"))], schema)

    assert paid.applied
    assert world.crm.read_deal(world.deal_id).fields[deposit.id] == Decimal("1500.50")
    assert (half.applied, "whole numbers" in (half.refusal or "")) == (False, True)


def test_what_the_bot_cannot_write_is_read_only(world: BitrixWorld) -> None:
    """Files, people, several texts."""
    schema = world.crm.read_schema()

    assert all(named(schema, name).read_only for name in ("Договор", "Менеджер", "Телефоны"))


def test_tags_need_a_field_of_their_own(world: BitrixWorld) -> None:
    """Without one the tool says so, and nothing is sent."""
    crm = world.open(tags_field=None)
    deal, schema = crm.read_deal(world.deal_id), crm.read_schema()

    [result] = crm.update_deal(deal, [AddTag("ии")], schema)

    assert (result.applied, result.refusal) == (False, "This portal keeps no tags here.")
    assert [each.id for each in world.crm.read_schema().fields if each.id == TAGS_FIELD] == []


def test_the_deal_of_a_message_that_named_none_is_asked_for(world: BitrixWorld) -> None:
    """The portal may tie the dialog to a deal a moment after its first message."""
    assert world.crm.find_deal(world.chat_now(deal_id=None)) == world.deal_id


def test_a_dialog_with_only_a_lead_has_no_deal_unless_leads_are_worked_with(simulator: BitrixSimulator) -> None:
    """Then the lead's id is told from a deal's."""
    world = BitrixWorld(simulator, kind="lead")
    chat = world.chat_now(deal_id=None)

    assert world.crm.find_deal(chat) is None
    assert world.open(lead_pipeline="Лиды").find_deal(chat) == world.deal_id
    assert world.deal_id.startswith("L")


def test_a_lead_is_worked_with_as_a_deal_of_its_own_pipeline(simulator: BitrixSimulator) -> None:
    """Stages, person, amount, notes and tasks; custom fields and pipelines of deals are refused."""
    world = BitrixWorld(simulator, kind="lead")
    crm = world.open(lead_pipeline="Лиды")
    schema, lead = crm.read_schema(), crm.read_deal(world.deal_id)
    [pipeline] = schema.pipelines_named("Лиды")
    person = next(each for each in schema.people if each.active and each.id != lead.responsible_id)

    moved = crm.update_deal(lead, [MoveStage(pipeline.id, "IN_PROCESS"), Assign(person.id)], schema)
    refused = crm.update_deal(
        crm.read_deal(world.deal_id), [MoveStage("0", "NEW"), SetField(schema.fields[0].id, "Уфа")], schema
    )
    note = crm.add(world.deal_id, AddNote("о лиде", "m1"))
    task = crm.add(world.deal_id, AddTask("позвонить", world.now() + timedelta(hours=1), "m2"))

    assert (lead.pipeline_id, lead.stage_id) == (pipeline.id, "NEW")
    assert [result.applied for result in moved] == [True, True]
    assert [result.applied for result in refused] == [False, False]
    assert (note.applied, task.applied) == (True, True)


def test_a_contact_comes_with_the_deal_in_the_same_call(world: BitrixWorld) -> None:
    """Name, phone and custom fields."""
    item = world.portal.items[3, world.dialog.contact_id]  # type: ignore[index]  # an IntEnum is a number
    item.values["fm"] = [{"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+7 917 000-00-00"}]
    crm = world.open()

    contact = crm.read_deal(world.deal_id, with_contact=True).contact

    assert contact is not None
    assert (contact.name, contact.fields["PHONE"]) == ("Иван Петров", ("+7 917 000-00-00",))
    assert crm.calls == 1


def test_a_method_s_time_limit_in_a_batch_closes_the_account_for_minutes(world: BitrixWorld) -> None:
    """The command's own error counts, though the batch was answered with 200."""
    world.simulator.switch(NAME, operating_limit=0)

    with pytest.raises(RateLimited) as refused:
        world.crm.read_deal(world.deal_id)

    assert refused.value.after == 120


def test_a_full_bucket_makes_longer_pauses_in_a_row(world: BitrixWorld) -> None:
    """And the next call that works forgets them."""
    pauses = []
    world.simulator.fault("status", NAME, status=503, count=3)
    for _ in range(3):
        with pytest.raises(RateLimited) as refused:
            world.crm.read_deal(world.deal_id)
        pauses.append(refused.value.after)

    assert pauses == [1.5, 3.0, 6.0]
    assert world.crm.read_deal(world.deal_id).id == world.deal_id


def test_a_renamed_portal_is_not_followed(world: BitrixWorld) -> None:
    """A token goes to the connected portal's host alone; the integrator connects the new name."""
    world.simulator.switch(NAME, renamed_to="https://evil.test")

    with pytest.raises(NeedsAttention):
        world.crm.read_deal(world.deal_id)


def test_a_portal_that_is_not_paid_for_needs_attention(world: BitrixWorld) -> None:
    """REST is closed there."""
    world.simulator.switch(NAME, paid=False)

    with pytest.raises(NeedsAttention):
        world.crm.read_deal(world.deal_id)


def test_a_page_instead_of_an_answer_is_the_portal_s_fault(world: BitrixWorld) -> None:
    """HTML with status 200: a read may be tried again, of a write the outcome is unknown."""
    world.simulator.fault("status", NAME, status=200, count=2, body="<html>closed</html>")

    with pytest.raises(CrmUnavailable) as read:
        world.crm.read_deal(world.deal_id)
    with pytest.raises(OutcomeUnknown):
        world.crm.send(world.chat, None, "привет")

    assert not isinstance(read.value, OutcomeUnknown)


def test_without_a_deal_notes_and_tasks_go_to_the_lead_else_to_the_contact(simulator: BitrixSimulator) -> None:
    """So that who asks for a person is heard; a task is that item's person's, and both are found again."""
    world = BitrixWorld(simulator, kind="lead")
    lead, contact = world.deal_id, f"K{world.dialog.contact_id}"
    since = world.now()
    task = AddTask("позвонить", since + timedelta(hours=1), "m2")

    places = [world.crm.place_for_notes(world.chat_now(deal_id=None, route=route)) for route in (lead, None)]
    added = [world.crm.add(str(place), each) for place in places for each in (AddNote("просят", "m1"), task)]

    assert places == [lead, contact]
    assert [result.applied for result in added] == [True] * 4
    assert world.crm.was_added(contact, task, since) is Certainty.YES
    assert {todo.responsible_id for todo in world.portal.todos.values()} == {1}


def test_a_dialog_without_anything_in_crm_has_no_place_for_notes(world: BitrixWorld) -> None:
    """Then the line alone is told."""
    assert world.crm.place_for_notes(world.chat_now(deal_id=None, contact_id=None)) is None
