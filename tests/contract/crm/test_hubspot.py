"""HubSpot's own edges: contacts without a deal, hydration's reading, read-backs, what a portal refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dealtalk.deals import AddNote, AddTag, AddTask, Assign, MoveStage, SetField, SetPrice
from dealtalk.errors import DealGone, NeedsAttention, OutcomeUnknown, Permanent
from dealtalk.messages import Author
from dealtalk.ports import Certainty
from local.simulators.hubspot import english_portal, russian_portal
from tests.contract.crm.hubspot_world import HubspotWorld, hubspot_simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dealtalk.deals import DealAddition

WORDS = "A customer needs a person"


@pytest.fixture
def world() -> Iterator[HubspotWorld]:
    """Serve a fresh portal with a stranger's beside it."""
    with hubspot_simulator((russian_portal, {}), (english_portal, {})) as simulator:
        yield HubspotWorld(simulator, simulator.account("oknamaster"), simulator.account("clearpanes"))


def additions(world: HubspotWorld) -> list[DealAddition]:
    """Return a note and a task."""
    return [AddNote(WORDS, "m-note"), AddTask(WORDS, world.now() + timedelta(hours=1), "m-task")]


@pytest.mark.parametrize("number", [0, 1])
def test_without_a_deal_notes_and_tasks_are_the_contacts(world: HubspotWorld, number: int) -> None:
    """They are found there again by their mark, and not at the deal."""
    place = world.crm.place_for_notes(world.chat)
    assert place is not None
    addition, since = additions(world)[number], world.now()
    assert world.crm.was_added(place, addition, since) is Certainty.NO
    assert world.crm.add(place, addition).applied
    assert world.crm.was_added(place, addition, since) is Certainty.YES
    assert world.crm.was_added(world.deal_id, addition, since) is Certainty.NO


def test_the_contacts_task_is_the_contacts_owners(world: HubspotWorld) -> None:
    """Unless somebody is named."""
    place = world.crm.place_for_notes(world.chat)
    assert place is not None
    world.crm.add(place, additions(world)[1])
    [task] = world.portal.objects["tasks"].values()
    assert task.properties["hubspot_owner_id"] == str(next(iter(world.portal.users.values())).owner_id)


def test_a_contact_that_is_gone_is_said(world: HubspotWorld) -> None:
    """Then only the alarm is left."""
    for addition in additions(world):
        with pytest.raises(DealGone):
            world.crm.add("contact:1", addition)


def test_a_visitor_who_is_no_contact_has_no_place(world: HubspotWorld) -> None:
    """Nothing can be kept for them."""
    assert world.crm.place_for_notes(replace(world.chat, contact_id=None)) is None


def test_many_ids_cost_one_list(world: HubspotWorld) -> None:
    """The thread and one page of its messages, however many are asked about."""
    ids = [world.customer_says(f"line {number}") for number in range(30)]
    before = world.crm.calls
    read = world.crm.read_messages(world.chat, ids)
    assert {message.id for message in read.messages} == set(ids)
    assert world.crm.calls - before == 2


def test_a_long_thread_is_read_page_by_page_until_all_are_found(world: HubspotWorld) -> None:
    """By the cursor alone; no page beyond the last that is needed."""
    oldest = world.customer_says("the first")
    for number in range(150):
        world.customer_says(f"line {number}")
    before = world.crm.calls
    read = world.crm.read_messages(world.chat, [oldest])
    assert [message.text for message in read.messages] == ["the first"]
    assert world.crm.calls - before == 3


def test_what_nobody_said_is_left_out_and_what_is_unknown_is_not_named(world: HubspotWorld) -> None:
    """A comment and our own reply are left out; an id that HubSpot does not list is in neither."""
    name = world.portal.subdomain
    asked, comment = world.customer_says("?"), world.simulator.comment(name, world.thread, "between us")
    own = world.crm.send(world.chat, world.deal_id, "Hello").message_id
    assert own is not None
    person = world.simulator.employee_says(name, world.thread, "Me")
    read = world.crm.read_messages(world.chat, [asked, comment, own, person, "never"])
    assert {message.id: message.author for message in read.messages} == {
        asked: Author.CUSTOMER,
        person: Author.EMPLOYEE,
    }
    assert read.left_out == {comment, own}
    assert read.person_leads


def test_a_thread_that_is_gone_has_nothing(world: HubspotWorld) -> None:
    """No message of it is known, and none is left out."""
    read = world.crm.read_messages(replace(world.chat, chat_id="1"), ["m"])
    assert (read.messages, read.left_out) == ((), frozenset())


def test_a_reply_needs_no_route_where_the_thread_shows_the_way(world: HubspotWorld) -> None:
    """The customer's newest message is looked up."""
    world.customer_says("?")
    receipt = world.crm.send(replace(world.chat, route=None), world.deal_id, "Hello")
    assert receipt.confirmed
    assert world.received() == ["Hello"]


def test_a_thread_in_which_nobody_wrote_cannot_be_answered(world: HubspotWorld) -> None:
    """There is no channel to write into."""
    with pytest.raises(Permanent):
        world.crm.send(replace(world.chat, route=None), world.deal_id, "Hello")


def test_a_refused_property_is_the_one_that_is_told(world: HubspotWorld) -> None:
    """The others say that they were not written because of it; nothing was."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    results = world.crm.update_deal(deal, [SetPrice(Decimal(5)), Assign("1")], schema)
    assert [result.applied for result in results] == [False, False]
    assert "no such person" in (results[1].refusal or "")
    assert "another change" in (results[0].refusal or "")
    assert world.crm.read_deal(world.deal_id).price is None


def test_a_tag_that_is_no_option_is_refused_before_it_is_sent(world: HubspotWorld) -> None:
    """HubSpot's deals have no free tags."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    before = world.crm.calls
    [result] = world.crm.update_deal(deal, [AddTag("brand new")], schema)
    assert "no option" in (result.refusal or "")
    assert world.crm.calls == before


def test_without_a_property_for_tags_there_are_none(world: HubspotWorld) -> None:
    """The refusal is a sentence that the model can use."""
    crm = world.open(tags_property=None)
    schema, deal = crm.read_schema(), crm.read_deal(world.deal_id)
    [result] = crm.update_deal(deal, [AddTag("VIP")], schema)
    assert result.refusal == "This account keeps no tags on deals."


def test_an_appended_tag_leaves_what_somebody_else_added(world: HubspotWorld) -> None:
    """A leading semicolon appends: the value that was read is not written over."""
    schema, deal = world.crm.read_schema(), world.crm.read_deal(world.deal_id)
    world.simulator.edit_deal(world.portal.subdomain, world.deal_id, {"bot_tags": "bot_tags_3"})
    world.crm.update_deal(deal, [AddTag("ии")], schema)
    assert set(world.crm.read_deal(world.deal_id).tags) == {"VIP", "ии"}


@pytest.mark.parametrize(("read_back", "calls"), [("answer", 1), ("get", 2)])
def test_the_answer_is_the_read_back_unless_told_otherwise(world: HubspotWorld, read_back: str, calls: int) -> None:
    """One call, or two."""
    crm = world.open(read_back=read_back)
    schema, deal = crm.read_schema(), crm.read_deal(world.deal_id)
    before = crm.calls
    stage = schema.pipelines[1].stages[0]
    results = crm.update_deal(
        deal, [MoveStage(schema.pipelines[1].id, stage.id), SetField("city", "Уфа"), AddTag("VIP")], schema
    )
    assert [result.applied for result in results] == [True] * 3
    assert results[0].new == f"{schema.pipelines[1].name} / {stage.name}"
    assert crm.calls - before == calls


def test_many_properties_are_asked_for_in_a_body(world: HubspotWorld) -> None:
    """A path has an end, a company's properties have none."""
    city = world.portal.properties["city"]
    for number in range(200):
        name = f"a_property_with_quite_a_long_name_{number}"
        world.portal.properties[name] = replace(city, name=name, label=name)
    world.crm.read_schema()
    assert world.crm.read_deal(world.deal_id).id == world.deal_id
    assert world.calls()[-1] == ("POST", "/crm/v3/objects/deals/batch/read")


def test_the_contact_is_read_with_the_deal_where_it_is_asked_for(world: HubspotWorld) -> None:
    """By the way that found the deal no call more; without it by the deal's associations."""
    deal_id = world.crm.find_deal(world.chat)
    before = world.crm.calls
    contact = world.crm.read_deal(deal_id or "", with_contact=True).contact
    assert contact is not None
    assert (contact.name, world.crm.calls) == ("Иван Петров", before)
    again = world.crm.read_deal(world.deal_id, with_contact=True).contact
    assert again == contact


def test_a_chat_is_left_to_the_configured_user(world: HubspotWorld) -> None:
    """The thread is theirs."""
    user = next(iter(world.portal.users))
    world.open(handoff_user_id=str(user)).leave_to_person(world.chat)
    assert world.portal.threads[world.thread].assigned_to == f"A-{user}"


def test_a_missing_scope_needs_somebody(world: HubspotWorld) -> None:
    """It is no matter of trying again."""
    token = world.simulator.token(world.portal.subdomain, scopes=("conversations.read",))
    world.secrets.values["token"] = {"token": token}
    with pytest.raises(NeedsAttention):
        world.crm.send(world.chat, world.deal_id, "Hello")


def test_a_cut_connection_while_reading_is_tried_once_more(world: HubspotWorld) -> None:
    """A read changes nothing."""
    world.simulator.fault("drop_before", world.portal.subdomain, method="GET", path="/threads/", count=1)
    asked = world.customer_says("?")
    assert len(world.crm.read_messages(world.chat, [asked]).messages) == 1


@pytest.mark.parametrize("status", [502, 504, 521])
def test_a_gateways_error_after_a_send_is_of_unknown_outcome(world: HubspotWorld, status: int) -> None:
    """It may have been sent, and the thread tells."""
    options: dict[str, Any] = {"method": "POST", "path": "/messages$", "status": status, "count": 1}
    world.simulator.fault("status_after", world.portal.subdomain, **options)
    since = world.now()
    with pytest.raises(OutcomeUnknown):
        world.crm.send(world.chat, world.deal_id, "Hello")
    assert world.crm.was_sent(world.chat, world.deal_id, "Hello", since) is Certainty.YES
